"""How much one key may do: the generic cell rate algorithm. Pure.

GCRA (ITU-T I.371) keeps one number per key, the time at which its bucket would be empty again ("theoretical arrival
time"); a cell conforms if it does not come earlier than that time less the burst's worth.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Network, ip_address

KEYS = 100_000


class RateLimit:
    """`rate` cells a second and `burst` at once for each key; a rate of 0 limits nothing. Remembers 100,000 keys."""

    def __init__(self, rate: float, burst: int, keys: int = KEYS) -> None:
        self.rate = rate
        self._keys = keys
        self._step = 1 / rate if rate else 0.0
        self._slack = self._step * (burst - 1)
        self._due: OrderedDict[Hashable, float] = OrderedDict()

    def admit(self, key: Hashable, now: float) -> float:
        """Count one for `key`: 0 if it is admitted, else the seconds to wait, and it was not counted."""
        if not self.rate:
            return 0.0
        due = max(self._due.get(key, now), now)
        early = due - self._slack - now
        if early > 1e-9:
            return early
        self._due[key] = due + self._step
        self._due.move_to_end(key)
        if len(self._due) > self._keys:
            self._due.popitem(last=False)
        return 0.0


def network(address: str) -> str:
    """What one party has of addresses: one of IPv4, a /64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(IPv6Network((parsed, 64), strict=False))

"""Is messaging on, and for whom? Pure.

Of clients a share may write, chosen by their ids alone: whoever is inside at some percentage is inside at every
greater one, on every edge and in every release. The host application can compute the same.
"""

from __future__ import annotations

from hashlib import sha256

from broker.wire.payloads import Id

STAFF = frozenset({"agent", "admin"})
EVERYONE = 100


def place(account: Id) -> int:
    """Where an account stands among clients, 0 to 99: the SHA-256 of its id (lower case), as one number, mod 100."""
    return int.from_bytes(sha256(account.encode()).digest(), "big") % EVERYONE


class Switch:
    """`enabled` is for all, staff included; `percentage` (0 to 100) is of clients."""

    def __init__(self, enabled: bool = True, percentage: int = EVERYONE) -> None:
        self.enabled = enabled
        self.percentage = percentage

    def is_on(self, account: Id, role: str) -> bool:
        """May this account write?"""
        if not self.enabled:
            return False
        return self.percentage >= EVERYONE or role in STAFF or place(account) < self.percentage

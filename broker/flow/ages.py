"""How old a batch is, told by one's own monotonic clock, though the stamp on it is of another's.

The smallest difference ever seen between our clock at receipt and the sender's at departure is the offset of the two
clocks plus the least time on the way; whatever exceeds it, the batch spent waiting: in a stopped process, a full
buffer, a cut line. (The idea of the minimum filter is NTP's, RFC 5905, 10.) The minimum may drift by 100 ppm, which
is more than two quartzes part.
"""

from __future__ import annotations

DRIFT = 100e-6


class Ages:
    """The ages of the batches of one connection, in milliseconds."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._at = 0.0

    def age(self, stamp_ms: int, now_ms: float) -> float:
        """How long the batch stamped `stamp_ms` was on its way beyond the shortest way there is; 0 or more."""
        difference = now_ms - stamp_ms
        if self._least is None:
            self._least = difference
        else:
            self._least = min(difference, self._least + (now_ms - self._at) * DRIFT)
        self._at = now_ms
        return difference - self._least

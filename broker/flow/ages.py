"""How old a batch is, told by one's own monotonic clock, though the stamp on it is of another's.

A batch carries the sender's time, and echoes the newest of our times that the sender has seen. So when it was stamped,
our clock showed at least the echo: their difference is a *lower* bound of how far the clocks are apart (half of NTP's
exchange, RFC 5905, 8). An age taken from it is never too small. It is too large by the time that our echoed batch took,
less than a millisecond in a good exchange, and the best exchange ever seen is kept; it may drift by 100 ppm, which is
more than two quartzes part.

A filter of the smallest delay ever seen, without the echo, is no substitute: to a process that was stopped before it
had read its first batch, everything that waited looks fresh.
"""

from __future__ import annotations

DRIFT = 100e-6
STAMP_MS = 1.0
"""Stamps are whole milliseconds."""


class Ages:
    """The ages of the batches of one connection, in milliseconds. `newest` is the stamp to be echoed."""

    __slots__ = ("_apart", "_at", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self._apart = float("-inf")
        self._at = 0.0

    def age(self, stamp: int, echo: int, now_ms: float) -> float:
        """How long ago the batch was stamped, at least 0; infinity as long as the other end has echoed nothing.

        A batch from the future says that our bound was wrong (a clock was set back): it is the new bound.
        """
        self.newest = max(self.newest, stamp)
        apart = self._apart - (now_ms - self._at) * DRIFT
        if echo:
            apart = max(apart, echo - stamp - STAMP_MS)
        self._apart = min(apart, now_ms - stamp)
        self._at = now_ms
        return now_ms - stamp - self._apart

"""The highest rate that still holds, found with few tries. Pure: the caller tries each rate and says how it went."""

from __future__ import annotations

import math

TRIES = 2
"""A rate that fails is tried again: on a busy machine one failure may be a neighbour's."""


class Bisection:
    """From `start` up or down by `factor` until one rate holds and a higher one does not; then halves between them.

    `rate` is what to try next; None when the answer is known, which is `held` (0: nothing held). It is known when
    the two are at most `resolution` (a part of the higher one) apart, when `most` holds, or when what is above
    `least` does not.
    """

    def __init__(
        self,
        start: float,
        *,
        factor: float = 2.0,
        resolution: float = 0.04,
        least: float = 10.0,
        most: float = 100_000.0,
    ) -> None:
        self.rate: float | None = start
        self.held = 0.0
        self._failed = math.inf
        self._failures = 0
        self._factor = factor
        self._resolution = resolution
        self._least = least
        self._most = most

    def tell(self, holds: bool) -> None:
        """How it went at `rate`."""
        assert self.rate is not None
        if holds:
            self.held = self.rate
        else:
            self._failures += 1
            if self._failures < TRIES:
                return
            self._failed = self.rate
        self._failures = 0
        self.rate = self._next()

    def _next(self) -> float | None:
        if math.isinf(self._failed):
            return min(self.held * self._factor, self._most) if self.held < self._most else None
        if not self.held:
            lower = self._failed / self._factor
            return lower if lower >= self._least else None
        if self._failed - self.held <= self._resolution * self._failed:
            return None
        return (self.held + self._failed) / 2

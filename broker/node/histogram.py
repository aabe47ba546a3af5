"""A histogram that costs next to nothing: a list of counts. It becomes Prometheus's when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client.core import HistogramMetricFamily

SECONDS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Bounds for what should take milliseconds; closest where the goals of docs/performance.md lie."""


class Histogram:
    """Counts of values by the least of `bounds` (ascending) that they do not exceed, and their sum.

    prometheus_client's own costs four times as much for each value, for a lock that one event loop does not need.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value; below 0 (two clocks that differ) it is 0."""
        if value < 0:
            value = 0.0
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def family(self, name: str, words: str) -> HistogramMetricFamily:
        """As it is told: each bucket with all below it (`le`), the last of them infinity."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(name, words, buckets=buckets, sum_value=self.sum)

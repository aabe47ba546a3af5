"""What a load test measured: Locust's counts, and every latency of this process for percentiles and pictures."""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from typing import Any, NamedTuple

from bench.latency import Percentiles, course, curve, percentiles

MOST = 1_000_000
"""Latencies that are kept of each name; beyond, Locust's own rounded figures go on alone."""
SLICE_SECONDS = 1.0


class Line(NamedTuple):
    """One name of a report; latencies in milliseconds."""

    kind: str
    name: str
    requests: int
    failures: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class Record:
    """Latencies by kind and name, with the second in which each was taken."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._seconds: defaultdict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))
        self._at: defaultdict[tuple[str, str], array[float]] = defaultdict(lambda: array("d"))

    def add(self, kind: str, name: str, seconds: float) -> None:
        """Something took so long."""
        kept = self._seconds[kind, name]
        if len(kept) < MOST:
            kept.append(seconds)
            self._at[kind, name].append(time.monotonic() - self.began)

    def clear(self) -> None:
        """Begin anew: what came before was warming up."""
        self._seconds.clear()
        self._at.clear()
        self.began = time.monotonic()

    def percentiles(self, kind: str, name: str) -> Percentiles | None:
        """Of one name; None when it was not measured in this process."""
        kept = self._seconds.get((kind, name))
        return percentiles(kept) if kept else None

    def curve(self, kind: str, name: str) -> list[tuple[float, float]]:
        """The distribution of one name."""
        return curve(self._seconds.get((kind, name), array("d")))

    def course(self, kind: str, name: str) -> list[tuple[float, float]]:
        """Seconds and 99th percentile, slice by slice."""
        at = self._at.get((kind, name), array("d"))
        marks, next_mark = [(0.0, 0)], SLICE_SECONDS
        for number, seconds in enumerate(at):
            while seconds >= next_mark:
                marks.append((next_mark, number))
                next_mark += SLICE_SECONDS
        marks.append((next_mark, len(at)))
        return [(one.at, one.p99) for one in course(self._seconds.get((kind, name), array("d")), marks)]


def lines(stats: Any, record: Record) -> list[Line]:
    """Locust's entries, with our percentiles where this process measured them: Locust's are rounded to whole ms."""
    found = []
    for (name, kind), entry in sorted(stats.entries.items()):
        exact = record.percentiles(kind, name)
        if exact is None:
            p50, p95, p99 = (float(entry.get_response_time_percentile(q) or 0) for q in (0.5, 0.95, 0.99))
            exact = Percentiles(p50, p95, p99, float(entry.max_response_time))
        found.append(Line(kind, name, entry.num_requests, entry.num_failures, float(entry.avg_response_time), *exact))
    return found

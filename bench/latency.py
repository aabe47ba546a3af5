"""Latencies of a run made small: percentiles, the curve of a distribution, and its course over time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0)
"""Where a curve is drawn: closer together the rarer it gets, as in HdrHistogram's plots."""


class Percentiles(NamedTuple):
    """Of a latency, in milliseconds; NaN when nothing was measured."""

    p50: float
    p95: float
    p99: float
    max: float


class Moment(NamedTuple):
    """One slice of a run: when it ended, in seconds after the start, and its latencies in milliseconds."""

    at: float
    measured: int
    p50: float
    p99: float
    max: float


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Nearest-rank percentiles of latencies in seconds."""
    return Percentiles(*_at(seconds, (0.5, 0.95, 0.99, 1.0)))


def curve(seconds: Sequence[float]) -> list[tuple[float, float]]:
    """The distribution as (quantile, milliseconds), for `QUANTILES`; empty when nothing was measured."""
    return list(zip(QUANTILES, _at(seconds, QUANTILES), strict=True)) if seconds else []


def course(seconds: Sequence[float], marks: Sequence[tuple[float, int]]) -> list[Moment]:
    """The latencies slice by slice: `marks` are (time, how many were measured by then), the start first."""
    moments = []
    for (_, first), (at, last) in pairwise(marks):
        if last > first:
            p50, p99, most = _at(seconds[first:last], (0.5, 0.99, 1.0))
            moments.append(Moment(at - marks[0][0], last - first, p50, p99, most))
    return moments


def mean(seconds: Sequence[float]) -> float:
    """In milliseconds; NaN when nothing was measured."""
    return 1000 * math.fsum(seconds) / len(seconds) if seconds else math.nan


def _at(seconds: Sequence[float], quantiles: Sequence[float]) -> list[float]:
    if not seconds:
        return [math.nan] * len(quantiles)
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return [1000 * ordered[min(last, int(q * len(ordered)))] for q in quantiles]

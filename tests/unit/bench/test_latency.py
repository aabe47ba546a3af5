"""Latencies made small: percentiles, curve, course."""

from __future__ import annotations

import math

from bench.latency import QUANTILES, Moment, course, curve, mean, percentiles


def test_percentiles_are_nearest_rank_in_milliseconds():
    assert percentiles([n / 1000 for n in range(1, 101)]) == (51, 96, 100, 100)


def test_of_nothing_there_is_no_latency():
    assert all(math.isnan(figure) for figure in (*percentiles([]), mean([])))
    assert curve([]) == []


def test_the_curve_rises_from_least_to_most():
    found = curve([0.004, 0.001, 0.002, 0.003])
    assert [quantile for quantile, _ in found] == list(QUANTILES)
    assert (found[0][1], found[-1][1]) == (1, 4)
    assert [ms for _, ms in found] == sorted(ms for _, ms in found)


def test_the_course_is_cut_at_the_marks_and_leaves_empty_slices_out():
    marks = [(10.0, 0), (10.5, 2), (11.0, 2), (11.5, 3)]
    assert course([0.001, 0.003, 0.002], marks) == [Moment(0.5, 2, 3, 3, 3), Moment(1.5, 1, 2, 2, 2)]


def test_the_mean_is_in_milliseconds():
    assert mean([0.001, 0.003]) == 2

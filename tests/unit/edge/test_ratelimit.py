"""GCRA: what is admitted, how long the rest waits, and how much is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ratelimit import RateLimit


def test_a_burst_is_admitted_at_once_and_then_the_rate():
    limit = RateLimit(10.0, 3)
    assert [limit.admit("ann", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.admit("ann", 0.0) == pytest.approx(0.1)
    assert limit.admit("ann", 0.05) == pytest.approx(0.05)
    assert limit.admit("ann", 0.1) == 0.0
    assert limit.admit("ann", 0.1) == pytest.approx(0.1)


def test_what_is_refused_is_not_counted():
    limit = RateLimit(1.0, 1)
    assert limit.admit("ann", 0.0) == 0.0
    assert all(limit.admit("ann", 0.5) == pytest.approx(0.5) for _ in range(100))
    assert limit.admit("ann", 1.0) == 0.0


def test_keys_do_not_know_of_each_other():
    limit = RateLimit(1.0, 1)
    assert limit.admit("ann", 0.0) == limit.admit("bob", 0.0) == 0.0


def test_a_rate_of_zero_limits_nothing():
    limit = RateLimit(0.0, 1)
    assert not any(limit.admit("ann", 0.0) for _ in range(1000))


def test_who_was_not_seen_for_longest_is_forgotten_first():
    limit = RateLimit(0.001, 1, keys=2)
    limit.admit("ann", 0.0)
    limit.admit("bob", 1.0)
    limit.admit("cid", 2.0)
    assert limit.admit("bob", 3.0) > 0
    assert limit.admit("cid", 3.0) > 0
    assert limit.admit("ann", 3.0) == 0.0


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_window_ever_holds_more_than_burst_and_rate_allow(rate, burst, pauses):
    """Whatever the times, n admissions within t seconds are at most burst + rate x t."""
    limit, now, admitted = RateLimit(rate, burst), 0.0, []
    for pause in pauses:
        now += pause
        if limit.admit("ann", now) == 0.0:
            admitted.append(now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            assert (
                last - first + 1 <= burst + rate * (admitted[last] - admitted[first]) + 1e-6 * (last - first + 1) + 1e-5
            )


@given(rate=st.floats(0.1, 1000), burst=st.integers(1, 50))
def test_who_waits_as_long_as_was_said_is_admitted(rate, burst):
    limit = RateLimit(rate, burst)
    while not (wait := limit.admit("ann", 100.0)):
        pass
    assert limit.admit("ann", 100.0 + wait) == 0.0

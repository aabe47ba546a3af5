"""The search for the highest rate that holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.bisection import TRIES, Bisection


def search(found: Bisection, limit: float) -> list[float]:
    """Run it against a system that holds every rate up to `limit`; the rates that were tried."""
    tried = []
    while found.rate is not None:
        tried.append(found.rate)
        found.tell(found.rate <= limit)
        assert len(tried) < 200
    return tried


def test_it_doubles_until_a_rate_fails_and_then_halves_the_rest():
    found = Bisection(1000, resolution=0.1)
    assert search(found, 5300) == [1000, 2000, 4000, 8000, 8000, 6000, 6000, 5000, 5500, 5500]
    assert found.held == 5000


def test_it_goes_down_when_already_the_first_fails():
    found = Bisection(4000, resolution=0.1)
    assert search(found, 1200)[: 3 * TRIES : TRIES] == [4000, 2000, 1000]
    assert found.held == pytest.approx(1200, rel=0.1)


def test_one_failure_of_a_rate_is_no_failure():
    found = Bisection(1000, most=1000)
    found.tell(False)
    assert found.rate == 1000
    found.tell(True)
    assert (found.rate, found.held) == (None, 1000)


def test_what_never_holds_ends_at_the_least():
    found = Bisection(1000, least=100)
    search(found, 0)
    assert found.held == 0


@given(st.floats(20, 90_000), st.floats(20, 90_000), st.floats(1.1, 4), st.floats(0.01, 0.2))
def test_what_it_finds_holds_and_is_as_close_to_the_limit_as_was_asked(limit, start, factor, resolution):
    found = Bisection(start, factor=factor, resolution=resolution)
    search(found, limit)
    if limit >= 10 * factor:  # below, the least rate ends the search first
        assert found.held <= limit <= found.held / (1 - resolution)

"""Histograms as Prometheus wants them, and the lag of an event loop."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as TheirHistogram

from broker.node.histogram import SECONDS, Histogram
from broker.node.lag import LoopLag

numbers = st.floats(min_value=0, max_value=100, allow_nan=False) | st.sampled_from(SECONDS)


def samples(histogram: Histogram) -> dict[tuple[str, str], float]:
    """Value by name and bound."""
    return {(each.name, each.labels.get("le", "")): each.value for each in histogram.family("h", "words").samples}


@given(st.lists(numbers, max_size=40))
def test_it_tells_what_the_library_would(values):
    ours = Histogram()
    theirs = TheirHistogram("h", "words", buckets=SECONDS, registry=CollectorRegistry())
    for value in values:
        ours.observe(value)
        theirs.observe(value)
    (family,) = theirs.collect()
    expected = {
        (each.name, each.labels.get("le", "")): each.value for each in family.samples if each.name != "h_created"
    }
    assert samples(ours) == pytest.approx(expected)


def test_a_value_on_a_bound_belongs_to_it():
    histogram = Histogram((1, 2))
    for value in (1, 1.5, 2, 3):
        histogram.observe(value)
    told = samples(histogram)
    assert [told["h_bucket", le] for le in ("1", "2", "+Inf")] == [1, 3, 4]
    assert (told["h_count", ""], told["h_sum", ""]) == (4, 7.5)


def test_what_two_clocks_make_negative_is_nothing():
    histogram = Histogram()
    histogram.observe(-0.5)
    assert histogram.sum == 0
    assert histogram.counts[0] == 1


@pytest.mark.anyio
async def test_a_loop_that_is_held_up_is_late(monkeypatch):
    monkeypatch.setattr("broker.node.lag.LOOK_SECONDS", 0.01)
    async with LoopLag() as lag:
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - what must not happen in a loop, on purpose
        while True:
            await asyncio.sleep(0.01)
            if sum(lag.seconds.counts):
                break
        (family,) = lag.collect()
    late = [each.value for each in family.samples if each.labels.get("le") == "0.05"]
    assert lag.seconds.sum >= 0.08
    assert late[0] < sum(lag.seconds.counts)


@pytest.mark.anyio
async def test_a_lag_that_is_closed_looks_no_more(monkeypatch):
    monkeypatch.setattr("broker.node.lag.LOOK_SECONDS", 0.001)
    async with LoopLag() as lag:
        pass
    await asyncio.sleep(0.02)
    assert not sum(lag.seconds.counts)

"""The pace of a load run."""

from __future__ import annotations

import time

import pytest

from bench.metronome import beat, schedule

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("rate", "seconds"), [(3.0, 1 / 3), (1000.0, 0.001), (7000.0, 0.001), (2500.5, 0.001)])
def test_a_schedule_is_even_and_leaves_nothing_out(rate, seconds):
    tick, due = schedule(rate)
    assert tick == seconds
    for k in (0, 1, 10, 999):
        assert due(k) == pytest.approx((k + 1) * tick * rate, abs=1)
    assert due(int(60 / tick) - 1) == pytest.approx(60 * rate, abs=1)


async def test_each_beat_knows_when_it_was_due():
    beats: list[tuple[int, float, float]] = []
    await beat(2000.0, 101, lambda n, intended: beats.append((n, intended, time.monotonic())))
    assert [n for n, _, _ in beats] == list(range(101))
    assert beats[-1][1] - beats[0][1] == pytest.approx(0.05)
    assert all(at >= intended for _, intended, at in beats)


async def test_a_slow_consumer_is_not_spared():
    """Whoever blocks for 20 ms gets all that fell due meanwhile, with the times at which it was due."""
    beats: list[float] = []

    def slow(n: int, intended: float) -> None:
        beats.append(time.monotonic() - intended)
        if n == 5:
            time.sleep(0.02)

    await beat(1000.0, 40, slow)
    assert beats[6] > 0.015
    assert len(beats) == 40


async def test_what_the_sender_raises_ends_it():
    def broken(n: int, intended: float) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await beat(1000.0, 5, broken)

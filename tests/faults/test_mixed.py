"""Faults of every kind, mixed by a seed, under load: the short run that every `make test` has."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.faults.kinds import KINDS
from tests.faults.mixed import mixed
from tests.faults.schedule import LONGEST_PAUSE, schedule

SECONDS = 120.0


def test_a_seed_means_the_same_faults_each_time():
    kinds = list(KINDS)
    assert list(islice(schedule(7, kinds), 200)) == list(islice(schedule(7, kinds), 200))
    assert list(islice(schedule(7, kinds), 200)) != list(islice(schedule(8, kinds), 200))


def test_every_fault_comes_before_any_comes_again():
    kinds = list(KINDS)
    drawn = list(islice(schedule(7, kinds), 2 * len(kinds)))
    assert sorted(step.kind for step in drawn[: len(kinds)]) == sorted(kinds)
    assert sorted(step.kind for step in drawn[len(kinds) :]) == sorted(kinds)
    assert all(0 < step.pause <= LONGEST_PAUSE for step in drawn)


@pytest.mark.anyio
async def test_two_minutes_of_faults_lose_double_and_misorder_nothing(database_url):
    report = await mixed(database_url, seed=1, seconds=SECONDS, rate=100)
    assert report.verdict.sound, report.verdict.faults
    assert len(report.done) >= SECONDS / 15
    assert report.verdict.acked > 3000, list(report.table())

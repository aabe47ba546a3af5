"""The accidents that `test_plants` uses, without a bug beside them: the counts stay 0."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.run import running, under_load
from tests.faults.test_plants import MOVING, TALK, nothing

pytestmark = [pytest.mark.anyio, pytest.mark.long]

ACCIDENTS = {
    "answers are lost behind the commit": {"persistence": ["swallows_answers=0.2"]},
    "two workers own every conversation": {"edge": ["asks_every_worker"]},
    "fanout hears of nothing but by the feed": {"persistence": ["tells_fanout_nothing"]},
    "deliveries are dropped": {"fanout": ["drops_deliveries=10"]},
    "deliveries are doubled and late": {"fanout": ["doubles_and_delays_deliveries=0.2"]},
}


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_an_accident_that_goes_on_all_the_time_harms_nothing(database_url, accident):
    async with running(database_url, seed=20, rooms=8, plants=ACCIDENTS[accident]) as run:
        verdict = await under_load(run, nothing, seconds=4, mix=MOVING)
    assert verdict.sound, verdict.faults
    assert verdict.acked > 200


async def test_the_worker_dies_between_commit_and_answer_again_and_again(database_url):
    async with running(database_url, seed=21, plants={"persistence": ["dies_behind_commit=60"]}) as run:

        async def plan(run):
            for _ in range(120):
                for name, process in list(run.system.processes.items()):
                    if process.poll() is not None:
                        run.system.start(name)
                        deaths.append(name)
                await asyncio.sleep(0.05)

        deaths: list[str] = []
        verdict = await under_load(run, plan, seconds=6, mix=TALK)
    assert verdict.sound, verdict.faults
    assert len(deaths) >= 4

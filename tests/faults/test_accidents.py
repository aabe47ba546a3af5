"""The accidents that `test_plants` uses, without a bug beside them: the counts stay 0."""

from __future__ import annotations

import asyncio
import json
import signal
import time

import pytest

from tests.faults.run import Run, running, under_load
from tests.faults.test_plants import MOVING, TALK, nothing

pytestmark = [pytest.mark.anyio, pytest.mark.long]

TALK_SECONDS = 30.0

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


async def test_the_worker_dies_between_commit_and_answer_again_and_again(database_url, record_property):
    async with running(database_url, seed=21, plants={"persistence": ["dies_behind_commit=15"]}) as run:

        async def plan(run):
            over = time.monotonic() + TALK_SECONDS
            while len(deaths) < 20 and time.monotonic() < over:
                for name, process in list(run.system.processes.items()):
                    if process.poll() is not None:
                        run.system.start(name)
                        deaths.append(name)
                await asyncio.sleep(0.05)
            run.system.plants = {}  # the last lives are long, or nothing would ever come to rest
            for name in ("persistence", "persistence-2"):
                await run.system.restart(name)

        deaths: list[str] = []
        verdict = await under_load(run, plan, seconds=TALK_SECONDS, mix=TALK)
    assert verdict.sound, verdict.faults
    record_property("deaths", f"{len(deaths)}, {verdict.acked} acked")
    assert len(deaths) >= 20


async def test_a_thousand_acks_are_lost_behind_the_commit_and_every_resend_gets_the_same_seq(
    database_url, record_property
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(50)
        replays.append(await numbers(run, "replays"))
        run.system.plants = {}
        for name in ("persistence", "persistence-2"):
            run.system.start(name)

    replays: list[int] = []
    async with running(database_url, seed=22, plants={"persistence": ["swallows_answers=0.4"]}) as run:
        verdict = await under_load(run, plan, seconds=50, rate=400)
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("swallowed", f"{replays[0]} commands answered again from the log, {verdict.acked} acked")
    assert replays[0] >= 1000


async def numbers(run: Run, name: str) -> int:
    """Stop the persistence workers as a supervisor does; what they have counted under this name in all their lives."""
    total = 0
    for worker in ("persistence", "persistence-2"):
        await run.system.end(worker, signal.SIGTERM)
        for line in (run.system.folder / f"{worker}.log").read_text().splitlines():
            if line.startswith("{") and (told := json.loads(line))["event"] == "persistence.stopped":
                total += told[name]
    return total

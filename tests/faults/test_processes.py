"""Processes die, stop, hang and come back under load: the counts stay 0, and service returns in time."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.faults.measures import delays, longest_silence, slowest, unhindered
from tests.faults.run import Run, running, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]


async def test_without_a_fault_the_counts_are_zero(database_url):
    async def nothing(run: Run) -> None:
        await asyncio.sleep(0)

    async with running(database_url, seed=1) as run:
        verdict = await under_load(run, nothing, seconds=5)
    assert verdict.sound, verdict.faults
    assert verdict.acked > 700
    assert verdict.heard > 4 * verdict.acked


async def test_when_an_edge_is_killed_its_clients_go_on_at_another_within_five_seconds(database_url):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        run.system.kill("edge-2")
        killed.append(time.monotonic())
        await asyncio.sleep(0.2)
        while not all(talker.client.state == "live" for talker in run.talkers):  # noqa: ASYNC110 — clients tell of no change of state
            await asyncio.sleep(0.02)
        back.append(time.monotonic())
        run.system.start("edge-2")

    killed: list[float] = []
    back: list[float] = []
    async with running(database_url, seed=2) as run:
        verdict = await under_load(run, plan, seconds=6)
    assert verdict.sound, verdict.faults
    assert back[0] - killed[0] <= 5


@pytest.mark.parametrize("how", ["killed", "stopped for ten seconds", "its loop blocked for ten seconds"])
async def test_when_one_of_two_brokers_fails_acks_flow_again_within_three_seconds(database_url, how):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        began.append(time.monotonic())
        if how == "killed":
            run.system.kill("broker-2")
            await asyncio.sleep(8)
            run.system.start("broker-2")
        elif how.startswith("stopped"):
            run.system.kill("broker-2", signal.SIGSTOP)
            await asyncio.sleep(10)
            run.system.kill("broker-2", signal.SIGCONT)
        else:
            run.system.kill("broker-2", signal.SIGUSR1)
            await asyncio.sleep(10.5)
        await asyncio.sleep(1)

    began: list[float] = []
    async with running(database_url, seed=3) as run:
        verdict = await under_load(run, plan, seconds=14)
    assert verdict.sound, verdict.faults
    assert longest_silence(run, began[0], began[0] + 8) <= 3


async def test_when_a_persistence_worker_is_stopped_in_an_append_the_other_takes_over_within_three_seconds(
    database_url,
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        began.append(time.monotonic())
        run.system.kill("persistence", signal.SIGSTOP)
        await asyncio.sleep(10)
        run.system.kill("persistence", signal.SIGCONT)
        await asyncio.sleep(1)

    began: list[float] = []
    async with running(database_url, seed=4) as run:
        verdict = await under_load(run, plan, seconds=13)
        late = slowest(run, began[0] + 3, began[0] + 8, unhindered(run))
    assert verdict.sound, verdict.faults
    assert late <= 2, late


async def test_when_both_brokers_are_killed_and_restarted_service_is_back_within_five_seconds(database_url):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        run.system.kill("broker")
        run.system.kill("broker-2")
        await asyncio.sleep(2)
        run.system.start("broker")
        run.system.start("broker-2")
        began.append(time.monotonic())
        await asyncio.sleep(6)

    began: list[float] = []
    async with running(database_url, seed=5) as run:
        verdict = await under_load(run, plan, seconds=10)
        late = slowest(run, began[0] + 5, began[0] + 7, unhindered(run))
    assert verdict.sound, verdict.faults
    assert late <= 2, late


async def test_when_a_fanout_worker_is_killed_and_another_joins_everybody_has_everything_within_three_seconds(
    database_url,
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        run.system.kill("fanout")
        await asyncio.sleep(0.5)
        run.system.start("fanout-3")
        await asyncio.sleep(4)

    async with running(database_url, seed=6) as run:
        verdict = await under_load(run, plan, seconds=6)
    assert verdict.sound, verdict.faults
    assert delays(run) <= 3.5

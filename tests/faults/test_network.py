"""The network between edges and brokers fails in silence, one way, by halves, late, again and again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.faults.kinds import network_of
from tests.faults.measures import growth, longest_silence, memory, slowest, unhindered
from tests.faults.run import Run, running, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]

MEGABYTE = 2**20
CUT_SECONDS = 12.0


@pytest.mark.parametrize(
    "cut",
    [{"up": False, "down": False}, {"up": False}, {"down": False}],
    ids=["silent both ways", "silent to the broker", "silent from the broker"],
)
async def test_a_silent_line_between_edge_and_broker_is_noticed_within_four_seconds(
    database_url, cut: dict[str, Any], record_property
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(2)
        before = memory(run)
        await network_of(run).tell(["edge-2"], ["broker-2"], **cut)
        began.append(time.monotonic())
        for _ in range(int(CUT_SECONDS)):
            await asyncio.sleep(1)
            grown.append(growth(before, memory(run)))
        await network_of(run).heal()
        await asyncio.sleep(3)
        grown.append(growth(before, memory(run)))

    began: list[float] = []
    grown: list[int] = []
    async with running(database_url, seed=60, lines=True) as run:
        verdict = await under_load(run, plan, seconds=CUT_SECONDS + 8)
        late = slowest(run, began[0] + 4, began[0] + CUT_SECONDS, unhindered(run))
        worst = slowest(run, began[0] - 1, began[0] + 4, unhindered(run))
    assert verdict.sound, verdict.faults
    record_property("silent", f"waits: {worst:.2f} s, 4 s later {late:.2f} s; grown {max(grown) / MEGABYTE:.1f} MB")
    assert late <= 2, late
    assert worst <= 4 + 1, worst
    assert max(grown) <= 50 * MEGABYTE


async def test_an_edge_that_sees_no_broker_keeps_little_and_goes_on_when_it_does(database_url, record_property):
    async def plan(run: Run) -> None:
        await asyncio.sleep(2)
        before = memory(run)
        await network_of(run).tell(["edge-2"], ["broker", "broker-2"], up=False, down=False)
        for _ in range(int(CUT_SECONDS)):
            await asyncio.sleep(1)
            grown.append(growth(before, memory(run)))
        await network_of(run).heal()
        healed.append(time.monotonic())
        await asyncio.sleep(8)
        grown.append(growth(before, memory(run)))

    grown: list[int] = []
    healed: list[float] = []
    async with running(database_url, seed=61, lines=True) as run:
        verdict = await under_load(run, plan, seconds=CUT_SECONDS + 12)
        late = slowest(run, healed[0] + 4, healed[0] + 7, unhindered(run))
    assert verdict.sound, verdict.faults
    record_property("alone", f"called 4 s after the cut's end: {late:.2f} s; grown {max(grown) / MEGABYTE:.1f} MB")
    assert late <= 2, late
    assert max(grown) <= 50 * MEGABYTE


async def test_when_half_the_edges_see_only_one_broker_and_half_only_the_other_the_counts_are_zero(
    database_url, record_property
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        began.append(time.monotonic())
        await network_of(run).tell(["edge"], ["broker-2"], up=False, down=False)
        await network_of(run).tell(["edge-2"], ["broker"], up=False, down=False)
        await asyncio.sleep(CUT_SECONDS)
        await network_of(run).heal()
        await asyncio.sleep(2)

    began: list[float] = []
    async with running(database_url, seed=62, lines=True) as run:
        verdict = await under_load(run, plan, seconds=CUT_SECONDS + 6)
        late = slowest(run, began[0] + 4, began[0] + CUT_SECONDS, unhindered(run))
        silence = longest_silence(run, began[0], began[0] + CUT_SECONDS)
    assert verdict.sound, verdict.faults
    record_property("split", f"no ack for {silence:.2f} s; called 4 s later: {late:.2f} s")
    assert verdict.open == 0
    assert silence <= 3


@pytest.mark.parametrize("how", ["slow", "stalling", "half open", "reset"])
async def test_lines_that_fail_again_and_again_harm_nothing(database_url, how, record_property):
    async def plan(run: Run) -> None:
        network = network_of(run)
        if how == "slow":
            await network.tell(network.peers, ["broker-2"], delay=0.2)
            await asyncio.sleep(8)
        for _ in range(8 if how != "slow" else 0):
            if how == "stalling":
                await network.tell(network.peers, ["broker-2"], up=False, down=False)
                await asyncio.sleep(0.6)
                await network.heal()
            elif how == "half open":
                await network.tell(network.peers[:3], ["broker-2"], end="half")
            else:
                await network.tell(network.peers, network.brokers, end="reset")
            await asyncio.sleep(0.6)
        await network.heal()

    async with running(database_url, seed=63, lines=True) as run:
        began = time.monotonic()
        verdict = await under_load(run, plan, seconds=12)
        wait, silence = slowest(run, began, began + 12), longest_silence(run, began, began + 12)
    assert verdict.sound, verdict.faults
    record_property(how, f"longest wait {wait:.2f} s, no ack for {silence:.2f} s")
    assert verdict.open == 0
    assert silence <= 3

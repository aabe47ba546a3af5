"""An edge's link reconnects a thousand times, in each of the ways that there are: it costs neither files nor memory."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import linear_regression

import pytest

from tests.faults.network import Network
from tests.fixtures.backbone import broker
from tests.fixtures.system import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.long]

MEGABYTE = 2**20
WARM_UP = 200
RECONNECTS = 1000
STUCK_SECONDS = 30.0

Cost = dict[str, int]


class Subject:
    """A process with nothing but a link in it (`tests.faults.reconnects`)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def tell(self, word: str) -> Cost:
        """Have it done; what the process costs when its link is back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        async with asyncio.timeout(STUCK_SECONDS):
            cost: Cost = json.loads(await self._process.stdout.readline())
        return cost


@asynccontextmanager
async def subject(address: str) -> AsyncIterator[Subject]:
    """One that is connected, and ends in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.reconnects", address),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        one = Subject(process)
        await one.tell("look")
        yield one
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def reconnect(address: str, how: Callable[[Subject], Awaitable[Cost]]) -> list[Cost]:
    """What one costs behind each of a thousand reconnects, after some to warm up."""
    async with subject(address) as one:
        return [await how(one) for _ in range(WARM_UP + RECONNECTS)][WARM_UP:]


def slope(costs: list[Cost], what: str) -> float:
    """By how much it grows in a thousand reconnects: the line of least squares through all of them."""
    return linear_regression(range(len(costs)), [cost[what] for cost in costs]).slope * 1000


async def test_a_thousand_reconnects_of_a_link_cost_neither_files_nor_memory(record_property):
    """Three links at once, each in a process of its own, each reconnecting in its way."""

    async def cut(one: Subject) -> Cost:
        await network.tell(["cut"], ["broker"], end="reset")
        return await one.tell("look")

    ways: dict[str, Callable[[Subject], Awaitable[Cost]]] = {
        "cut": cut,
        "renewed": lambda one: one.tell("renew"),
        "reopened": lambda one: one.tell("reopen"),
    }
    network = Network(ways, ["broker"])
    with broker(network.listens("broker")):
        async with network.laid():
            costs = await asyncio.gather(*(reconnect(network.leads(name)[0], how) for name, how in ways.items()))
    grown = {name: slope(each, "resident") / MEGABYTE for name, each in zip(ways, costs, strict=True)}
    files = {name: {cost["files"] for cost in each} for name, each in zip(ways, costs, strict=True)}
    told = ", ".join(f"{name}: {megabytes:.2f} MB, files {files[name]}" for name, megabytes in grown.items())
    record_property("reconnects", told)
    assert all(megabytes <= 1 for megabytes in grown.values()), grown
    assert all(len(numbers) == 1 for numbers in files.values()), files

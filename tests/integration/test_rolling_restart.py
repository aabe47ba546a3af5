"""Several of each process, and a crowd that talks all the time while one after the other goes and comes again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.crowd import Crowd
from tests.fixtures.system import System

pytestmark = pytest.mark.anyio

KINDS = ("broker", "persistence", "fanout", "edge")
PAIRS = tuple(name for kind in KINDS for name in (kind, f"{kind}-2"))
LONGEST_ACK = {signal.SIGTERM: 2.9, signal.SIGKILL: 8.0}
"""Seconds, on a machine that does other things too. A clean stop never costs the 3 s after which edges repeat."""


@pytest.fixture
async def pairs(database_url: str) -> AsyncIterator[System]:
    """Two edges, two brokers, two workers of each kind, ready."""
    folder = Path(tempfile.mkdtemp(prefix="parley-"))
    system = System(database_url, folder)
    system.brokers = 2
    try:
        for name in PAIRS:
            system.start(name)
        await system.settled(brokers=2, persistence=2, fanout=2)
        yield system
    finally:
        system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def counts(*missing: str) -> dict[str, int]:
    """What edges see of pairs when these are missing."""
    seen = {"brokers": 2, "persistence": 2, "fanout": 2}
    for name in missing:
        kind = name.partition("-")[0]
        if kind != "edge":
            seen["brokers" if kind == "broker" else kind] -= 1
    return seen


class Step:
    """What a change did to the crowd, printed for whoever reads the log (pytest -s, or a failure)."""

    def __init__(self, what: str, crowd: Crowd) -> None:
        self.what = what
        self._crowd = crowd
        self._began = time.monotonic()

    async def over(self) -> float:
        """Let the crowd talk on a moment; the longest that an answer took since the step began."""
        await asyncio.sleep(0.3)
        ack, delivery = self._crowd.longest_ack(self._began), self._crowd.longest_delivery(self._began)
        told = f"{self.what:24} longest ack {ack * 1000:6.0f} ms, delivery {delivery * 1000:6.0f} ms"
        print(told)  # noqa: T201 — what a step costs is to be seen in the log of the run
        return ack


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
async def test_each_process_goes_and_comes_again_and_nobody_in_the_crowd_has_an_error(
    pairs: System, number: signal.Signals
):
    async with Crowd(pairs, rooms=10, group=5) as crowd:
        for name in PAIRS:
            step = Step(f"{number.name} {name}", crowd)
            await pairs.end(name, number)
            await pairs.settled(**counts(name))
            pairs.start(name)
            await pairs.settled(**counts())
            assert await step.over() < LONGEST_ACK[number], name
        await crowd.end()
        assert crowd.faults() == []
        assert crowd.hurdles == [], "not even for a moment"
        assert len(crowd.said) > 1_000
        assert sum(client.reconnects for client in crowd.clients) >= len(crowd.clients)


async def test_workers_are_added_and_taken_away_while_a_crowd_talks(pairs: System):
    async with Crowd(pairs, rooms=10, group=5) as crowd:
        for name in ("persistence-3", "fanout-3"):
            more = {**counts(), name.partition("-")[0]: 3}
            step = Step(f"add {name}", crowd)
            pairs.start(name)
            await pairs.settled(**more)
            assert await step.over() < LONGEST_ACK[signal.SIGTERM]
            step = Step(f"take {name} away", crowd)
            await pairs.end(name, signal.SIGTERM)
            await pairs.settled(**counts())
            assert await step.over() < LONGEST_ACK[signal.SIGTERM]
        await crowd.end()
        assert crowd.faults() == []
        assert crowd.hurdles == []
        assert not any(client.reconnects for client in crowd.clients), "no client noticed"

"""Every client reconnects at once: all are back and caught up in time, and PostgreSQL is not overrun."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import psycopg
import pytest

from bench.dial import allow_files
from storage.settings import StorageSettings
from tests.faults.load import Mix, Talker
from tests.faults.run import Run, running, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]

CLIENTS = 2000
ROOMS = 400
EDGES = ("edge", "edge-2")
RESIDENTS = 40
MISSED = 25
"""Commands of each resident that the others are not there for."""
BACK_SECONDS = 30.0
SAMPLE_SECONDS = 0.1

SAMPLE = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_start >= %s
GROUP BY application_name
"""


@asynccontextmanager
async def counted_connections(database_url: str) -> AsyncIterator[Counter[str]]:
    """By process, the most connections to the database that it had at a time, of those made from now on."""
    most: Counter[str] = Counter()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        now = await (await database.execute("SELECT clock_timestamp()")).fetchone()

        async def sample() -> None:
            while True:
                for name, number in await (await database.execute(SAMPLE, now)).fetchall():
                    most[name] = max(most[name], number)
                await asyncio.sleep(SAMPLE_SECONDS)

        sampling = asyncio.create_task(sample())
        yield most
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)


@asynccontextmanager
async def residents(run: Run) -> AsyncIterator[list[Talker]]:
    """Second devices of some, at an edge of their own, which is not cut off."""
    run.system.start("edge-3")
    await run.system.ready()
    url = f"http://127.0.0.1:{run.system.ports['edge-3']}"
    staff = [person for person in run.people if person.role == "agent"][:RESIDENTS]
    talkers = [
        Talker(person, f"{person.name} at home", run.history, [url], Random(number))
        for number, person in enumerate(staff)
    ]
    try:
        await asyncio.gather(*(talker.client.__aenter__() for talker in talkers))
        await asyncio.gather(*(talker.client.until(lambda t=talker: t.client.state == "live") for talker in talkers))  # type: ignore[misc]  # bound now
        run.talkers += talkers
        yield talkers
    finally:
        await asyncio.gather(*(talker.client.close() for talker in talkers), return_exceptions=True)


async def all_back(talkers: list[Talker], cut: float) -> float:
    """Wait until all of these are connected anew and know everything; how long after the cut that is."""
    while not all((talker.live_since or 0.0) > cut for talker in talkers):  # noqa: ASYNC110 — each tells for itself
        await asyncio.sleep(0.05)
    await asyncio.gather(*(talker.client.caught_up() for talker in talkers))
    return time.monotonic() - cut


async def test_two_thousand_clients_who_reconnect_at_once_are_back_and_caught_up_within_thirty_seconds(
    database_url, record_property
):
    """Both edges that they know are killed, and started at once; at a third one others talk on meanwhile."""

    async def plan(run: Run) -> None:
        away = [talker for talker in run.talkers if talker not in staying]
        await asyncio.sleep(2)
        async with counted_connections(database_url) as most:
            for name in EDGES:
                run.system.kill(name)
            cut = time.monotonic()
            for talker in staying:
                for _ in range(MISSED):
                    talker.wish(Mix(membership=0), run.people)
            for name in EDGES:
                run.system.start(name)
            async with asyncio.timeout(2 * BACK_SECONDS):
                took.append(await all_back(away, cut))
        connections.update(most)

    took: list[float] = []
    connections: Counter[str] = Counter()
    allow_files(2 * CLIENTS)
    async with running(database_url, seed=70, clients=CLIENTS, rooms=ROOMS) as run, residents(run) as staying:
        verdict = await under_load(run, plan, seconds=15, rate=100)
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("storm", f"all back after {took[0]:.1f} s; {verdict.acked} acked; connections: {dict(connections)}")
    assert took[0] <= BACK_SECONDS
    assert set(EDGES) <= connections.keys()
    assert max(connections.values()) <= StorageSettings().pool_max_connections

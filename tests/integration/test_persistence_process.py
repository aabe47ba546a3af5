"""`python -m workers.persistence`, killed and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fixtures.persistence import Backbone, room, stored

pytest_plugins = ["tests.fixtures.persistence"]
pytestmark = pytest.mark.anyio


def environment(**settings: str) -> dict[str, str]:
    """Ours without what may configure a Parley, with these settings."""
    ours = ("WORKER_", "STORAGE_", "BROKER_", "DATABASE_URL", "DATA_DIR", "PARLEY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | settings


async def start(**settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.persistence", env=environment(**settings), stderr=asyncio.subprocess.PIPE
    )


async def end(process: asyncio.subprocess.Process, number: signal.Signals) -> str:
    """Send the signal and wait; what the process wrote to stderr."""
    if process.returncode is None:
        process.send_signal(number)
    async with asyncio.timeout(15):
        _, errors = await process.communicate()
    return errors.decode()


@asynccontextmanager
async def process(backbone: Backbone, database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that the edge knows; killed at the end if it still runs."""
    worker = await start(DATABASE_URL=database_url, BROKER_ADDRESSES=backbone.address, PARLEY_DIE_WITH_PARENT="1")
    try:
        await backbone.peers("persistence", lambda nodes: len(nodes) == 1)
        yield worker
    finally:
        if worker.returncode is None:
            await end(worker, signal.SIGKILL)


async def test_after_a_kill_the_same_ids_get_the_same_seqs_and_the_rest_is_stored_once(
    backbone, db, database_url, people
):
    """Killed with -9 between two commands, and again in the middle of many."""
    edge = backbone.edge
    async with process(backbone, database_url) as worker:
        conversation = await room(backbone, people)
        before = edge.command(conversation, people.ann, "before")
        (first,) = await edge.ask(before)
        many = [edge.command(conversation, people.ann, str(n)) for n in range(60)]
        for command in many:
            edge.send(command)
            await asyncio.sleep(0)
        await edge.outcomes(many[0])
        await end(worker, signal.SIGKILL)
    acked = {command.id: edge.heard[command.ref].seq for command in many if command.ref in edge.heard}
    await backbone.peers("persistence", lambda nodes: not nodes)
    async with process(backbone, database_url) as worker:
        again = edge.command(conversation, people.ann, "before", before.id)
        (second,) = await edge.ask(again)
        resent = [edge.command(conversation, people.ann, c.act.body, c.id) for c in many]
        edge.send(*resent)
        outcomes = await edge.outcomes(*resent)
        await end(worker, signal.SIGTERM)
    assert (second.seq, second.at, second.replayed) == (first.seq, first.at, True)
    assert [outcome.seq for outcome in outcomes] == list(range(3, 63))
    assert all(edge.heard[c.ref].seq == acked[c.id] for c in resent if c.id in acked)
    assert [body for _, _, body in await stored(db, conversation)][2:] == [str(n) for n in range(60)]


async def test_sigterm_ends_it_cleanly_and_the_log_tells_start_and_stop(backbone, database_url, people):
    """No body of a message is in the log."""
    edge = backbone.edge
    async with process(backbone, database_url) as worker:
        conversation = await room(backbone, people)
        await edge.ask(edge.command(conversation, people.ann, "a secret between us"))
        errors = await end(worker, signal.SIGTERM)
    assert worker.returncode == 0
    assert "persistence.started" in errors
    assert '"stored":2' in errors
    assert "a secret" not in errors


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"WORKER_BATCH_COMMANDS": "501"}, "WORKER_BATCH_COMMANDS must be at most 500"),
        ({"WORKER_BATCHCOMMANDS": "5"}, "did you mean WORKER_BATCH_COMMANDS?"),
        ({"STORAGE_OPEN_SECONDS": "soon"}, "STORAGE_OPEN_SECONDS='soon' cannot be used"),
        ({"BROKER_ADDRESSES": ""}, "BROKER_ADDRESSES must name at least one broker"),
        ({"BROKER_ADDRESSES": "udp://nowhere"}, "udp://nowhere"),
        ({"DATABASE_URL": "postgresql://nobody@/x?host=/nowhere", "STORAGE_OPEN_SECONDS": "0.1"}, "did not answer"),
    ],
)
async def test_a_setting_that_cannot_be_used_ends_it_with_its_name(database_url, settings, said):
    """Before anything is opened that would have to be closed."""
    given = {"DATABASE_URL": database_url, "BROKER_ADDRESSES": "ipc://nowhere", **settings}
    worker = await start(**given)
    async with asyncio.timeout(15):
        _, errors = await worker.communicate()
    assert worker.returncode == 1
    assert said in errors.decode()
    assert "Traceback" not in errors.decode()

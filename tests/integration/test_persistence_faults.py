"""The persistence worker when the data is bad, the database is away, or time is over."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest

from broker.wire.payloads import Message
from tests.fixtures.persistence import IMPATIENT_SECONDS, impatient, locked, room, stored

pytest_plugins = ["tests.fixtures.persistence"]
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "poison", [Message("nul \x00"), Message("far", reply_to=2**63), Message("who", mentions=("x" * 36,))]
)
async def test_a_poisoned_command_among_fifty_neighbours_is_refused_alone(backbone, db, people, poison):
    """The neighbours, of its own conversation and of another, are stored in order."""
    edge = backbone.edge
    async with backbone.worker(db):
        conversation, other = await room(backbone, people), await room(backbone, people)
        commands = [edge.command(conversation, people.ann, str(n)) for n in range(50)]
        bad = edge.command(conversation, people.ann, poison)
        commands.insert(23, bad)
        quiet = edge.command(other, people.bob, "quiet")
        edge.send(*commands)
        edge.send(quiet)
        outcomes = await edge.outcomes(*commands)
        assert (await edge.outcomes(quiet))[0].code == ""
    assert outcomes.pop(23).code == "invalid"
    assert [(outcome.code, outcome.seq) for outcome in outcomes] == [("", seq) for seq in range(2, 52)]
    assert [body for _, _, body in await stored(db, conversation)][1:] == [str(n) for n in range(50)]


@pytest.mark.parametrize("field", ["conversation", "actor", "id"])
async def test_an_id_that_is_no_uuid_is_invalid(backbone, db, people, field):
    """Whatever an edge lets through, the neighbours are none the worse."""
    edge = backbone.edge
    async with backbone.worker(db):
        conversation = await room(backbone, people)
        good = edge.command(conversation, people.ann, "good")
        bad = msgspec.structs.replace(edge.command(conversation, people.ann, "bad"), **{field: "no-uuid"})
        assert [one.code for one in await edge.ask(good, bad)] == ["", "invalid"]


async def test_connections_that_are_cut_in_the_middle_lose_and_double_nothing(backbone, db, database_url, people):
    """An administrator ends every session, again and again; the worker tries again under the same ids."""
    edge = backbone.edge
    async with backbone.worker(db), await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        conversation = await room(backbone, people)
        commands = []
        for _ in range(5):
            for _ in range(20):
                commands.append(edge.command(conversation, people.ann, f"{len(commands)}"))
                edge.send(commands[-1])
                await asyncio.sleep(0.001)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        outcomes = await edge.outcomes(*commands, seconds=10)
    assert [(outcome.code, outcome.seq) for outcome in outcomes] == [("", seq) for seq in range(2, 102)]
    assert [body for _, _, body in await stored(db, conversation)][1:] == [c.act.body for c in commands]


async def test_a_lock_held_longer_than_the_timeout_delays_and_loses_nothing(backbone, database_url, people):
    """The append is retried until the lock is free."""
    edge = backbone.edge
    async with impatient(database_url) as db, backbone.worker(db):
        conversation = await room(backbone, people)
        command = edge.command(conversation, people.ann, "patient")
        async with locked(database_url, conversation):
            edge.send(command)
            await asyncio.sleep(2 * IMPATIENT_SECONDS)
            assert command.ref not in edge.heard
        (outcome,) = await edge.outcomes(command)
        assert (outcome.code, outcome.seq) == ("", 2)
        assert len(await stored(db, conversation)) == 2


async def test_a_lock_on_one_conversation_holds_up_no_other(backbone, database_url, people):
    """They share the worker and the batch; the held one is stored in order when it is free."""
    edge = backbone.edge
    async with impatient(database_url) as db, backbone.worker(db):
        held, free = await room(backbone, people), await room(backbone, people)
        async with locked(database_url, held):
            waiting = [edge.command(held, people.ann, str(n)) for n in range(3)]
            edge.send(*waiting)
            await asyncio.sleep(2 * IMPATIENT_SECONDS)
            quick = edge.command(free, people.ann, "quick")
            edge.send(quick)
            (outcome,) = await edge.outcomes(quick, seconds=IMPATIENT_SECONDS / 2)
            assert (outcome.code, outcome.seq) == ("", 2)
            assert not any(command.ref in edge.heard for command in waiting)
        outcomes = await edge.outcomes(*waiting, seconds=1)
    assert [(outcome.code, outcome.seq) for outcome in outcomes] == [("", 2), ("", 3), ("", 4)]


async def test_a_command_that_outlives_its_time_behind_a_lock_is_unavailable_and_never_stored(
    backbone, database_url, people
):
    """What is sent afterwards is stored as if it had not been."""
    edge = backbone.edge
    async with impatient(database_url) as db, backbone.worker(db):
        conversation = await room(backbone, people)
        late = edge.command(conversation, people.ann, "late")
        behind = edge.command(conversation, people.bob, "behind")
        async with locked(database_url, conversation):
            edge.send(late, ttl=IMPATIENT_SECONDS / 2)
            await asyncio.sleep(0.05)
            edge.send(behind, ttl=IMPATIENT_SECONDS / 2)
            outcomes = await edge.outcomes(late, behind)
        assert [outcome.code for outcome in outcomes] == ["unavailable", "unavailable"]
        (outcome,) = await edge.ask(edge.command(conversation, people.ann, "next"))
        assert outcome.seq == 2
        assert [body for _, _, body in await stored(db, conversation)][1:] == ["next"]


async def test_a_database_that_refuses_everybody_and_comes_back_is_served_again(backbone, db, database_url, people):
    """Short-lived commands are unavailable, the others stored; the worker needs no restart."""
    edge = backbone.edge
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    elsewhere = psycopg.conninfo.make_conninfo(database_url, dbname="postgres")
    async with backbone.worker(db), await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as admin:
        conversation = await room(backbone, people)
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            short = edge.command(conversation, people.ann, "short")
            long = edge.command(conversation, people.bob, "long")
            edge.send(short, ttl=0.5)
            edge.send(long, ttl=5.0)
            (refused,) = await edge.outcomes(short)
        finally:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        (outcome,) = await edge.outcomes(long)
        assert (refused.code, outcome.code, outcome.seq) == ("unavailable", "", 2)
        assert [body for _, _, body in await stored(db, conversation)][1:] == ["long"]


async def test_a_command_that_has_no_time_left_is_not_stored(backbone, db, database_url, people):
    """It waited behind the append of another conversation."""
    edge = backbone.edge
    async with backbone.worker(db):
        busy, quiet = await room(backbone, people), await room(backbone, people)
        async with locked(database_url, busy):
            first = edge.command(busy, people.ann, "first")
            second = edge.command(quiet, people.ann, "second")
            edge.send(first)
            await asyncio.sleep(0.05)
            edge.send(second, ttl=0.2)
            await asyncio.sleep(0.3)
        outcomes = await edge.outcomes(first, second)
        assert [outcome.code for outcome in outcomes] == ["", "unavailable"]
        assert len(await stored(db, quiet)) == 1

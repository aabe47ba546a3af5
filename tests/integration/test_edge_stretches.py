"""Many who come back with the same cursor: the log is read once for them, and what changed is never told as it was."""

from __future__ import annotations

import asyncio

import pytest

from broker.node.tasks import Tasks
from edge.socket import stretches as of_edge
from edge.socket.frames import packed
from edge.socket.stretches import Stretch, Stretches
from storage import log
from storage.errors import StorageError
from tests.fixtures.logs import command, conversation_of, leave, new_id, one, person, say, whole_log

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(db):
    """A conversation of six events: begun by the agent, five messages of the client."""
    agent, client = await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, agent, client)
    await log.append(db, [say(conversation, client, f"word {seq}") for seq in range(2, 7)])
    return conversation, agent, client


@pytest.fixture
async def stretches(db):
    tasks = Tasks()
    yield Stretches(db, tasks)
    await tasks.cancel()


async def frames(db, conversation, after, upto, *, binary=True):
    return packed((await whole_log(db, conversation))[after:upto], binary=binary)


@pytest.mark.parametrize("binary", [True, False])
async def test_a_stretch_is_the_events_behind_the_cursor_up_to_the_limit(db, room, stretches, binary):
    conversation, agent, _ = room
    found = await stretches.read(agent, {conversation: 2}, 3, binary=binary)
    assert found == {conversation: Stretch(await frames(db, conversation, 2, 5, binary=binary), 5, 6)}
    rest = await stretches.read(agent, {conversation: 5}, 3, binary=binary)
    assert rest == {conversation: Stretch(await frames(db, conversation, 5, 6, binary=binary), 6, 6)}


async def test_who_has_everything_or_more_gets_the_head_without_a_read(room, stretches):
    conversation, agent, _ = room
    assert await stretches.read(agent, {conversation: 6}, 9, binary=True) == {conversation: Stretch(b"", 6, 6)}
    assert await stretches.read(agent, {conversation: 9}, 9, binary=True) == {conversation: Stretch(b"", 9, 6)}
    assert stretches.reads == 0


async def test_all_who_lack_the_same_share_one_read_at_once_and_later(room, stretches):
    conversation, agent, client = room
    asked = [stretches.read(who, {conversation: 1}, 9, binary=True) for who in (agent, client) * 20]
    found = await asyncio.gather(*asked)
    found.append(await stretches.read(client, {conversation: 1}, 9, binary=True))
    assert all(one == found[0] for one in found)
    assert stretches.reads == 1


async def test_one_read_brings_what_is_missing_of_many_logs(db, room, stretches):
    conversation, agent, _ = room
    other = await conversation_of(db, agent)
    await stretches.read(agent, {conversation: 1}, 9, binary=True)
    found = await stretches.read(agent, {conversation: 1, other: 0}, 9, binary=True)
    assert found[other] == Stretch(await frames(db, other, 0, 1), 1, 1)
    assert stretches.reads == 2


async def test_who_is_no_member_gets_nothing_however_warm_the_stretch_is(db, room, stretches):
    conversation, agent, client = room
    foreign, missing = await conversation_of(db, agent), new_id()
    asked = {conversation: 1, foreign: 0, missing: 0}
    found = await stretches.read(client, asked, 9, binary=True)
    assert found[conversation] and found[foreign] is found[missing] is None
    await one(db, leave(conversation, client, client))
    await stretches.read(agent, asked, 9, binary=True)
    assert set((await stretches.read(client, asked, 9, binary=True)).values()) == {None}


@pytest.mark.parametrize("kind", ["edit", "delete"])
async def test_what_was_changed_is_not_told_as_it_was(db, room, stretches, kind):
    conversation, agent, client = room
    (before,) = (await stretches.read(agent, {conversation: 2}, 1, binary=True)).values()
    assert before and b"word 3" in before.data
    await one(db, command(kind, conversation, client, body="other" if kind == "edit" else None, target=3))
    (after,) = (await stretches.read(agent, {conversation: 2}, 1, binary=True)).values()
    assert after and b"word 3" not in after.data
    assert after == Stretch(await frames(db, conversation, 2, 3), 3, 7)


async def test_all_who_wait_hear_of_a_fault_and_the_next_reads_again(room, stretches, monkeypatch):
    conversation, agent, _ = room
    sound = log.SQL["stretches"]
    monkeypatch.setitem(log.SQL, "stretches", sound.replace("SELECT NULL", "SELECT 1 / (e.seq - e.seq)"))
    asked = [stretches.read(agent, {conversation: 1}, 9, binary=True) for _ in range(3)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(fault, StorageError) for fault in found)
    monkeypatch.setitem(log.SQL, "stretches", sound)
    (stretch,) = (await stretches.read(agent, {conversation: 1}, 9, binary=True)).values()
    assert stretch and stretch.last == 6


async def test_a_session_that_goes_takes_nobody_elses_read_along(room, stretches):
    conversation, agent, client = room
    first = asyncio.create_task(stretches.read(agent, {conversation: 1}, 9, binary=True))
    second = asyncio.create_task(stretches.read(client, {conversation: 1}, 9, binary=True))
    while not stretches.reads:  # noqa: ASYNC110 - the read tells nobody that it began
        await asyncio.sleep(0)
    first.cancel()
    (stretch,) = (await second).values()
    assert stretch and stretch.last == 6


async def test_no_more_is_kept_than_may_be(db, room, stretches, monkeypatch):
    conversation, agent, _ = room
    monkeypatch.setattr(of_edge, "KEPT_BYTES", 3 * (of_edge.ENTRY_BYTES + len(await frames(db, conversation, 1, 2))))
    for after in (1, 2, 3, 4):
        await stretches.read(agent, {conversation: after}, 1, binary=True)
    await stretches.read(agent, {conversation: 4}, 1, binary=True)
    await stretches.read(agent, {conversation: 2}, 1, binary=True)
    assert stretches.reads == 4
    await stretches.read(agent, {conversation: 1}, 1, binary=True)
    assert stretches.reads == 5


async def test_a_huge_stretch_is_not_kept(room, stretches, monkeypatch):
    conversation, agent, _ = room
    monkeypatch.setattr(of_edge, "LARGEST_BYTES", 100)
    for _ in range(2):
        await stretches.read(agent, {conversation: 1}, 9, binary=True)
    assert stretches.reads == 2

"""What waits for whom: counted exactly by every question, with a bounded amount of work."""

from __future__ import annotations

import asyncio
from random import Random

import psycopg
import pytest

from storage import conversations, log, markers
from storage.markers import Mark
from tests.fixtures.logs import command, conversation_of, join, leave, one, person, say

pytestmark = pytest.mark.anyio

WINDOW = 10_000


async def unread(db, who, room):
    """The three questions that tell it have one answer."""
    (summary,) = [one for one in (await conversations.summaries(db, who, 9))[0] if one.id == room]
    (listed,) = [one for one in (await conversations.page(db, who, None, 9))[0] if one["id"] == room]
    shown = await conversations.get(db, who, room)
    assert summary.unread == listed["unread"] == shown["unread"]
    return summary.unread


async def speak(db, room, actor, count):
    """So many messages, written past the append, which would take seconds."""
    sql = """WITH said AS (
                 INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body)
                 SELECT v.id, v.head + n, 'message', %(actor)s::uuid, gen_random_uuid(), '', now(), 'hello'
                   FROM conversations AS v, generate_series(1, %(count)s::bigint) AS n WHERE v.id = %(room)s)
             UPDATE conversations SET head = head + %(count)s::bigint WHERE id = %(room)s"""
    await db.fetch(sql, {"actor": actor, "room": room, "count": count}, again=False)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_said_changed_deleted_and_read_the_count_is_that_of_a_model(db, seed):
    random = Random(seed)
    people = [await person(db, "agent"), await person(db), await person(db)]
    room = await conversation_of(db, *people)
    messages: dict[int, str] = {}
    read = dict.fromkeys(people, 0)
    for _ in range(60):
        actor = random.choice(people)
        own = [seq for seq, author in messages.items() if author == actor]
        act = random.choice(["say", "say", "say", "delete", "edit", "react", "read"])
        if act == "read":
            head = (await log.heads(db, [room]))[room]
            asked = random.randint(0, head + 3)
            read[actor] = max(read[actor], min(asked, head))
            assert (await markers.mark(db, [Mark(actor, room, asked, 0)]))[0].read == read[actor]
        elif act == "react" and messages:
            await one(db, command("react", room, actor, target=random.choice(list(messages)), emoji="👍", on=True))
        elif act == "edit" and own:
            await one(db, command("edit", room, actor, body="better", target=random.choice(own)))
        elif act == "delete" and own:
            target = random.choice(own)
            assert (await one(db, command("delete", room, actor, target=target))).code == ""
            del messages[target]
        else:
            messages[(await one(db, say(room, actor))).seq] = actor
        for who in people:
            waiting = [seq for seq, author in messages.items() if author != who and seq > read[who]]
            assert await unread(db, who, room) == len(waiting)


async def test_saying_something_moves_no_marker_and_is_unread_to_the_others_only(db):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await one(db, say(room, client))
    await one(db, say(room, agent))
    assert (await conversations.get(db, agent, room))["read"] == 0
    assert (await unread(db, agent, room), await unread(db, client, room)) == (1, 1)


async def test_who_comes_back_goes_on_where_the_marker_was(db):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await log.append(db, [say(room, agent), say(room, agent)])
    await markers.mark(db, [Mark(client, room, 2, 0)])
    await one(db, leave(room, client, client))
    await one(db, say(room, agent))
    await one(db, join(room, agent, client))
    assert ((await conversations.get(db, client, room))["read"], await unread(db, client, room)) == (2, 2)


async def test_ones_own_thousands_hide_nothing_that_was_said_lately(db):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await one(db, say(room, agent))
    await speak(db, room, client, WINDOW - 1)
    assert await unread(db, client, room) == 1
    await speak(db, room, client, 1)
    assert await unread(db, client, room) == 0  # the limit that docs/protocol.md names
    await one(db, say(room, agent))
    assert await unread(db, client, room) == 1
    assert await unread(db, agent, room) == 100


@pytest.mark.parametrize("speaker", ["oneself", "another", "another, deleted"])
async def test_a_count_reads_a_bounded_part_of_a_long_log(db, database_url, speaker):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await speak(db, room, client if speaker == "oneself" else agent, 3 * WINDOW)
    if speaker == "another, deleted":
        await db.fetch("UPDATE events SET deleted_at = at, body = NULL WHERE kind = 'message'")
    await db.fetch("VACUUM ANALYZE events", again=False)
    # One transaction, which counts itself.
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        asked = await connection.execute(
            "SELECT unread_messages(id, %s, 0, head) FROM conversations WHERE id = %s", (client, room)
        )
        assert await asked.fetchone() == (100 if speaker == "another" else 0,)
        counted = await connection.execute(
            "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'events'"
        )
        assert await counted.fetchone() == (0, 100 if speaker == "another" else WINDOW)


async def test_of_many_markers_at_once_the_greatest_wins(db):
    agent = await person(db, "agent")
    room = await conversation_of(db, agent)
    await speak(db, room, agent, 100)
    seqs = list(range(2, 102))
    Random(1).shuffle(seqs)
    told = await asyncio.gather(*(markers.mark(db, [Mark(agent, room, seq, 0)]) for seq in seqs))
    assert all(marks[0].read >= seq for seq, marks in zip(seqs, told, strict=True))
    assert (await conversations.get(db, agent, room))["read"] == 101

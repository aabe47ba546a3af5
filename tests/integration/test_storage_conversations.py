"""Conversations as their members see them."""

from __future__ import annotations

import asyncio

import pytest

from storage import accounts, conversations, log, markers
from storage.errors import Invalid, NotFound
from storage.markers import Mark
from tests.fixtures.logs import conversation_of, join, leave, new_id, one, person, say

pytestmark = pytest.mark.anyio


async def test_unread_are_others_undeleted_messages_after_the_marker(db):
    agent, client, late = await person(db, "agent"), await person(db), await person(db)
    room = await conversation_of(db, agent, client)
    await log.append(db, [say(room, agent, "1"), say(room, client, "2"), say(room, agent, "3"), say(room, agent)])
    await one(db, join(room, agent, late))
    await db.fetch("UPDATE events SET deleted_at = at, body = NULL WHERE seq = 4")
    summaries, more = await conversations.summaries(db, client, 10)
    assert (summaries, more) == ([conversations.Summary(room, 6, 0, 2)], False)
    await markers.mark(db, [Mark(client, room, 2, 0)])
    assert (await conversations.get(db, client, room))["unread"] == 1
    assert (await conversations.page(db, agent, None, 10))[0][0]["unread"] == 1


async def test_unread_counts_to_a_hundred(db):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await log.append(db, [say(room, agent) for _ in range(130)])
    assert (await conversations.summaries(db, client, 1))[0][0].unread == 100


async def test_a_marker_only_moves_forward_and_at_most_to_the_head(db):
    agent, client = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, client)
    await log.append(db, [say(room, agent) for _ in range(4)])
    for read, delivered, then in ((3, 0, (3, 3)), (2, 1, (3, 3)), (0, 4, (3, 4)), (99, 0, (5, 5)), (0, 99, (5, 5))):
        assert await markers.mark(db, [Mark(client, room, read, delivered)]) == [Mark(client, room, *then)]
    shown = await conversations.get(db, agent, room)
    assert shown["read"] == 0
    assert {(one["account"], one["read"], one["delivered"]) for one in shown["members"]} == {
        (agent, 0, 0),
        (client, 5, 5),
    }


async def test_many_markers_move_in_one_statement_and_strangers_are_left_out(db):
    agent, client, stranger = await person(db, "agent"), await person(db), await person(db)
    rooms = [await conversation_of(db, agent, client) for _ in range(3)]
    wishes = [Mark(who, room, 1, 0) for who in (agent, client, stranger) for room in rooms]
    marks = await markers.mark(db, wishes)
    assert {(mark.account, mark.conversation) for mark in marks} == {
        (who, room) for who in (agent, client) for room in rooms
    }
    await one(db, leave(rooms[0], agent, client))
    assert await markers.mark(db, [Mark(client, rooms[0], 1, 0), Mark(client, new_id(), 1, 0)]) == []


async def test_markers_of_two_edges_in_opposite_order_never_wait_for_each_other_for_ever(db):
    agent = await person(db, "agent")
    people = [await person(db) for _ in range(20)]
    room = await conversation_of(db, agent, *people)
    await log.append(db, [say(room, agent) for _ in range(50)])
    ways = (people, people[::-1])
    rounds = [markers.mark(db, [Mark(who, room, n, 0) for who in ways[n % 2]]) for n in range(2, 42)]
    assert all(len(marks) == 20 for marks in await asyncio.gather(*rounds))


async def test_among_more_than_thirty_two_nobody_is_told_how_far_others_have_read(db):
    agent = await person(db, "agent")
    room = await conversation_of(db, agent, *[await person(db) for _ in range(32)])
    shown = await conversations.get(db, agent, room)
    assert {(one["read"], one["delivered"]) for one in shown["members"]} == {(None, None)}


async def test_the_list_is_last_active_first_and_pages_without_a_gap(db):
    agent = await person(db, "agent")
    rooms = [await conversation_of(db, agent) for _ in range(7)]
    await db.fetch("UPDATE conversations SET last_at = now() - interval '1 s'")  # ties must not lose one
    await one(db, say(rooms[3], agent, "newest"))
    items, cursor = [], None
    while True:
        page, cursor = await conversations.page(db, agent, cursor, 2)
        items += page
        if cursor is None:
            break
    assert items[0]["id"] == rooms[3]
    assert sorted(item["id"] for item in items) == sorted(rooms)
    assert items[0]["last_message"]["body"] == "newest"
    assert items[0]["last_message"] == (await log.events_after(db, agent, rooms[3], 1, 1)).items[0]
    assert items[1]["last_message"] is None
    summaries, more = await conversations.summaries(db, agent, 2)
    assert ([summary.id for summary in summaries], more) == ([item["id"] for item in items[:2]], True)


async def test_the_list_has_the_members_who_are_left_where_they_are_few(db):
    agent, client, gone = await person(db, "agent"), await person(db), await person(db)
    few = await conversation_of(db, agent, client, gone)
    await one(db, leave(few, agent, gone))
    many = await conversation_of(db, agent, *[await person(db) for _ in range(31)])
    more = await conversation_of(db, agent, *[await person(db) for _ in range(32)])
    page, _ = await conversations.page(db, agent, None, 5)
    members = {item["id"]: item["members"] for item in page}
    assert set(members[few]) == {agent, client}
    assert len(members[many]) == 32
    assert members[more] is None


async def test_the_last_message_is_one_that_can_be_read(db):
    agent = await person(db, "agent")
    room = await conversation_of(db, agent)
    await log.append(db, [say(room, agent, "stays"), say(room, agent, "goes")])
    await db.fetch("UPDATE events SET deleted_at = at, body = NULL WHERE seq = 3")
    await db.fetch("UPDATE events SET edited_at = at WHERE seq = 2")
    (item,), _ = await conversations.page(db, agent, None, 5)
    assert item["last_message"]["body"] == "stays"
    assert item["last_message"]["edited_at"] == item["last_message"]["at"]


async def test_archived_and_left_conversations_are_not_listed(db):
    agent = await person(db, "agent")
    left, archived, kept = [await conversation_of(db, agent) for _ in range(3)]
    await one(db, leave(left, agent, agent))
    await db.fetch("UPDATE conversations SET status = 'archived' WHERE id = %s", [archived])
    assert [item["id"] for item in (await conversations.page(db, agent, None, 9))[0]] == [kept]
    assert [summary.id for summary in (await conversations.summaries(db, agent, 9))[0]] == [kept]
    assert (await conversations.get(db, agent, archived))["status"] == "archived"


@pytest.mark.parametrize("cursor", ["", "nonsense", "é", "bm90IGEgdGltZSBhbmQgaWQ=", "MjAyNi0xMS0yMyBub3BlCg=="])
async def test_a_cursor_that_is_none_of_ours_is_refused(db, cursor):
    with pytest.raises(Invalid) as caught:
        await conversations.page(db, new_id(), cursor, 5)
    assert caught.value.field == "after"


async def test_a_member_sees_who_else_is_there(db):
    agent = (await accounts.add(db, "agent@example.org", "Amir", "agent")).id
    client = (await accounts.add(db, "client@example.org", "Clara", "client")).id
    gone = await person(db)
    room = await conversation_of(db, agent, client, gone)
    await one(db, leave(room, gone, gone))
    found = await conversations.get(db, client, room)
    assert found["members"] == [
        {"account": agent, "name": "Amir", "role": "agent", "read": 0, "delivered": 0},
        {"account": client, "name": "Clara", "role": "client", "read": 0, "delivered": 0},
    ]
    assert (found["subject"], found["project"], found["status"], found["head"]) == ("Talk", None, "open", 2)
    created = (await log.events_after(db, client, room, 0, 1)).items[0]
    assert found["created_at"] == created["at"]
    for account, where in ((gone, room), (await person(db, "admin"), room), (agent, new_id())):
        with pytest.raises(NotFound):
            await conversations.get(db, account, where)


async def test_the_audience_is_as_of_the_head_beside_it(db):
    agent, client, gone = await person(db, "agent"), await person(db), await person(db)
    room = await conversation_of(db, agent, client, gone)
    await one(db, leave(room, gone, gone))
    assert await conversations.audience(db, room) == (2, frozenset({agent, client}))
    assert await conversations.audience(db, new_id()) is None

"""Reading a log: pages, replays, stretches, and who may."""

from __future__ import annotations

import pytest

from storage import log
from storage.errors import NotFound
from tests.fixtures.logs import conversation_of, leave, new_id, one, person, say, whole_log

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(db):
    """A conversation of ten events: begun by the agent, nine messages of the client."""
    agent, client = await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, agent, client)
    await log.append(db, [say(conversation, client, f"word {seq}") for seq in range(2, 11)])
    return conversation, agent, client


def seqs(items):
    return [item["seq"] for item in items]


async def test_pages_forward_reach_the_head_without_a_gap(db, room):
    conversation, agent, _ = room
    page = await log.events_after(db, agent, conversation, 0, 4)
    assert (seqs(page.items), page.head, page.epoch) == ([1, 2, 3, 4], 10, db.epoch)
    assert seqs((await log.events_after(db, agent, conversation, 8, 4)).items) == [9, 10]
    up_to_date = await log.events_after(db, agent, conversation, 10, 4)
    assert (up_to_date.items, up_to_date.head) == ([], 10)
    assert (await log.events_after(db, agent, conversation, 99, 4)).head == 10  # a cursor ahead: the head tells


async def test_pages_backward_are_in_order_of_seq_too(db, room):
    conversation, agent, _ = room
    page = await log.events_before(db, agent, conversation, 8, 3)
    assert (seqs(page.items), page.head) == ([5, 6, 7], 10)
    assert (await log.events_before(db, agent, conversation, 1, 3)).items == []


async def test_one_who_is_no_member_learns_nothing(db, room):
    conversation, agent, client = room
    await one(db, leave(conversation, client, client))
    for account, where in ((client, conversation), (await person(db, "admin"), conversation), (agent, new_id())):
        with pytest.raises(NotFound):
            await log.events_after(db, account, where, 0, 10)
        with pytest.raises(NotFound):
            await log.events_before(db, account, where, 10, 10)


async def test_heads_are_told_to_members_only(db, room):
    conversation, agent, client = room
    quiet, foreign = await conversation_of(db, agent), await conversation_of(db, await person(db, "agent"))
    asked = [conversation, quiet, foreign, new_id()]
    assert await log.heads_for(db, agent, asked) == {conversation: 10, quiet: 1}
    await one(db, leave(conversation, client, client))
    assert await log.heads_for(db, client, [conversation]) == {}
    assert await log.heads_for(db, agent, []) == {}


async def test_stretches_of_many_logs_are_read_at_once_each_from_its_cursor_to_its_end(db, room):
    conversation, agent, _ = room
    quiet, missing = await conversation_of(db, agent), new_id()
    found = await log.stretches(db, [(conversation, 5, 9), (quiet, 0, 1), (missing, 0, 9)], limit=3)
    assert found[conversation] == (await whole_log(db, conversation))[5:8]
    assert seqs(found[quiet]) == [1]
    assert found[missing] == []
    assert seqs((await log.stretches(db, [(conversation, 5, 7)], limit=3))[conversation]) == [6, 7]


async def test_a_stretch_is_read_without_asking_for_whom(db, room):
    assert seqs(await log.events_between(db, room[0], 3, 6)) == [4, 5, 6]
    assert await log.events_between(db, new_id(), 0, 6) == []


async def test_heads_name_what_exists(db, room):
    conversation, agent, _ = room
    quiet = await conversation_of(db, agent)
    assert await log.heads(db, [conversation, quiet, new_id()]) == {conversation: 10, quiet: 1}
    assert await log.heads(db, []) == {}


async def test_a_deleted_message_keeps_its_place_and_loses_its_words(db, room):
    conversation, agent, _ = room
    await db.fetch(
        "UPDATE events SET body = NULL, edited_at = at, deleted_at = at WHERE conversation_id = %s AND seq = 4",
        [conversation],
    )
    (event,) = (await log.events_after(db, agent, conversation, 3, 1)).items
    assert (event["body"], event["deleted_at"], event["edited_at"]) == ("", event["at"], event["at"])

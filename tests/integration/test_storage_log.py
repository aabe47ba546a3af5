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


async def test_many_logs_are_replayed_at_once_each_after_its_own_cursor(db, room):
    conversation, agent, _ = room
    quiet, foreign, missing = await conversation_of(db, agent), new_id(), new_id()
    stranger = await person(db, "agent")
    foreign = await conversation_of(db, stranger)
    pages = await log.replay(db, agent, {conversation: 7, quiet: 1, foreign: 0, missing: 0}, limit=2)
    assert pages[foreign] is None and pages[missing] is None
    assert (seqs(pages[conversation].items), pages[conversation].head) == ([8, 9], 10)
    assert (pages[quiet].items, pages[quiet].head) == ([], 1)
    assert pages[conversation].items == (await whole_log(db, conversation))[7:9]


async def test_no_cursors_are_no_logs(db, room):
    assert await log.replay(db, room[1], {}, limit=2) == {}


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

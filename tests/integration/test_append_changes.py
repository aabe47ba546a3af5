"""Edits, deletions, reactions, names and states: what each does to the log, and who may."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import psycopg
import pytest

from storage import conversations, log
from tests.fixtures.logs import command, conversation_of, join, leave, new_id, one, person, say, whole_log

pytestmark = pytest.mark.anyio


def edit(room, actor, target, body="better", **options):
    return command("edit", room, actor, body=body, target=target, **options)


def delete(room, actor, target, **options):
    return command("delete", room, actor, target=target, **options)


def react(room, actor, target, emoji="👍", on=True, **options):
    return command("react", room, actor, target=target, emoji=emoji, on=on, **options)


def rename(room, actor, subject="Another"):
    return command("rename", room, actor, subject=subject)


def status(room, actor, to):
    return command("status", room, actor, status=to)


class Room(NamedTuple):
    id: str
    agent: str
    client: str
    other: str
    admin: str


@pytest.fixture
async def room(db):
    """An agent, a client, another client; the agent said something at 2, the client at 3."""

    agent, client, other, admin = [await person(db, role) for role in ("agent", "client", "client", "admin")]
    id = await conversation_of(db, agent, client, other, admin)
    await one(db, say(id, agent, "from the agent"))
    await one(db, say(id, client, "from the client"))
    return Room(id, agent, client, other, admin)


async def refusal(db, new):
    before = len(await whole_log(db, new.conversation))
    stored = await one(db, new)
    assert len(await whole_log(db, new.conversation)) == before, "what is refused changes nothing"
    return stored.code, stored.field


async def test_an_edit_is_an_event_and_the_message_carries_its_current_text(db, room):
    first = await one(db, edit(room.id, room.client, 3, "second text"))
    await one(db, edit(room.id, room.client, 3, "third text"))
    events = await whole_log(db, room.id)
    assert events[2]["body"] == "third text"
    assert events[2]["edited_at"] > events[2]["at"] or events[2]["edited_at"] == first.at
    assert [(event["kind"], event["target"], event["body"]) for event in events[3:]] == [
        ("edited", 3, "second text"),
        ("edited", 3, "third text"),
    ]
    rows = await db.fetch("SELECT replaced FROM events WHERE kind = 'edited' ORDER BY seq")
    assert rows == [("from the client",), ("second text",)]


async def test_a_deletion_takes_the_text_out_of_the_message_and_of_all_its_edits(db, room):
    await one(db, say(room.id, room.client, "stays"))
    await one(db, edit(room.id, room.client, 3, "once more"))
    await one(db, edit(room.id, room.client, 4, "stays, edited"))
    await one(db, delete(room.id, room.client, 3))
    events = await whole_log(db, room.id)
    assert (events[2]["body"], events[4]["body"]) == ("", "")
    assert events[2]["deleted_at"]
    assert (events[6]["kind"], events[6]["target"]) == ("deleted", 3)
    assert (events[3]["body"], events[5]["body"]) == ("stays, edited", "stays, edited")
    rows = await db.fetch("SELECT count(*) FROM events WHERE body LIKE '%%once more%%' OR replaced = 'from the client'")
    assert rows == [(0,)]


async def test_a_reaction_is_put_and_taken_by_any_member(db, room):
    for new in (react(room.id, room.other, 2), react(room.id, room.other, 2, on=False), react(room.id, room.agent, 2)):
        assert (await one(db, new)).code == ""
    assert [(event["emoji"], event["on"], event["actor"]) for event in (await whole_log(db, room.id))[3:]] == [
        ("👍", True, room.other),
        ("👍", False, room.other),
        ("👍", True, room.agent),
    ]


async def test_only_ones_own_message_is_edited_and_only_an_admin_deletes_anothers(db, room):
    assert await refusal(db, edit(room.id, room.other, 3)) == ("forbidden", None)
    assert await refusal(db, edit(room.id, room.admin, 3)) == ("forbidden", None)
    assert await refusal(db, delete(room.id, room.agent, 3)) == ("forbidden", None)
    assert (await one(db, delete(room.id, room.admin, 3))).code == ""


@pytest.mark.parametrize("change", [edit, delete, react])
@pytest.mark.parametrize("target", [1, 99])
async def test_what_is_no_message_cannot_be_changed(db, room, change, target):
    assert await refusal(db, change(room.id, room.agent, target)) == ("not_found", "seq")


@pytest.mark.parametrize("change", [edit, delete, react])
async def test_what_is_deleted_is_not_there_any_more(db, room, change):
    await one(db, delete(room.id, room.client, 3))
    assert await refusal(db, change(room.id, room.client, 3)) == ("not_found", "seq")


@pytest.mark.parametrize("change", [edit, delete, react])
async def test_who_is_no_member_changes_nothing(db, room, change):
    assert await refusal(db, change(room.id, await person(db, "admin"), 3)) == ("not_found", None)
    await one(db, leave(room.id, room.agent, room.client))
    assert await refusal(db, change(room.id, room.client, 3)) == ("not_found", None)


async def test_staff_names_and_closes_and_clients_may_not(db, room):
    assert await refusal(db, rename(room.id, room.client)) == ("forbidden", None)
    assert await refusal(db, status(room.id, room.client, "closed")) == ("forbidden", None)
    assert (await one(db, rename(room.id, room.agent, "Harbour"))).code == ""
    assert (await one(db, status(room.id, room.agent, "closed"))).code == ""
    found = await conversations.get(db, room.agent, room.id)
    assert (found["subject"], found["status"]) == ("Harbour", "closed")
    assert [(event["kind"]) for event in (await whole_log(db, room.id))[3:]] == ["renamed", "status_changed"]


@pytest.mark.parametrize("to", ["closed", "archived"])
async def test_a_closed_conversation_takes_nothing_until_it_is_opened(db, room, to):
    await one(db, status(room.id, room.agent, to))
    for new in (
        say(room.id, room.agent),
        edit(room.id, room.agent, 2),
        delete(room.id, room.agent, 2),
        react(room.id, room.client, 2),
        rename(room.id, room.agent),
        join(room.id, room.agent, new_id()),
    ):
        assert await refusal(db, new) == ("closed", None)
    assert (await one(db, status(room.id, room.agent, "open"))).code == ""
    assert (await one(db, say(room.id, room.agent))).code == ""


async def test_an_archived_conversation_is_left_out_of_lists(db, room):
    assert len((await conversations.page(db, room.client, None, 50))[0]) == 1
    await one(db, status(room.id, room.agent, "archived"))
    assert (await conversations.page(db, room.client, None, 50))[0] == []
    await one(db, status(room.id, room.agent, "open"))
    assert len((await conversations.page(db, room.client, None, 50))[0]) == 1


async def test_the_same_id_again_is_the_same_event_whatever_has_changed_since(db, room):
    for new in (edit(room.id, room.client, 3), react(room.id, room.client, 3), delete(room.id, room.client, 3)):
        first = await one(db, new)
        await one(db, status(room.id, room.agent, "closed"))
        again = await one(db, new)
        assert (again.code, again.seq, again.replayed) == ("", first.seq, True)
        assert (await one(db, edit(room.id, room.client, 3, "other", id=new.id))).code == "id_conflict"
        await one(db, status(room.id, room.agent, "open"))


async def test_one_batch_holds_many_changes_in_order_and_then_messages(db, room):
    batch = [
        edit(room.id, room.client, 3, "a"),
        react(room.id, room.other, 3),
        edit(room.id, room.client, 3, "b"),
        delete(room.id, room.client, 3),
        edit(room.id, room.client, 3, "too late"),
        rename(room.id, room.agent),
        say(room.id, room.client, "next"),
    ]
    stored = await log.append(db, batch)
    assert [(one.code, one.seq) for one in stored] == [
        ("", 4),
        ("", 5),
        ("", 6),
        ("", 7),
        ("not_found", 0),
        ("", 8),
        ("", 9),
    ]
    assert [event["kind"] for event in (await whole_log(db, room.id))[3:]] == [
        *("edited", "reaction", "edited", "deleted", "renamed", "message"),
    ]
    feed = await db.fetch("SELECT heads FROM commits ORDER BY xid DESC LIMIT 1")
    assert feed == [([9],)]


async def test_edits_race_with_a_deletion_and_no_text_survives_it(db, database_url, room):
    """Several connections at once: whatever comes first, behind the deletion nothing is edited."""
    edits = [edit(room.id, room.client, 3, f"text {n}") for n in range(30)]
    outcomes = await asyncio.gather(*(log.append(db, [new]) for new in [*edits[:15], delete(room.id, room.client, 3)]))
    outcomes += await asyncio.gather(*(log.append(db, [new]) for new in edits[15:]))
    events = await whole_log(db, room.id)
    deleted = next(event["seq"] for event in events if event["kind"] == "deleted")
    assert all(event["seq"] < deleted for event in events if event["kind"] == "edited")
    assert sum(one.code == "" for (one,) in outcomes) == len(events) - 3
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM events WHERE body LIKE 'text%' OR replaced IS NOT NULL"
        ).fetchone()
    assert row == (0,)

"""Ballast: what it leaves in a database is what appends would have left, and it stays out of databases in use."""

from __future__ import annotations

import psycopg
import pytest

from storage import __main__ as program
from storage import ballast, log
from storage.errors import Conflict, StorageError
from tests.fixtures.logs import command, new_id, person

pytestmark = pytest.mark.anyio


async def test_every_log_is_as_long_as_its_head_says_and_without_holes(database_url):
    told: list[int] = []
    assert await ballast.fill(database_url, 20, 105, told=told.append) == 100
    assert told == [20, 40, 60, 80, 100]
    with psycopg.connect(database_url) as db:
        rows = db.execute("""
            SELECT v.head, count(*), min(e.seq), max(e.seq), bool_and(m.account_id IS NOT NULL)
              FROM conversations v JOIN events e ON e.conversation_id = v.id
              LEFT JOIN members m ON m.conversation_id = v.id AND m.account_id = e.actor
             GROUP BY v.id, v.head""").fetchall()
        assert rows == [(5, 5, 1, 5, True)] * 20
        assert db.execute("SELECT count(*), count(DISTINCT conversation_id) FROM members").fetchone() == (200, 20)


async def test_a_member_reads_it_like_any_log(db, database_url):
    await ballast.fill(database_url, 1, 3)
    ((conversation, members),) = await db.fetch(
        "SELECT conversation_id::text, array_agg(account_id::text) FROM members GROUP BY 1"
    )
    page = await log.events_after(db, members[0], conversation, 0, 10)
    assert [item["kind"] for item in page.items] == ["created", "message", "message"]
    assert sorted(page.items[0]["members"]) == sorted(members)
    (stored,) = await log.append(db, [command("message", conversation, members[0], body="and on")])
    assert (stored.code, stored.seq) == ("", 4)


async def test_it_can_be_added_to_but_not_to_what_others_wrote(db, database_url):
    await ballast.fill(database_url, 1, 2)
    await ballast.fill(database_url, 1, 2)
    founder = await person(db, "agent")
    await log.append(db, [command("create", new_id(), founder, subject="Ours", project=None, members=[founder])])
    with pytest.raises(Conflict, match="cannot be taken out"):
        await ballast.fill(database_url, 1, 2)


async def test_sizes_that_make_no_sense_and_databases_that_do_not_answer_are_refused(database_url):
    with pytest.raises(StorageError, match="an event for each"):
        await ballast.fill(database_url, 10, 9)
    with pytest.raises(StorageError):
        await ballast.fill("postgresql://127.0.0.1:1/none", 1, 1)


def test_the_command_tells_how_far_it_is(database_url, capsys):
    given = ["ballast", "--conversations", "10", "--events", "100"]
    assert program.main(given, {"DATABASE_URL": database_url}) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "ballast: 10 events"
    assert said[-1] == "ballast: 100 events in 10 conversations"
    assert len(said) == 11

"""The figures of how the system is used, against the same figures reckoned here from a log that the test wrote."""

from __future__ import annotations

import random
import statistics as reckon
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from storage import accounts, statistics
from storage.log import Id
from storage.pool import Database
from tests.fixtures.logs import conversation_of, new_id, one, person, say

pytestmark = pytest.mark.anyio


async def write(db: Database, talk: Id, said: list[tuple[Id, datetime]]) -> None:
    """A conversation in which these spoke at these times, as if it had been so."""
    first = min(at for _, at in said)
    await db.fetch(
        "INSERT INTO conversations (id, subject, head, created_by, created_at, last_at)"
        " VALUES (%s, '', %s, %s, %s, %s)",
        [talk, len(said) + 1, said[0][0], first, said[-1][1]],
    )
    rows = [(None, "created", first), *((actor, "message", at) for actor, at in said)]
    for seq, (actor, kind, at) in enumerate(rows, 1):
        await db.fetch(
            "INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body)"
            " VALUES (%s, %s, %s, %s, %s, '', %s, 'x')",
            [talk, seq, kind, actor or said[0][0], new_id(), at],
        )


async def test_an_empty_system_has_figures_too(db):
    figures = await statistics.read(db, 24)
    assert (figures.active, len(figures.messages)) == (statistics.Active(0, 0), 24)
    assert {hour.messages for hour in figures.messages} == {0}
    assert figures.responses == statistics.Responses(0, 0, None, None)
    assert figures.totals == statistics.Totals(
        {"open": 0, "closed": 0, "archived": 0}, {"client": 0, "agent": 0, "admin": 0}, 0, 0
    )


async def test_the_figures_of_a_seeded_log_are_those_reckoned_by_hand(db):
    """Forty talks over ten days between two clients and two of staff, drawn by lot (always the same lot)."""
    lot = random.Random(7)
    agent, admin, bob, ann = [await person(db, role) for role in ("agent", "admin", "client", "client")]
    staff = {agent, admin}
    now = datetime.now(UTC).replace(microsecond=0)
    # Far from the borders of hours and days: the statement's now is a little later than ours.
    base = now - timedelta(minutes=2)
    talks: list[list[tuple[Id, datetime]]] = []
    for _ in range(40):
        at = base - timedelta(seconds=lot.randrange(10 * 86_400))
        said = []
        for _ in range(lot.randrange(1, 12)):
            if at >= base:
                break
            said.append((lot.choice((agent, admin, bob, ann)), at))
            at += timedelta(seconds=lot.randrange(1, 14_400))
        if said:
            talks.append(said)
            await write(db, new_id(), said)

    hours = 48
    figures = await statistics.read(db, hours)
    for days, active in ((1, figures.active.day), (7, figures.active.week)):
        assert active == sum(said[-1][1] > now - timedelta(days=days) for said in talks)
    first = datetime.fromisoformat(figures.messages[0].hour)  # the hour may have ended since `now`
    assert timedelta() <= first + timedelta(hours=hours) - now <= timedelta(hours=1, minutes=1)
    by_hour = Counter(at.replace(minute=0, second=0) for said in talks for _, at in said if at >= first)
    assert [(hour.hour, hour.messages) for hour in figures.messages] == [
        (f"{first + timedelta(hours=n):%Y-%m-%dT%H:%M:%S}.000Z", by_hour[first + timedelta(hours=n)])
        for n in range(hours)
    ]
    waits: list[float] = []
    waiting = 0
    for said in talks:
        asked: datetime | None = None
        for actor, at in said:
            if actor in staff:
                if asked is not None and asked >= now - timedelta(hours=hours):
                    waits.append((at - asked).total_seconds())
                asked = None
            elif asked is None:
                asked = at
        waiting += asked is not None and asked >= now - timedelta(hours=hours)
    assert waits
    assert waiting
    assert (figures.responses.answered, figures.responses.waiting) == (len(waits), waiting)
    assert figures.responses.average_seconds == pytest.approx(reckon.mean(waits), abs=0.001)
    assert figures.responses.median_seconds == pytest.approx(reckon.median(waits), abs=0.001)
    assert figures.totals.events == sum(len(said) + 1 for said in talks)


async def test_totals_count_what_there_is_by_kind(db):
    agent, bob = await person(db, "agent"), await person(db)
    await accounts.suspend(db, bob)
    for status in ("open", "open", "closed", "archived"):
        talk = await conversation_of(db, agent, bob)
        await one(db, say(talk, agent))
        await db.fetch("UPDATE conversations SET status = %s WHERE id = %s", [status, talk])
    figures = await statistics.read(db, 1)
    assert figures.totals == statistics.Totals(
        {"open": 2, "closed": 1, "archived": 1}, {"client": 1, "agent": 1, "admin": 0}, 1, 8
    )
    assert figures.active == statistics.Active(4, 4)
    assert sum(hour.messages for hour in figures.messages) in (4, 3, 2, 1, 0)  # the hour may have just begun


async def test_what_was_asked_before_the_time_in_question_is_not_asked_again(db):
    """A client's second message in a row is no new question, also when the first lies outside."""
    agent, bob = await person(db, "agent"), await person(db)
    now = datetime.now(UTC)
    before, within, answer = (now - timedelta(minutes=minutes) for minutes in (90, 30, 10))
    await write(db, new_id(), [(bob, before), (bob, within), (agent, answer)])
    assert (await statistics.read(db, 1)).responses == statistics.Responses(0, 0, None, None)
    assert (await statistics.read(db, 2)).responses == statistics.Responses(1, 0, 4800.0, 4800.0)


async def test_the_time_axis_of_the_log_is_read_and_not_all_of_it(db):
    agent = await person(db, "agent")
    old = datetime.now(UTC) - timedelta(days=3)
    await db.fetch(
        "INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body)"
        " SELECT %s, n, 'message', %s, gen_random_uuid(), '', %s::timestamptz + make_interval(secs => n), 'x'"
        "   FROM generate_series(1, 20000) AS n",
        [new_id(), agent, old],
    )
    await db.fetch("SELECT brin_summarize_new_values('events_at')")
    for name in ("volume", "responses"):
        plan = await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF) {statistics.SQL[name]}", {"hours": 24})
        text = "\n".join(row[0] for row in plan)
        assert "Bitmap Index Scan on events_at" in text
        assert "Seq Scan on events" not in text

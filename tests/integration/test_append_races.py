"""Appends that race: several real connections, the same ids, overlapping conversations, locks, and the feed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import psycopg
import pytest

from storage import feed, log
from storage.errors import Unavailable
from storage.pool import open_database
from storage.settings import StorageSettings
from tests.fixtures.logs import conversation_of, create, join, leave, new_id, one, person, say, whole_log

pytestmark = pytest.mark.anyio


async def append_until_stored(db, batch):
    """As a persistence worker does: what is transient is tried again, whole."""
    for _ in range(50):
        with contextlib.suppress(Unavailable):
            return await log.append(db, batch)
    raise AssertionError("never stored")


async def test_workers_that_race_on_the_same_ids_store_each_once_without_a_hole(db):
    """Four workers, one set of commands, each in batches of its own order and size."""
    agents = [await person(db, "agent") for _ in range(3)]
    rooms = [await conversation_of(db, *agents) for _ in range(6)]
    commands = [say(random.Random(n).choice(rooms), agents[n % 3], f"message {n}") for n in range(400)]
    outcomes = []

    async def worker(seed):
        dice = random.Random(seed)
        mine = dice.sample(commands, len(commands))
        while mine:
            size = dice.randrange(1, 60)
            batch, mine = mine[:size], mine[size:]
            stored = await log.append(db, batch)
            outcomes.extend(zip((new.id for new in batch), stored, strict=True))

    await asyncio.gather(*(worker(seed) for seed in range(4)))
    seqs = {}
    for id_, stored in outcomes:
        assert stored.code == ""
        assert seqs.setdefault(id_, (stored.seq, stored.at)) == (stored.seq, stored.at)
    assert sum(not stored.replayed for _, stored in outcomes) == len(commands)
    found = {}
    for room in rooms:
        found |= {event["id"]: (event["seq"], event["at"]) for event in (await whole_log(db, room))[1:]}
    assert found == seqs


async def test_workers_that_race_on_the_same_creations_make_each_once(db):
    """Each names accounts that nobody has seen yet, in another order: no deadlock, no second placeholder."""
    agent = await person(db, "agent")
    unknown = [new_id() for _ in range(12)]
    creations = [create(new_id(), agent, *random.Random(n).sample(unknown, 4), subject=f"Talk {n}") for n in range(30)]

    async def worker(seed):
        mine = random.Random(seed).sample(creations, len(creations))
        return [
            (new.id, stored)
            for at in range(0, 30, 5)
            for new, stored in zip(mine[at : at + 5], await log.append(db, mine[at : at + 5]), strict=True)
        ]

    results = [pair for found in await asyncio.gather(*(worker(seed) for seed in range(4))) for pair in found]
    assert {stored.code for _, stored in results} == {""}
    assert {stored.seq for _, stored in results} == {1}
    assert sum(not stored.replayed for _, stored in results) == len(creations)
    assert len(await db.fetch("SELECT 1 FROM conversations")) == len(creations)


async def test_creations_that_name_the_same_new_accounts_in_any_order_do_not_deadlock(db):
    agent = await person(db, "agent")
    for turn in range(30):
        unknown = [new_id() for _ in range(80)]
        named = [random.Random(100 * turn + n).sample(unknown, len(unknown)) for n in range(4)]
        outcomes = await asyncio.gather(*(one(db, create(new_id(), agent, *members)) for members in named))
        assert [outcome.code for outcome in outcomes] == [""] * 4


async def test_mixed_commands_in_every_order_never_wait_for_each_other_for_ever(db):
    agent = await person(db, "agent")
    people = [await person(db) for _ in range(4)]
    rooms = [await conversation_of(db, agent, *people) for _ in range(5)]

    async def worker(seed):
        dice = random.Random(seed)
        for _ in range(40):
            order = dice.sample(rooms, len(rooms))
            controls = [dice.choice([join, leave])(room, agent, dice.choice(people)) for room in order[:2]]
            talk = [say(dice.choice(rooms), dice.choice([agent, *people])) for _ in range(8)]
            for stored in await log.append(db, [create(new_id(), agent, new_id()), *controls, *talk]):
                assert stored.code in {"", "not_found"}

    started = time.monotonic()
    await asyncio.gather(*(worker(seed) for seed in range(4)))
    assert time.monotonic() - started < 20
    for room in rooms:
        await whole_log(db, room)


async def test_nothing_of_a_removed_member_comes_after_the_removal(db):
    """The sender floods on two connections while a third removes and lets in again."""
    agent, talker = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, talker)
    acked = []

    async def flood():
        for n in range(120):
            batch = [say(room, talker, str(n)) for _ in range(2)]
            acked.extend(
                (new.id, stored.seq)
                for new, stored in zip(batch, await log.append(db, batch), strict=True)
                if not stored.code
            )

    async def turn():
        for _ in range(15):
            assert (await one(db, leave(room, agent, talker))).code == ""
            assert (await one(db, join(room, agent, talker))).code == ""

    await asyncio.gather(flood(), flood(), turn())
    inside, said = True, []
    for event in await whole_log(db, room):
        if event["kind"] == "member_left":
            inside = False
        elif event["kind"] == "member_joined":
            inside = True
        elif event["kind"] == "message":
            assert inside, event
            said.append((event["id"], event["seq"]))
    assert sorted(said) == sorted(acked)
    assert 0 < len(said) <= 480


async def test_a_message_waits_for_a_removal_that_is_not_committed_yet_and_is_refused(db, database_url):
    agent, talker = await person(db, "agent"), await person(db)
    room = await conversation_of(db, agent, talker)
    async with await psycopg.AsyncConnection.connect(database_url) as removal:
        await removal.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
        sending = asyncio.create_task(one(db, say(room, talker)))
        await waits_for_lock(db)
        await removal.execute("UPDATE members SET left_seq = 2 WHERE account_id = %s", [talker])
        await removal.commit()
    assert (await sending).code == "not_found"


async def test_an_id_that_another_worker_is_storing_is_found_once_it_has(db, database_url):
    """The lookup is newer than the lock that was waited for; a single statement would store it twice."""
    agent = await person(db, "agent")
    room = await conversation_of(db, agent)
    new = say(room, agent)
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
        sending = asyncio.create_task(one(db, new))
        await waits_for_lock(db)
        await other.execute(
            "INSERT INTO events (conversation_id, seq, kind, actor, command_id, fingerprint, at, body)"
            " VALUES (%s, 2, 'message', %s, %s, %s, now(), 'hello')",
            [room, agent, new.id, new.fingerprint],
        )
        await other.execute("UPDATE conversations SET head = 2 WHERE id = %s", [room])
        await other.commit()
    stored = await sending
    assert (stored.code, stored.seq, stored.replayed) == ("", 2, True)
    await whole_log(db, room)


async def test_a_conversation_that_is_created_meanwhile_is_not_written_without_its_lock(db, database_url):
    """It becomes visible after we have locked all that there was; numbering in it would race its creator."""
    agent = await person(db, "agent")
    room, unborn = await conversation_of(db, agent), new_id()
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
        batch = [join(unborn, agent, agent), say(unborn, agent), say(room, agent)]
        sending = asyncio.create_task(log.append(db, batch))
        await waits_for_lock(db)
        await conversation_of_id(db, unborn, agent)
        await holder.commit()
    assert [outcome.code for outcome in await sending] == ["not_found", "not_found", ""]
    assert len(await whole_log(db, unborn)) == 1


async def conversation_of_id(db, conversation, agent):
    assert (await one(db, create(conversation, agent))).code == ""


async def waits_for_lock(db):
    """Return once some session of this database waits for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await db.fetch(waiting):  # noqa: ASYNC110 — what we wait for happens in another process
        await asyncio.sleep(0.01)


async def test_a_lock_that_is_held_too_long_makes_it_unavailable_and_stores_nothing(database_url):
    settings = StorageSettings(database_url=database_url, append_lock_seconds=0.2)
    async with open_database(settings) as db:
        agent = await person(db, "agent")
        room, other = await conversation_of(db, agent), await conversation_of(db, agent)
        async with await psycopg.AsyncConnection.connect(database_url) as holder:
            await holder.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
            with pytest.raises(Unavailable, match="55P03"):
                await log.append(db, [say(other, agent), say(room, agent)])
        assert len(await whole_log(db, other)) == 1
        assert (await one(db, say(room, agent))).seq == 2


async def test_a_statement_that_takes_too_long_makes_it_unavailable(database_url):
    settings = StorageSettings(database_url=database_url, statement_timeout_seconds=0.2)
    async with open_database(settings) as db:
        agent = await person(db, "agent")
        room = await conversation_of(db, agent)
        async with await psycopg.AsyncConnection.connect(database_url) as holder:
            await holder.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
            with pytest.raises(Unavailable, match="57014"):
                await one(db, say(room, agent))


async def test_a_connection_that_is_killed_makes_it_unavailable_and_the_id_settles_it(db, database_url):
    agent = await person(db, "agent")
    room = await conversation_of(db, agent)
    new = say(room, agent)
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", [room])
        sending = asyncio.create_task(one(db, new))
        await waits_for_lock(db)
        await holder.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with pytest.raises(Unavailable):
            await sending
    stored = (await append_until_stored(db, [new]))[0]
    assert (stored.code, stored.seq, stored.replayed) == ("", 2, False)


async def test_a_deadlock_with_strangers_is_unavailable_not_bad_data(db, database_url):
    """Ours never wait in a circle; somebody's script might, and is no reason to refuse a command for good."""
    agent = await person(db, "agent")
    first, second = sorted([await conversation_of(db, agent), await conversation_of(db, agent)])
    async with await psycopg.AsyncConnection.connect(database_url) as script:
        await script.execute("SET deadlock_timeout = '30s'")
        await script.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", [second])
        sending = asyncio.create_task(log.append(db, [say(first, agent), say(second, agent)]))
        await waits_for_lock(db)
        taking = asyncio.create_task(script.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", [first]))
        with pytest.raises(Unavailable):
            await sending
        await taking
    assert len(await whole_log(db, first)) == 1


class TestFeed:
    async def test_it_starts_here_and_tells_what_grows(self, db):
        agent = await person(db, "agent")
        room, quiet = await conversation_of(db, agent), await conversation_of(db, agent)
        since, rows = await feed.follow(db, None)
        assert rows == []
        await log.append(db, [say(room, agent), say(room, agent)])
        since, rows = await feed.follow(db, since)
        assert rows == [(room, 3)]
        await one(db, leave(room, agent, agent))
        since, rows = await feed.follow(db, since)
        assert rows == [(room, 4)]
        since, rows = await feed.follow(db, since)
        assert (quiet, 1) not in rows

    async def test_it_starts_some_seconds_back_if_asked_to(self, db):
        agent = await person(db, "agent")
        ancient, old = await conversation_of(db, agent), await conversation_of(db, agent)
        await db.fetch("UPDATE commits SET at = at - interval '1 minute'")
        new = await conversation_of(db, agent)
        since, rows = await feed.follow(db, None, back_seconds=10)
        assert rows == []
        told = (await feed.follow(db, since))[1]
        assert (new, 1) in told and (ancient, 1) not in told
        since, _ = await feed.follow(db, None, back_seconds=100)
        assert set((await feed.follow(db, since))[1]) == {(ancient, 1), (old, 1), (new, 1)}

    async def test_what_commits_late_is_not_missed(self, db, database_url):
        """A transaction takes its number, others commit behind it and are seen, then it commits."""
        agent = await person(db, "agent")
        early, late = await conversation_of(db, agent), await conversation_of(db, agent)
        since, _ = await feed.follow(db, None)
        async with await psycopg.AsyncConnection.connect(database_url) as slow:
            await slow.execute(
                "INSERT INTO commits (conversations, heads, at) VALUES (ARRAY[%s::uuid], '{9}', now())", [late]
            )
            seen = []
            for seq in (2, 3, 4):
                await one(db, say(early, agent))
                since, rows = await feed.follow(db, since)
                assert (early, seq) in rows
                seen += rows
            assert late not in dict(seen)
            await slow.commit()
        since, rows = await feed.follow(db, since)
        assert (late, 9) in rows
        since, rows = await feed.follow(db, since)
        assert rows == []

    async def test_a_follower_beside_racing_appends_hears_of_every_head(self, db):
        agent = await person(db, "agent")
        rooms = [await conversation_of(db, agent) for _ in range(4)]
        since, _ = await feed.follow(db, None)
        known, done = dict.fromkeys(rooms, 1), asyncio.Event()

        async def follower():
            nonlocal since
            last = False
            while not last:
                last = done.is_set()
                since, rows = await feed.follow(db, since)
                for room, head in rows:
                    known[room] = max(known[room], head)
                await asyncio.sleep(0.002)

        async def writer(seed):
            dice = random.Random(seed)
            for _ in range(60):
                await log.append(db, [say(room, agent) for room in dice.sample(rooms, 2)])

        following = asyncio.create_task(follower())
        await asyncio.gather(*(writer(seed) for seed in range(4)))
        done.set()
        await following
        assert known == await log.heads(db, rooms)

    async def test_the_old_is_pruned_and_the_new_is_kept(self, db):
        agent = await person(db, "agent")
        room = await conversation_of(db, agent)
        await db.fetch("UPDATE commits SET at = at - interval '2 hours'")
        since, _ = await feed.follow(db, None)
        await one(db, say(room, agent))
        assert await feed.prune(db, keep_seconds=3600) == 1
        assert await feed.prune(db, keep_seconds=3600) == 0
        assert (await feed.follow(db, since))[1] == [(room, 2)]

    async def test_it_prunes_in_bounded_steps(self, db, monkeypatch):
        monkeypatch.setattr(feed, "PRUNE_AT_ONCE", 3)
        agent = await person(db, "agent")
        for _ in range(7):
            await conversation_of(db, agent)
        assert await feed.prune(db, keep_seconds=0) == 7

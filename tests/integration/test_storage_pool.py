"""The pool: whom it trusts, how it notices another history, and how it comes back after an outage."""

from __future__ import annotations

import asyncio
import signal
import time
from urllib.parse import quote

import psycopg
import pytest

from storage import embedded, log, migrate
from storage.errors import BadData, DurabilityError, Unavailable, Unusable
from storage.pool import conninfo, open_database
from storage.settings import StorageSettings
from tests.fixtures.logs import conversation_of, one, person, say

pytestmark = pytest.mark.anyio


def with_option(url, option):
    return f"{url}&options={quote(f'-c {option}')}"


async def test_a_durable_server_is_trusted_and_its_epoch_read(db, postgres):
    assert db.durable
    with psycopg.connect(embedded.dsn(postgres.data_dir)) as connection:
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    assert row is not None
    assert db.epoch == f"{row[0]}-1"
    await db.check()


@pytest.mark.parametrize("value", ["off"])
async def test_a_session_that_commits_before_the_disk_is_refused(database_url, value):
    settings = StorageSettings(database_url=with_option(database_url, f"synchronous_commit={value}"))
    with pytest.raises(DurabilityError, match=f"synchronous_commit={value}.*STORAGE_ALLOW_UNSAFE_DURABILITY=1"):
        async with open_database(settings):
            pass


async def test_an_unsafe_server_is_taken_when_told_so_and_says_it(database_url):
    settings = StorageSettings(
        database_url=with_option(database_url, "synchronous_commit=off"), allow_unsafe_durability=True
    )
    async with open_database(settings) as db:
        assert not db.durable


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
async def test_a_commit_that_waits_for_a_disk_is_durable(database_url, value):
    settings = StorageSettings(database_url=with_option(database_url, f"synchronous_commit={value}"))
    async with open_database(settings) as db:
        assert db.durable


@pytest.mark.parametrize(("name", "word"), [("fsync", "fsync=off"), ("full_page_writes", "full_page_writes=off")])
async def test_a_server_that_may_lose_its_disk_writes_is_refused(postgres, database_url, name, word):
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET {name} = off")
        admin.execute("SELECT pg_reload_conf()")
        try:
            await asyncio.to_thread(settled, database_url, name, "off")
            with pytest.raises(DurabilityError, match=word):
                async with open_database(StorageSettings(database_url=database_url)):
                    pass
        finally:
            admin.execute(f"ALTER SYSTEM RESET {name}")
            admin.execute("SELECT pg_reload_conf()")
            await asyncio.to_thread(settled, database_url, name, "on")


def settled(url, name, value):
    """Wait until new sessions have the reloaded value."""
    for _ in range(500):
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row == (value,):
                return
        time.sleep(0.01)
    raise AssertionError(f"{name} never became {value}")


async def test_another_history_is_told_to_all_who_listen(db, database_url, monkeypatch):
    told = []
    db.on_epoch_change.append(told.append)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await db._trust(connection)
        assert told == []
        db.epoch = "restored-from-yesterday-1"
        await db._trust(connection)
    assert told == [db.epoch]
    assert db.epoch != "restored-from-yesterday-1"


async def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    settings = StorageSettings(database_url=f"postgresql:///parley?host={tmp_path}", open_seconds=0.3)
    with pytest.raises(Unavailable):
        async with open_database(settings):
            pass


@pytest.mark.parametrize("url", ["postgresql://[", "postgresql://host/parley?no_such_word=1", "mysql://host/parley"])
def test_a_url_that_cannot_be_read_is_refused_before_anything_is_opened(url):
    with pytest.raises(ValueError, match=r"no address of a PostgreSQL; write postgresql://"):
        StorageSettings(database_url=url)


async def test_when_all_connections_are_busy_one_waits_shortly(database_url):
    settings = StorageSettings(
        database_url=database_url, pool_min_connections=1, pool_max_connections=1, pool_wait_seconds=0.2
    )
    async with open_database(settings) as db:
        busy = asyncio.create_task(db.fetch("SELECT pg_sleep(0.8)"))
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable, match="no connection was free"):
            await db.check()
        await busy
        await db.check()


async def test_a_server_that_never_answers_is_given_up(database_url):
    settings = StorageSettings(database_url=database_url, answer_seconds=0.3)
    async with open_database(settings) as db:
        with pytest.raises(Unavailable, match="no answer within"):
            await db.fetch("SELECT pg_sleep(4)")
        await db.check()


async def test_a_schema_that_is_not_there_says_what_to_do(postgres):
    async with open_database(StorageSettings(database_url=embedded.dsn(postgres.data_dir, "postgres"))) as db:
        with pytest.raises(Unusable, match="python -m storage migrate"):
            await log.heads(db, [])


async def test_values_are_refused_without_harm_to_the_connection(db):
    for value in ("a\x00b", "\ud800"):
        with pytest.raises(BadData):
            await db.fetch("SELECT %s::text", [value])
    await db.check()


async def test_reads_do_not_notice_that_all_idle_connections_were_killed(db, database_url):
    agent = await person(db, "agent")
    room = await conversation_of(db, agent)
    await asyncio.gather(*(db.fetch("SELECT pg_sleep(0.05)") for _ in range(6)))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for _ in range(8):
        assert await log.heads(db, [room]) == {room: 1}


async def test_our_time_outs_reach_the_server_and_the_urls_own_words_stay(database_url):
    settings = StorageSettings(
        database_url=with_option(database_url, "work_mem=3MB"),
        lock_timeout_seconds=1.5,
        statement_timeout_seconds=2,
    )
    async with open_database(settings) as db:
        shown = [(await db.fetch(f"SHOW {name}"))[0][0] for name in ("lock_timeout", "statement_timeout", "work_mem")]
    assert shown == ["1500ms", "2s", "3MB"]
    assert "application_name=parley" in conninfo(settings)


async def test_it_comes_back_by_itself_when_the_server_does(fast_path):
    """Stopped: unavailable, nothing acknowledged. Started: everything acknowledged is there."""
    with (fast_path / "log").open("wb") as output:
        server = embedded.Server(fast_path / "data", output=output)
        await asyncio.to_thread(server.start)
        try:
            settings = StorageSettings(data_dir=str(fast_path / "data"), pool_wait_seconds=0.3)
            await migrate.up(settings.url)
            async with open_database(settings) as db:
                agent = await person(db, "agent")
                room = await conversation_of(db, agent)
                assert (await one(db, say(room, agent))).seq == 2
                assert server.process is not None
                server.process.send_signal(signal.SIGQUIT)  # the immediate shutdown: recovery at the next start
                await asyncio.to_thread(server.process.wait)
                for _ in range(3):
                    with pytest.raises(Unavailable):
                        await one(db, say(room, agent))
                await asyncio.to_thread(server.stop)
                await asyncio.to_thread(server.start)
                started = time.monotonic()
                while True:
                    try:
                        stored = await one(db, say(room, agent))
                        break
                    except Unavailable:
                        assert time.monotonic() - started < 5
                assert stored.seq == 3
        finally:
            await asyncio.to_thread(server.stop)

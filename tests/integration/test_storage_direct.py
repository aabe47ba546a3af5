"""The direct way to the database: what it answers, and that no fault leaves it with somebody else's answer."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import threading
from pathlib import Path

import psycopg
import pytest

from storage.direct import Direct
from storage.errors import BadData, Unavailable, Unusable
from storage.pool import open_database
from storage.settings import StorageSettings

pytestmark = pytest.mark.anyio

ECHO = "SELECT $1::text, length($1::text)"
SLEEP = "SELECT pg_sleep($1::float8)"


class Relay:
    """A server before the server, for one connection, that can stop reading and die with unread words before it."""

    WARNING = b"SWARNING\0VWARNING\0C57P02\0Mterminating connection\0\0"

    def __init__(self, database_url: str, folder: Path) -> None:
        given = psycopg.conninfo.conninfo_to_dict(database_url)
        self.behind = f"{given['host']}/.s.PGSQL.{given['port']}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/.s.PGSQL.{given['port']}")
        self.listener.listen()
        self.deaf = threading.Event()
        self.thread = threading.Thread(target=self.pass_on)

    def __enter__(self) -> Relay:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_deaf()
        for end in (self.client, self.server, self.listener):
            end.close()

    def pass_on(self) -> None:
        self.client, _ = self.listener.accept()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(self.behind)
        other = {self.client: self.server, self.server: self.client}
        while not self.deaf.is_set():
            for end in select.select(list(other), [], [], 0.01)[0]:
                other[end].sendall(end.recv(65536))

    def go_deaf(self) -> None:
        """Read nothing more."""
        self.deaf.set()
        self.thread.join()

    def die(self) -> None:
        """With something unread, and a warning just before the end."""
        assert select.select([self.client], [], [], 5)[0]
        self.client.sendall(b"N" + struct.pack("!i", 4 + len(self.WARNING)) + self.WARNING)
        self.client.close()


async def test_a_row_comes_back_as_postgresql_writes_it(db):
    assert await db.run("SELECT $1::int + 1, NULL, true, 'ä'", [b"41"]) == [(b"42", None, b"t", "ä".encode())]
    assert await db.run("SELECT 1 WHERE $1::bool", [b"f"]) == []


async def test_a_statement_larger_than_any_socket_buffer_arrives_whole(db):
    text = b"x" * 20_000_000
    assert await db.run(ECHO, [text]) == [(text, b"20000000")]


async def test_the_next_statement_takes_the_warm_connection(db):
    asked = "SELECT pg_backend_pid() + 0 * $1::int"
    first = await db.run(asked, [b"1"])
    assert await db.run(asked, [b"1"]) == first


async def test_statements_at_once_run_side_by_side_and_get_their_own_answers(db):
    asked = "SELECT $1::text FROM pg_sleep(0.02)"
    names = [str(number).encode() for number in range(20)]
    assert await asyncio.gather(*(db.run(asked, [name]) for name in names)) == [[(name,)] for name in names]


async def test_a_refused_value_is_bad_data_and_the_connection_goes_on(db):
    asked = "SELECT $1::int, pg_backend_pid()"
    ((_, pid),) = await db.run(asked, [b"1"])
    with pytest.raises(BadData):
        await db.run(asked, [b"one"])
    assert await db.run(asked, [b"1"]) == [(b"1", pid)]


async def test_a_statement_that_the_schema_does_not_know_is_unusable(db):
    for _ in range(20):  # more often than there are connections: none is kept or leaks
        with pytest.raises(Unusable):
            await db.run("SELECT no_such_function($1)", [b"1"])


async def test_no_answer_in_time_is_unavailable_and_its_late_answer_reaches_nobody(database_url):
    settings = StorageSettings(database_url=database_url, answer_seconds=0.2, pool_max_connections=2)
    async with open_database(settings) as db:
        assert await db.run(SLEEP, [b"0"]) == [(b"",)]
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            await db.run(SLEEP, [b"0.4"])
        assert await db.run(SLEEP, [b"0"]) == [(b"",)]


async def test_a_wait_that_is_cancelled_gives_its_connection_up(db):
    asked = "SELECT pg_backend_pid() FROM pg_sleep($1::float8)"
    ((pid,),) = await db.run(asked, [b"0"])
    waiting = asyncio.create_task(db.run(asked, [b"0.3"]))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    ((other,),) = await db.run(asked, [b"0"])
    assert other != pid


async def test_a_connection_that_dies_in_a_statement_is_unavailable_and_replaced(db):
    asked = "SELECT pg_backend_pid() FROM pg_sleep($1::float8)"
    ((pid,),) = await db.run(asked, [b"0"])
    waiting = asyncio.create_task(db.run(asked, [b"5"]))
    await asyncio.sleep(0.05)
    await db.fetch("SELECT pg_terminate_backend(%s::int)", [pid.decode()])
    with pytest.raises(Unavailable):
        await waiting
    ((other,),) = await db.run(asked, [b"0"])
    assert other != pid


async def test_a_server_that_dies_with_our_statement_unread_is_noticed_at_once(database_url, tmp_path):
    """Its last words and the end behind them come as one event of the loop, and libuv tells of no other."""
    with Relay(database_url, tmp_path) as relay:

        async def connect() -> psycopg.AsyncConnection:
            return await psycopg.AsyncConnection.connect(database_url, host=str(tmp_path), autocommit=True)

        direct = await Direct.open(connect, SLEEP, 5.0)
        relay.go_deaf()
        waiting = asyncio.create_task(direct.run([b"5"]))
        await asyncio.sleep(0)
        relay.die()  # in one turn of the loop, so that both are there when it looks
        async with asyncio.timeout(1):
            with pytest.raises(Unavailable, match="OperationalError"):
                await waiting
        assert direct.closed


async def test_a_connection_that_died_in_idleness_is_replaced_unnoticed(db):
    asked = "SELECT pg_backend_pid() + 0 * $1::int"
    ((pid,),) = await db.run(asked, [b"0"])
    await db.fetch("SELECT pg_terminate_backend(%s::int)", [pid.decode()])
    for _ in range(100):
        if all(direct.closed for direct in db._direct[asked]):
            break
        await asyncio.sleep(0.02)
    ((other,),) = await db.run(asked, [b"0"])
    assert other != pid


async def test_when_all_direct_connections_are_busy_one_waits_shortly(database_url):
    settings = StorageSettings(
        database_url=database_url, pool_min_connections=1, pool_max_connections=1, pool_wait_seconds=0.1
    )
    async with open_database(settings) as db:
        busy = asyncio.create_task(db.run(SLEEP, [b"0.4"]))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable, match="no connection was free"):
            await db.run(SLEEP, [b"0"])
        assert await busy == [(b"",)]
        assert await db.run(SLEEP, [b"0"]) == [(b"",)]


async def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    async def connect() -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(f"host={tmp_path} dbname=parley")

    with pytest.raises(Unavailable):
        await Direct.open(connect, ECHO, 1.0)

"""The database goes away and comes back; processes double and vanish: nothing is acknowledged that is not stored."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


@contextmanager
def unreachable(database_url: str):
    """Nobody gets into the database, and whoever was in it is thrown out."""
    given = conninfo_to_dict(database_url)
    name = given["dbname"]
    with psycopg.connect(make_conninfo(**{**given, "dbname": "postgres"}), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')


async def test_without_its_database_nothing_is_acknowledged_and_service_resumes_by_itself(
    system: System, database_url: str
):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    conversation = await system.conversation(ann, bob)
    id = str(uuid4())
    send = {"type": "send", "id": id, "conversation": conversation, "body": "is anybody there"}
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        with unreachable(database_url):
            began = time.monotonic()
            await socket.say(send)
            answer = await asyncio.wait_for(socket.hear(), 12)
            assert (answer["type"], answer["code"], answer["id"]) == ("error", "unavailable", id)
            assert time.monotonic() - began < 11
            status, ready = await system.http("GET", "/readyz", None)
            assert (status, ready["database"]) == (503, False)
            status, problem = await system.http("GET", "/api/v1/conversations", ann)
            assert (status, problem["code"]) == (503, "unavailable")
            async with raw_socket(system.url, token=Person("Eve", "client").token()) as other:
                assert (await other.hear())["code"] == "unavailable"
                assert await other.closed() == 4503
        await system.ready(15)
        await socket.say(send)
        assert (await socket.hear_type("ack", "error"))["seq"] == 2
    _, page = await system.http("GET", f"/api/v1/conversations/{conversation}/events", ann)
    assert [event["seq"] for event in page["items"]] == [1, 2]


async def test_a_client_with_an_outbox_lives_through_an_outage_without_losing_or_doubling(
    system: System, database_url: str
):
    ann = Person("Ann", "agent")
    conversation = await system.conversation(ann)
    async with system.client(ann) as a:
        await a.send(conversation, "before")
        with unreachable(database_url):
            waiting = [a.post("send", conversation, body=f"during {n}") for n in range(5)]
            await asyncio.sleep(2)
            assert not any(answer.done() for answer in waiting)
        acks = await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert [ack.seq for ack in acks] == [3, 4, 5, 6, 7]


async def test_with_two_of_everything_each_may_go_and_nobody_loses_a_message(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    system.stop()
    system.brokers = 2
    for name in ("broker", "broker-2", "persistence", "persistence-2", "fanout", "fanout-2", "edge", "edge-2"):
        system.start(name)
    await system.ready()
    rooms = [await system.conversation(ann, bob, subject=f"Room {n}") for n in range(4)]
    heard = []
    async with system.client(ann) as a, system.client(bob, on_event=heard.append) as b:
        sends = []
        victims = iter(["persistence", "broker-2", "fanout-2", "edge"])
        for n in range(120):
            sends.append(a.post("send", rooms[n % 4], body=f"{n}"))
            if n % 30 == 15:
                system.kill(next(victims))
            await asyncio.sleep(0.02)
        acks = await asyncio.wait_for(asyncio.gather(*sends), 40)
        for room in range(4):
            assert [ack.seq for ack in acks[room::4]] == list(range(2, 32)), "in the order sent, each once"
        await asyncio.wait_for(b.until(lambda: all(b.conversations[room].cursor == 31 for room in rooms)), 20)
    said = [event for event in heard if event["kind"] == "message"]
    for at, room in enumerate(rooms):
        assert [e["body"] for e in said if e["conversation"] == room] == [f"{n}" for n in range(at, 120, 4)]


async def test_logout_closes_the_sockets_of_the_token_within_five_seconds(system: System):
    ann = Person("Ann", "agent")
    token = ann.token()
    async with raw_socket(system.url, token=token) as socket, raw_socket(system.url, token=ann.token()) as other:
        await socket.hear_type("ready")
        await other.hear_type("ready")
        headers = {"Authorization": f"Bearer {token}"}
        assert (await system.http("POST", "/api/v1/auth/logout", None, headers=headers))[0] == 204
        assert await asyncio.wait_for(socket.closed(), 5) == 4401
        await other.say({"type": "ping"})
        assert (await other.hear_type("pong"))["type"] == "pong"
    async with raw_socket(system.url, token=token) as again:
        assert (await again.hear())["code"] == "unauthenticated"


async def test_a_long_absence_is_replayed_page_by_page_and_live_events_wait_behind_it(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    conversation = await system.conversation(ann, bob)
    async with system.client(ann) as a:
        for _ in range(9):
            await asyncio.gather(*(a.send(conversation, "x" * 500) for _ in range(100)))
        async with raw_socket(system.url, token=bob.token()) as socket:
            epoch = (await socket.hear())["epoch"]
        hello = {"epoch": epoch, "cursors": {conversation: 0}}
        async with raw_socket(system.url, token=bob.token(), hello=hello) as socket:
            live = [a.post("send", conversation, body=f"live {n}") for n in range(50)]
            seqs, caught_up = [], None
            while len(seqs) < 951:
                frame = await socket.hear()
                if frame["type"] == "event":
                    # What the replay read before it was delivered may come live as well (promise 6).
                    if frame["seq"] > len(seqs):
                        seqs.append(frame["seq"])
                elif frame["type"] == "caught_up":
                    caught_up = frame
            await asyncio.gather(*live)
            assert seqs == list(range(1, 952)), "in order, without hole"
            if caught_up is None:
                caught_up = await socket.hear_type("caught_up")
            assert caught_up["seq"] >= 901

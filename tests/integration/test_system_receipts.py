"""Markers and receipts across two edges, on real processes."""

from __future__ import annotations

import asyncio

import pytest

from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


async def test_a_receipt_reaches_the_members_at_every_edge_and_nobody_else(system: System):
    system.start("edge-2")
    await system.ready()
    ann, bob, eve = Person("Ann", "agent"), Person("Bob", "client"), Person("Eve", "client")
    room = await system.conversation(ann, bob)
    other = f"http://127.0.0.1:{system.ports['edge-2']}"
    async with (
        raw_socket(system.url, token=ann.token()) as a,
        raw_socket(other, token=bob.token()) as b,
        raw_socket(system.url, token=bob.token()) as b2,
        raw_socket(other, token=eve.token()) as e,
    ):
        for socket in (a, b, b2, e):
            await socket.hear_type("ready")
        await a.say({"type": "send", "id": room, "conversation": room, "body": "hello"})
        assert (await b.hear_type("event"))["seq"] == 2
        await b.say({"type": "delivered", "conversation": room, "seq": 2})
        told = {"type": "receipt", "conversation": room, "account": bob.id, "read": 0, "delivered": 2}
        for socket in (b, b2, a):
            assert await asyncio.wait_for(socket.hear_type("receipt"), 5) == told
        await b.say({"type": "read", "conversation": room, "seq": 99})
        told = {"type": "receipt", "conversation": room, "account": bob.id, "read": 2, "delivered": 2}
        for socket in (b, b2, a):
            assert await asyncio.wait_for(socket.hear_type("receipt"), 5) == told
        status, _ = await system.http("PUT", f"/api/v1/conversations/{room}/read", ann, json={"seq": 1})
        assert status == 204
        heard = await asyncio.wait_for(b.hear_type("receipt"), 5)
        assert (heard["account"], heard["read"]) == (ann.id, 1)
        await e.say({"type": "read", "conversation": room, "seq": 2})
        assert (await e.hear_type("resync", "receipt"))["reason"] == "not_member"
        await e.say({"type": "ping"})
        assert (await e.hear_type("pong", "receipt"))["type"] == "pong"


async def test_among_thirty_three_a_receipt_is_for_ones_own_sockets(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    room = await system.conversation(ann, bob, *(Person(f"p{n}", "client") for n in range(31)))
    async with raw_socket(system.url, token=ann.token()) as a, raw_socket(system.url, token=bob.token()) as b:
        await a.hear_type("ready")
        await b.hear_type("ready")
        await b.say({"type": "read", "conversation": room, "seq": 1})
        assert (await b.hear_type("receipt"))["read"] == 1
        await a.say({"type": "read", "conversation": room, "seq": 1})
        assert (await a.hear_type("receipt"))["account"] == ann.id


async def test_the_client_marks_until_it_is_stored_and_counts_what_is_unread(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    room = await system.conversation(ann, bob)
    async with system.client(ann) as a, system.client(bob) as b:
        for n in range(5):
            await a.send(room, f"{n}")
        await asyncio.wait_for(b.until(lambda: b.conversations[room].cursor == 6), 5)
        assert b.conversations[room].unread == 5
        b.read(room, 4)
        await asyncio.wait_for(b.until(lambda: b.conversations[room].read == 4), 5)
        assert b.conversations[room].unread == 2
        await asyncio.wait_for(a.until(lambda: a.conversations[room].receipts.get(bob.id) == (4, 4)), 5)
        await a.delete(room, 6)
    _, shown = await system.http("GET", f"/api/v1/conversations/{room}", bob)
    assert (shown["read"], shown["unread"]) == (4, 1)
    assert {one["account"]: one["read"] for one in shown["members"]} == {ann.id: 0, bob.id: 4}

"""Typing and presence across two edges, on real processes."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


async def test_typing_reaches_the_other_members_at_every_edge_and_nobody_else(system: System):
    system.start("edge-2")
    await system.ready()
    ann, bob, eve = Person("Ann", "agent"), Person("Bob", "client"), Person("Eve", "client")
    room = await system.conversation(ann, bob)
    other = f"http://127.0.0.1:{system.ports['edge-2']}"
    async with (
        raw_socket(system.url, token=ann.token()) as a,
        raw_socket(other, token=bob.token()) as b,
        raw_socket(other, token=eve.token()) as e,
    ):
        for socket in (a, b, e):
            await socket.hear_type("ready")
        for _ in range(5):
            await a.say({"type": "typing", "conversation": room, "on": True})
        await a.say({"type": "typing", "conversation": room, "on": False})
        told = {"type": "typing", "conversation": room, "account": ann.id}
        assert await asyncio.wait_for(b.hear(), 5) == {**told, "on": True}
        assert await asyncio.wait_for(b.hear(), 5) == {**told, "on": False}
        await e.say({"type": "typing", "conversation": room, "on": True})
        for socket in (a, b, e):
            await socket.say({"type": "ping"})
            assert (await socket.hear())["type"] == "pong"


async def heard(socket, account, state, seconds):
    """Wait until the account is said to be so; how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            frame = await socket.hear_type("presence", seconds=seconds)
            if (frame["account"], frame["state"]) == (account, state):
                return time.monotonic() - began


async def test_presence_follows_who_comes_goes_and_sits_away_also_when_an_edge_dies(system: System):
    system.start("edge-2")
    await system.ready()
    ann, bob, eve = Person("Ann", "agent"), Person("Bob", "client"), Person("Eve", "client")
    room = await system.conversation(ann, bob)
    other = f"http://127.0.0.1:{system.ports['edge-2']}"
    async with raw_socket(system.url, token=ann.token()) as a, raw_socket(system.url, token=eve.token()) as e:
        await a.hear_type("ready")
        await e.hear_type("ready")
        await a.say({"type": "watch", "conversation": room})
        await e.say({"type": "watch", "conversation": room})
        first = [await asyncio.wait_for(a.hear_type("presence"), 5) for _ in range(2)]
        assert {frame["account"]: frame["state"] for frame in first} == {ann.id: "online", bob.id: "offline"}
        async with raw_socket(other, token=bob.token()) as b, raw_socket(other, token=bob.token()) as b2:
            await b.hear_type("ready")
            await b2.hear_type("ready")
            await heard(a, bob.id, "online", 5)
            await b.say({"type": "presence", "state": "away"})
            await b2.say({"type": "presence", "state": "away"})
            await heard(a, bob.id, "away", 5)
            await b2.say({"type": "presence", "state": "online"})
            await heard(a, bob.id, "online", 5)
            system.kill("edge-2")
            # An edge is missed after 1.5 s, who was there is called offline 8 s later, each at the next second.
            assert await heard(a, bob.id, "offline", 30) > 5
        await e.say({"type": "ping"})
        assert (await e.hear())["type"] == "pong", "a stranger saw nothing"
        await a.say({"type": "unwatch", "conversation": room})
        await a.say({"type": "ping"})
        await a.hear_type("pong")


async def test_the_client_shows_who_types_and_who_is_there(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    room = await system.conversation(ann, bob)
    async with system.client(ann) as a, system.client(bob) as b:
        a.watch(room)
        await asyncio.wait_for(a.until(lambda: a.company.present.get(bob.id) == ("online", None)), 10)
        b.typing(room)
        await asyncio.wait_for(a.until(lambda: a.company.typists(room, time.monotonic()) == {bob.id}), 5)
        await b.send(room, "there it is")
        await asyncio.wait_for(a.until(lambda: not a.company.typists(room, time.monotonic())), 5)
        b.be("away")
        await asyncio.wait_for(a.until(lambda: a.company.present[bob.id][0] == "away"), 5)

"""What a heartbeat's heads bring, and what they do not give away."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.rawsocket import RawSocket, raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


async def ping(socket: RawSocket, heads: dict[str, int]) -> list[dict[str, Any]]:
    """What comes before the pong."""
    await socket.say({"type": "ping", "heads": heads})
    heard = []
    while (frame := await socket.hear())["type"] != "pong":
        heard.append(frame)
    return heard


async def test_a_heartbeat_tells_nothing_of_foreign_logs_and_what_is_missing_of_own(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "agent")
    own, foreign, missing = await system.conversation(ann), await system.conversation(bob), str(uuid4())
    async with raw_socket(system.url, token=bob.token()) as other, raw_socket(system.url, token=ann.token()) as socket:
        for one in (other, socket):
            await one.hear_type("ready")
        assert await ping(other, {foreign: 1}) == []
        assert await ping(socket, {own: 1}) == []
        for cursor in (0, 1, 99):
            heard = await ping(socket, {foreign: cursor, missing: cursor})
            assert sorted((frame["type"], frame["reason"], frame["conversation"]) for frame in heard) == sorted(
                ("resync", "not_member", conversation) for conversation in (foreign, missing)
            )
        assert [frame["type"] for frame in await ping(socket, {own: 0})] == ["event", "caught_up"]


async def test_a_conversation_that_is_not_in_ready_is_looked_up_once_and_then_known(system: System):
    """Begun after `ready`, and its events not delivered here yet, as far as the hub knows."""
    ann = Person("Ann", "agent")
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        conversation = await system.conversation(ann)
        await socket.hear_type("event")
        assert await ping(socket, {conversation: 1}) == []
        assert await ping(socket, {conversation: 1}) == []

"""Messaging switched off at one of two edges: what a socket there hears when it writes, and what goes on."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.fixtures.rawsocket import RawSocket, raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


async def sent(socket: RawSocket, conversation: str, body: str, id: str) -> dict[str, object]:
    """What a send hears."""
    await socket.say({"type": "send", "id": id, "conversation": conversation, "body": body})
    return await socket.hear_type("ack", "error")


async def test_a_socket_reads_and_hears_and_gets_its_old_acks_while_it_may_not_write(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    system.start("edge-2", FEATURE_MESSAGING_ENABLED="false")
    await system.ready()
    conversation = await system.conversation(ann, bob)
    off_url = f"http://127.0.0.1:{system.ports['edge-2']}"
    first, second = str(uuid4()), str(uuid4())
    async with (
        raw_socket(system.url, token=ann.token()) as on,
        raw_socket(off_url, token=ann.token(), binary=False) as off,
    ):
        await on.hear_type("ready")
        ready = await off.hear_type("ready")
        stored = await sent(on, conversation, "hello", first)
        assert stored["type"] == "ack"

        assert (await off.hear_type("event"))["body"] == "hello"
        refused = await sent(off, conversation, "anybody?", second)
        assert (refused["type"], refused["code"], refused["id"]) == ("error", "disabled", second)
        assert refused["retry_after"] == 30.0
        assert await sent(off, conversation, "hello", first) == stored
        assert (await sent(off, conversation, "something else", first))["code"] == "id_conflict"
        await off.say({"type": "sync", "conversation": conversation, "after": 0})
        assert (await off.hear_type("caught_up"))["head"] == 2
        assert ready["conversations"][0]["head"] == 1

        assert (await sent(on, conversation, "anybody?", second))["seq"] == 3


async def test_staff_write_where_no_client_may(system: System):
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    system.start("edge-2", MESSAGING_ROLLOUT_PERCENTAGE="0")
    await system.ready()
    conversation = await system.conversation(ann, bob)
    url = f"http://127.0.0.1:{system.ports['edge-2']}"
    async with raw_socket(url, token=ann.token()) as agent, raw_socket(url, token=bob.token()) as client:
        await agent.hear_type("ready")
        await client.hear_type("ready")
        assert (await sent(agent, conversation, "hello", str(uuid4())))["type"] == "ack"
        assert (await sent(client, conversation, "hello", str(uuid4())))["code"] == "disabled"

"""How the client says what it has read and received, against a server that loses markers and receipts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench import markers
from bench.client import Client
from tests.fakes.scripted_server import ACCOUNT, OTHER, ScriptedServer

pytestmark = pytest.mark.anyio

TALK = "11111111-1111-4111-8111-111111111111"
QUICK = (0.01, 0.05)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        server.logs[TALK] = []
        yield server


async def within(seconds: float, client: Client, condition) -> None:
    await asyncio.wait_for(client.until(condition), seconds)


async def test_a_marker_without_a_receipt_is_said_again(server, monkeypatch):
    monkeypatch.setattr(markers, "AGAIN_SECONDS", 0.05)
    async with Client(server.url, token="t") as client:
        await server.say(TALK, "one")
        await within(10, client, lambda: TALK in client.conversations and client.conversations[TALK].cursor == 1)
        server.swallow_marks = 2
        client.read(TALK, 1)
        await within(10, client, lambda: client.conversations[TALK].read == 1)
        assert client.conversations[TALK].receipts == {ACCOUNT: (1, 1)}
    assert [frame["seq"] for frame in server.heard_of("read")] == [1, 1, 1]


async def test_a_marker_that_was_lost_with_the_connection_is_said_on_the_next(server):
    async with Client(server.url, token="t", backoff=QUICK) as client:
        await server.say(TALK, "one")
        await within(10, client, lambda: TALK in client.conversations and client.conversations[TALK].cursor == 1)
        server.swallow_marks = 1
        client.read(TALK, 1)
        await within(10, client, lambda: client._session is not None)
        async with asyncio.timeout(10):
            while not server.heard_of("read"):  # noqa: ASYNC110 - the server tells nobody that it heard
                await asyncio.sleep(0.001)
        server.cut()
        await within(10, client, lambda: client.conversations[TALK].read == 1)


async def test_beyond_the_head_nothing_is_read(server):
    async with Client(server.url, token="t") as client:
        await server.say(TALK, "one")
        await within(10, client, lambda: TALK in client.conversations and client.conversations[TALK].cursor == 1)
        client.read(TALK, 99)
        await within(10, client, lambda: client.conversations[TALK].read == 1)
    assert [frame["seq"] for frame in server.heard_of("read")] == [1]


async def test_it_can_say_by_itself_what_arrived(server, monkeypatch):
    monkeypatch.setattr(markers, "DELIVERED_SECONDS", 0.05)
    async with Client(server.url, token="t", deliver=True) as client:
        for n in range(20):
            await server.say(TALK, f"{n}")
        await within(10, client, lambda: server.marks.get((TALK, ACCOUNT), {}).get("delivered") == 20)
        assert client.conversations[TALK].read == 0
    said = [frame["seq"] for frame in server.heard_of("delivered")]
    assert said == sorted(set(said))
    assert len(said) < 20
    assert not server.heard_of("read")


async def test_a_look_at_a_conversation_makes_up_for_missed_receipts(server):
    async with Client(server.url, token="t") as client:
        await server.say(TALK, "one")
        server.marks[(TALK, OTHER)] = {"read": 1, "delivered": 1}
        server.marks[(TALK, ACCOUNT)] = {"read": 1, "delivered": 1}
        details = await client.look(TALK)
        fold = client.conversations[TALK]
        assert (details["head"], fold.read) == (1, 1)
        assert fold.receipts == {ACCOUNT: (1, 1), OTHER: (1, 1)}


async def test_so_does_reading_it_anew_after_a_resync(server):
    async with Client(server.url, token="t") as client:
        await server.say(TALK, "one")
        await within(10, client, lambda: TALK in client.conversations and client.conversations[TALK].cursor == 1)
        server.marks[(TALK, OTHER)] = {"read": 1, "delivered": 1}
        await server.tell({"type": "resync", "conversation": TALK, "reason": "cursor_ahead"})
        await within(10, client, lambda: OTHER in client.conversations[TALK].receipts)

"""The bench client against a server that misbehaves on command, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random

import aiohttp
import pytest

from bench.client import Client, ClientError, RefusedError
from bench.fold import Folds
from bench.outbox import Outbox
from bench.session import Timing
from tests.fakes.scripted_server import ACCOUNT, OTHER, ScriptedServer

pytestmark = pytest.mark.anyio

TALK = "11111111-1111-4111-8111-111111111111"
ASIDE = "22222222-2222-4222-8222-222222222222"
QUICK = (0.01, 0.05)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        server.logs[TALK] = []
        yield server


async def within(seconds: float, client: Client, condition) -> None:
    await asyncio.wait_for(client.until(condition), seconds)


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
async def test_a_sent_message_is_acknowledged_and_comes_back_as_event(server, encoding):
    seen = []
    async with Client(server.url, token="t", encoding=encoding, on_event=seen.append) as client:
        ack = await client.send(TALK, "hello", reply_to=3, mentions=[ACCOUNT], attachments=[OTHER])
        await within(10, client, lambda: bool(seen))
    assert (ack.conversation, ack.seq) == (TALK, 1)
    assert [(event["seq"], event["body"], event["id"]) for event in seen] == [(1, "hello", ack.id)]
    sent = server.heard_of("send")[0]
    assert (sent["reply_to"], sent["mentions"], sent["attachments"]) == (3, [ACCOUNT], [OTHER])
    assert server.heard_of("hello")[0]["token"] == "t"


async def test_it_resumes_at_its_cursor_after_the_connection_broke(server):
    seen = []
    async with Client(server.url, token="t", on_event=seen.append, backoff=QUICK) as client:
        await server.say(TALK, "one")
        await within(10, client, lambda: len(seen) == 1)
        server.cut()
        await within(10, client, lambda: client.state == "lost")
        await server.say(TALK, "two")
        await server.say(TALK, "three")
        await within(10, client, lambda: len(seen) == 3)
        await asyncio.wait_for(client.caught_up(), 10)
    assert [event["body"] for event in seen] == ["one", "two", "three"]
    assert server.heard_of("hello")[1]["cursors"] == {TALK: 1}
    assert server.heard_of("hello")[1]["epoch"] == "e1"


async def test_it_goes_on_where_another_client_stopped(server):
    for body in ("one", "two", "three"):
        await server.say(TALK, body)
    seen = []
    folds = Folds("e1", {TALK: 1})
    async with Client(server.url, token="t", conversations=folds, on_event=seen.append) as client:
        await asyncio.wait_for(client.caught_up(), 10)
        assert client.conversations[TALK].cursor == 3
    assert [event["seq"] for event in seen] == [2, 3]


async def test_a_lost_ack_is_asked_for_again_under_the_same_id(server):
    server.swallow_acks = 1
    async with Client(server.url, token="t", backoff=QUICK) as client:
        waiting = client.post("send", TALK, body="once")
        await within(10, client, lambda: len(server.logs[TALK]) == 1)
        server.cut()
        ack = await asyncio.wait_for(waiting, 10)
    first, second = server.heard_of("send")
    assert first["id"] == second["id"] == ack.id
    assert ack.seq == 1
    assert len(server.logs[TALK]) == 1


@pytest.mark.parametrize("code", ["unavailable", "rate_limited", "overloaded"])
async def test_a_refused_attempt_is_repeated_and_nothing_overtakes_it(server, code):
    server.refusals.append({"code": code, "message": "later", "retry_after": 0.05})
    async with Client(server.url, token="t") as client:
        answers = [client.post("send", TALK, body=body) for body in ("first", "second", "third")]
        acks = await asyncio.wait_for(asyncio.gather(*answers), 10)
    assert [ack.seq for ack in acks] == [1, 2, 3]
    assert [event["body"] for event in server.logs[TALK]] == ["first", "second", "third"]


async def test_a_final_refusal_ends_one_command_and_no_other(server):
    server.refusals.append({"code": "forbidden", "message": "Not yours.", "field": "body"})
    refused = []
    async with Client(server.url, token="t", on_refused=refused.append) as client:
        first, second = client.post("send", TALK, body="no"), client.post("send", TALK, body="yes")
        with pytest.raises(RefusedError, match=r"forbidden: Not yours\.") as raised:
            await asyncio.wait_for(first, 10)
        assert (await asyncio.wait_for(second, 10)).seq == 1
    assert raised.value.refusal.field == "body"
    assert [refusal.code for refusal in refused] == ["forbidden"]


async def test_a_missed_event_is_noticed_by_the_next_and_asked_for(server):
    seen = []
    server.omit = {2, 3}
    server.sync_limit = 1
    async with Client(server.url, token="t", on_event=seen.append) as client:
        for body in "abcd":
            await server.say(TALK, body)
        await within(10, client, lambda: len(seen) == 4)
        await asyncio.wait_for(client.caught_up(), 10)
    assert [event["body"] for event in seen] == list("abcd")
    assert server.heard_of("sync")[0] == {"type": "sync", "conversation": TALK, "after": 1, "limit": 200}


async def test_a_missed_last_event_is_noticed_by_the_heartbeat(server):
    seen = []
    server.omit = {2}
    async with Client(server.url, token="t", on_event=seen.append) as client:
        await server.say(TALK, "a")
        await server.say(TALK, "b")
        await within(10, client, lambda: len(seen) == 1)
        client.ping()
        await within(10, client, lambda: len(seen) == 2)
    assert server.heard_of("ping")[0]["heads"] == {TALK: 1}


async def test_a_server_that_answers_no_ping_is_left_for_the_next_url(server):
    async with ScriptedServer() as second:
        second.logs[TALK] = []
        server.mute = True
        server.heartbeat = 0.05
        urls = [server.url, second.url]
        async with Client(urls, token="t", timing=Timing(pong=0.1), backoff=QUICK) as client:
            await asyncio.wait_for(asyncio.to_thread(lambda: None), 10)
            await within(10, client, lambda: bool(second.connections) and client.state == "live")
            assert client.reconnects >= 1
            assert (await client.send(TALK, "here")).seq == 1
    assert len(second.logs[TALK]) == 1


async def test_it_stays_away_as_long_as_bye_says_and_loses_no_answer(server):
    server.swallow_acks = 0
    async with Client(server.url, token="t", backoff=(60.0, 60.0), random=Random(2)) as client:
        await server.tell({"type": "bye", "reason": "draining", "reconnect_after": 0.3})
        began = time.monotonic()
        await within(10, client, lambda: client.state == "lost")
        answer = client.post("send", TALK, body="after")
        await within(10, client, lambda: client.state == "live")
        assert time.monotonic() - began > 0.25
        assert (await asyncio.wait_for(answer, 10)).seq == 1


async def test_a_new_epoch_reloads_over_http_and_goes_on_live(server):
    for body in ("old", "log"):
        await server.say(TALK, body)
    seen = []
    folds = Folds("e0", {TALK: 40})
    async with Client(server.url, token="t", conversations=folds, on_event=seen.append) as client:
        await asyncio.wait_for(client.caught_up(), 10)
        await server.say(TALK, "new")
        await within(10, client, lambda: len(seen) == 3)
        assert [event["seq"] for event in seen] == [1, 2, 3]
        assert client.conversations.epoch == "e1"
        server.epoch = "e2"
        await server.tell({"type": "resync", "reason": "epoch"})
        await within(10, client, lambda: client.conversations.epoch == "e2")


async def test_a_new_epoch_holds_also_where_the_last_conversation_in_doubt_is_gone(server):
    server.logs[ASIDE] = []
    async with Client(server.url, token="t", backoff=QUICK) as client:
        server.epoch = "e2"
        server.not_found = {list(client.conversations)[-1]}
        await server.tell({"type": "resync", "reason": "epoch"})
        await within(10, client, lambda: len(client.conversations) == 1)
        await within(10, client, lambda: client.conversations.epoch == "e2")


async def test_a_reload_that_fails_is_tried_again_and_one_not_found_is_forgotten(server):
    server.logs[ASIDE] = []
    await server.say(ASIDE, "x")
    async with Client(server.url, token="t", random=Random(3)) as client:
        server.fail_http = 1
        server.not_found = {TALK}
        await server.tell({"type": "resync", "reason": "epoch"})
        await within(10, client, lambda: TALK not in client.conversations)
        await within(10, client, lambda: not client.conversations[ASIDE].stale)
        assert "503" in client.last_fault


async def test_who_is_no_member_any_more_asks_for_nothing_more(server):
    async with Client(server.url, token="t", backoff=QUICK) as client:
        await server.tell({"type": "resync", "conversation": TALK, "reason": "not_member"})
        await within(10, client, lambda: not client.conversations[TALK].member)
        server.cut()
        await within(10, client, lambda: client.reconnects == 1 and client.state == "live")
    assert server.heard_of("hello")[1]["cursors"] == {}


async def test_a_refused_token_is_replaced_when_it_can_be(server):
    asked = []

    async def fetch(refused: bool) -> str:
        asked.append(refused)
        if refused:
            server.close_with = None
        return f"t{len(asked)}"

    server.close_with = 4401
    async with Client(server.url, token=fetch, backoff=QUICK) as client:
        assert client.state == "live"
    assert asked == [False, True]
    assert [hello["token"] for hello in server.heard_of("hello")] == ["t1", "t2"]


@pytest.mark.parametrize(("close", "code"), [(4401, "unauthenticated"), (4403, "forbidden")])
async def test_a_refusal_of_the_account_is_final(server, close, code):
    server.close_with = close
    with pytest.raises(ClientError, match=code):
        async with Client(server.url, token="t", backoff=QUICK):
            pass


async def test_what_is_unanswered_at_the_end_stays_in_the_outbox(server):
    server.swallow_acks = 1
    outbox = Outbox()
    async with Client(server.url, token="t", outbox=outbox) as client:
        waiting = client.post("send", TALK, body="kept")
        assert client.post("send", TALK, id=next(iter(outbox)).id, body="kept") is waiting
        await within(10, client, lambda: len(server.logs[TALK]) == 1)
    with pytest.raises(ClientError, match="closed"):
        await waiting
    with pytest.raises(ClientError, match="closed"):
        client.post("send", TALK, body="too late")
    assert [entry.frame["body"] for entry in outbox] == ["kept"]
    async with Client(server.url, token="t", outbox=outbox) as client:
        await within(10, client, lambda: not len(outbox))
    assert len(server.logs[TALK]) == 1


async def test_a_client_closed_at_the_moment_in_which_its_connection_ends_stays_closed(server, monkeypatch):
    client = Client(server.url, token="t", backoff=QUICK)
    closing = asyncio.get_running_loop().create_future()
    receive = aiohttp.ClientWebSocketResponse.receive

    async def receive_and_close(self, *patience):
        message = await receive(self, *patience)
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT) and not closing.done():
            closing.set_result(asyncio.create_task(client.close()))  # begins in the next turn: the writer still ends
        return message

    monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "receive", receive_and_close)
    await client.__aenter__()
    server.cut()
    await asyncio.wait_for(await asyncio.wait_for(closing, 10), 10)
    assert client.state == "closed"
    assert client.reconnects == 0


async def test_nobody_there_is_waited_for_no_longer_than_asked(server):
    await server.stop()
    with pytest.raises(TimeoutError):
        async with Client(server.url, token="t", open_seconds=0.1, backoff=QUICK):
            pass


@pytest.mark.odd_server
async def test_a_complaint_without_id_is_kept_and_unknown_frames_are_ignored(server):
    frames = []
    async with Client(server.url, token="t", on_frame=frames.append) as client:
        await server.tell({"type": "weather", "conversation": TALK, "sun": True})
        await server.tell({"type": "error", "code": "unknown_type", "message": "What?"})
        await within(10, client, lambda: bool(client.complaints))
        assert client.complaints[0].code == "unknown_type"
    assert [frame["type"] for frame in frames] == ["ready", "weather", "error"]


@pytest.mark.odd_server
async def test_junk_from_the_server_ends_the_connection_not_the_client(server):
    async with Client(server.url, token="t", backoff=QUICK) as client:
        await server.connections[0].ws.send_bytes(b"\xc1")
        await within(10, client, lambda: client.reconnects == 1 and client.state == "live")
        await server.connections[0].ws.send_bytes(b"\x01")
        await within(10, client, lambda: client.reconnects == 2 and client.state == "live")
        assert "type" in client.last_fault

"""Two people talk through the whole system: real processes, real sockets, real database."""

from __future__ import annotations

import asyncio
import signal
import time
from uuid import uuid4

import pytest

from bench.client import RefusedError
from bench.outbox import Outbox
from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


def bodies(client, conversation):
    """What a client has of a conversation, in the order of the log."""
    return [message.body for message in client.conversations[conversation].messages.values()]


@pytest.fixture
def ann() -> Person:
    return Person("Ann", "agent")


@pytest.fixture
def bob() -> Person:
    return Person("Bob", "client")


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
async def test_what_one_says_the_other_hears_in_order(system: System, ann: Person, bob: Person, encoding: str):
    heard = asyncio.Queue()
    async with system.client(bob, encoding=encoding, on_event=heard.put_nowait) as b, system.client(ann) as a:
        conversation = await system.conversation(ann, bob)
        acks = [await a.send(conversation, f"message {n}") for n in range(5)]
        assert [ack.seq for ack in acks] == [2, 3, 4, 5, 6]
        while (await asyncio.wait_for(heard.get(), 5))["seq"] < 6:
            pass
        assert (await b.send(conversation, "heard you")).seq == 7
        await asyncio.wait_for(a.until(lambda: a.conversations[conversation].cursor == 7), 5)
        assert bodies(a, conversation) == [f"message {n}" for n in range(5)] + ["heard you"]


async def test_who_was_away_has_the_ten_missed_messages_in_order(system: System, ann: Person, bob: Person):
    conversation = await system.conversation(ann, bob)
    async with system.client(bob) as b:
        await b.send(conversation, "I am off")
        kept = b.conversations
        await asyncio.wait_for(b.until(lambda: kept[conversation].cursor == 2), 5)
    async with system.client(ann) as a:
        for n in range(10):
            await a.send(conversation, f"missed {n}")
    heard = []
    async with system.client(bob, conversations=kept, on_event=heard.append) as b:
        await asyncio.wait_for(b.caught_up(), 5)
        assert [event["body"] for event in heard] == [f"missed {n}" for n in range(10)]
        assert [event["seq"] for event in heard] == list(range(3, 13))


@pytest.mark.parametrize("victim", ["broker", "persistence", "fanout", "edge"])
async def test_nothing_acknowledged_is_lost_or_doubled_when_a_process_is_killed(
    system: System, ann: Person, bob: Person, victim: str
):
    conversation = await system.conversation(ann, bob)
    heard = []
    async with system.client(ann) as a, system.client(bob, on_event=heard.append) as b:
        sends = []
        for n in range(60):
            sends.append(a.post("send", conversation, body=f"{n}"))
            if n == 20:
                await system.restart(victim)
            await asyncio.sleep(0.01)
        acks = await asyncio.wait_for(asyncio.gather(*sends), 30)
        assert [ack.seq for ack in acks] == list(range(2, 62)), "stored in the order sent, each once"
        await asyncio.wait_for(b.until(lambda: b.conversations[conversation].cursor == 61), 15)
    said = [event for event in heard if event["kind"] == "message"]
    assert [event["body"] for event in said] == [f"{n}" for n in range(60)]


async def test_a_used_id_gets_its_seq_again_and_another_text_under_it_is_refused(system: System, ann: Person):
    conversation = await system.conversation(ann)
    id = str(uuid4())
    async with system.client(ann) as a:
        first = await a.send(conversation, "once", id=id)
        again = await a.send(conversation, "once", id=id)
        assert (first.seq, first.at) == (again.seq, again.at)
        with pytest.raises(RefusedError) as refused:
            await a.send(conversation, "twice", id=id)
        assert refused.value.code == "id_conflict"
        assert (await a.send(conversation, "next")).seq == first.seq + 1


async def test_an_id_sent_over_http_and_by_socket_is_one_message(system: System, ann: Person):
    conversation = await system.conversation(ann)
    id = str(uuid4())
    path = f"/api/v1/conversations/{conversation}/messages"
    status, stored = await system.http("POST", path, ann, json={"body": "hello"}, headers={"Idempotency-Key": id})
    assert (status, stored["seq"], stored["id"]) == (201, 2, id)
    async with system.client(ann) as a:
        assert (await a.send(conversation, "hello", id=id)).seq == 2
    status, replayed = await system.http("POST", path, ann, json={"body": "hello"}, headers={"Idempotency-Key": id})
    assert (status, replayed) == (200, stored)


async def test_a_removed_member_hears_the_removal_and_nothing_after_it(system: System, ann: Person, bob: Person):
    conversation = await system.conversation(ann, bob)
    async with raw_socket(system.url, token=bob.token()) as socket, system.client(ann) as a:
        assert (await socket.hear())["type"] == "ready"
        await a.send(conversation, "before")
        status, _ = await system.http("DELETE", f"/api/v1/conversations/{conversation}/members/{bob.id}", ann)
        assert status == 204
        await a.send(conversation, "after")
        frames = [await socket.hear_type("event", "resync") for _ in range(3)]
        assert [frame.get("kind") or frame["reason"] for frame in frames] == ["message", "member_left", "not_member"]
        await socket.silence(1.5)
        id = str(uuid4())
        await socket.say({"type": "send", "id": id, "conversation": conversation, "body": "let me in"})
        assert (await socket.hear())["code"] == "not_found"
        await socket.say({"type": "sync", "conversation": conversation, "after": 0})
        assert (await socket.hear())["reason"] == "not_member"


async def test_a_new_member_hears_of_the_conversation_at_once_and_may_read_it_all(
    system: System, ann: Person, bob: Person
):
    conversation = await system.conversation(ann)
    async with system.client(ann) as a, raw_socket(system.url, token=bob.token()) as socket:
        assert (await socket.hear())["conversations"] == []
        await a.send(conversation, "early words")
        path = f"/api/v1/conversations/{conversation}/members/{bob.id}"
        assert (await system.http("PUT", path, ann))[0] == 204
        joined = await socket.hear_type("event")
        assert (joined["kind"], joined["account"], joined["seq"]) == ("member_joined", bob.id, 3)
        await socket.say({"type": "sync", "conversation": conversation, "after": 0})
        kinds = [(await socket.hear_type("event"))["kind"] for _ in range(3)]
        assert kinds == ["created", "message", "member_joined"]
        assert await socket.hear() == {"type": "caught_up", "conversation": conversation, "seq": 3, "head": 3}


async def test_an_edge_that_stops_says_bye_first_and_then_4503(system: System, ann: Person):
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        system.processes["edge"].send_signal(signal.SIGTERM)
        bye = await socket.hear_type("bye")
        assert bye["reason"] == "draining"
        assert 0.5 <= bye["reconnect_after"] <= 31
        assert await socket.closed() == 4503
    assert system.processes.pop("edge").wait(10) == 0


async def test_what_fanout_missed_while_it_was_away_is_repaired(system: System, ann: Person, bob: Person):
    conversation = await system.conversation(ann, bob)
    async with system.client(ann) as a, system.client(bob) as b:
        await a.send(conversation, "one")
        system.kill("fanout")
        for n in range(5):
            await a.send(conversation, f"into the void {n}")
        system.start("fanout")
        await asyncio.wait_for(b.until(lambda: b.conversations[conversation].cursor == 7), 10)
        assert bodies(b, conversation)[-1] == "into the void 4"


async def test_a_client_that_does_not_read_is_cut_and_nobody_else_notices(system: System, ann: Person, bob: Person):
    conversation = await system.conversation(ann, bob)
    async with raw_socket(system.url, token=bob.token()) as deaf, system.client(ann) as a:
        await deaf.hear_type("ready")
        transport = deaf.transport
        transport.pause_reading()
        text = "x" * 9_000
        for _ in range(12):
            await asyncio.gather(*(a.send(conversation, text) for _ in range(40)))
        assert (await a.send(conversation, "still here")).seq > 400
        transport.resume_reading()
        assert await deaf.closed() == 4408


async def test_a_small_window_is_everybodys_and_does_not_slow_an_edge_that_only_listens(
    database_url: str, tmp_path, ann: Person, bob: Person
):
    """Were it the broker's alone, that edge would tell too late what it used up: one window per heartbeat."""
    system = System(database_url, tmp_path, BROKER_WINDOW_BYTES="65536")
    try:
        system.start("edge-2")
        await system.start_all()
        conversation = await system.conversation(ann, bob)
        speaker, listener = system.client(ann, outbox=Outbox(pipeline=50)), system.client(bob)
        speaker.urls, listener.urls = [system.url], [f"http://127.0.0.1:{system.ports['edge-2']}"]
        async with speaker as a, listener as b:
            began = time.monotonic()
            await asyncio.gather(*(a.send(conversation, "x" * 5_000) for _ in range(400)))
            await b.until(lambda: b.conversations[conversation].cursor == 401)
            assert time.monotonic() - began < 8, "2 MB; a heartbeat for each window of them would take 15 s"
    finally:
        system.stop()

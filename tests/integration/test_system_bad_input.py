"""Whatever a client sends: the answer of docs/protocol.md, nothing changes, nobody else notices."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import aiohttp
import msgpack
import pytest

from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


@pytest.fixture
def system(shared_system: System) -> System:
    """The same for all: whatever is said here changes nothing."""
    return shared_system


@pytest.fixture
def ann() -> Person:
    return Person("Ann", "agent")


@pytest.fixture
def bob() -> Person:
    return Person("Bob", "client")


async def test_each_wrong_frame_gets_its_error_and_changes_nothing(system: System, ann: Person, bob: Person):
    conversation = await system.conversation(ann)
    foreign = await system.conversation(ann, subject="Another")
    id = str(uuid4())

    def send(**fields):
        return {"type": "send", "id": id, "conversation": conversation, "body": "x", **fields}

    wrong = [
        ({"type": "shout", "id": id}, "unknown_type", None),
        (send(body=""), "invalid", "body"),
        (send(body="x" * 10_001), "invalid", "body"),
        (send(body="a\x00b"), "invalid", "body"),
        (send(body=7), "invalid", "body"),
        (send(id="not-a-uuid"), "invalid", "id"),
        (send(conversation="nor this"), "invalid", "conversation"),
        (send(reply_to=99), "invalid", "reply_to"),
        (send(reply_to=1), "invalid", "reply_to"),
        (send(mentions=[str(uuid4())]), "invalid", "mentions"),
        (send(attachments=[str(uuid4())]), "invalid", "attachments"),
        (send(conversation=str(uuid4())), "not_found", None),
        ({"type": "send", "id": id, "conversation": conversation}, "invalid", "body"),
        ({"type": "sync", "conversation": conversation, "after": -1}, "invalid", "after"),
    ]
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        for frame, code, field in wrong:
            await socket.say(frame, wrong=True)
            answer = await socket.hear_type("error")
            assert (answer["type"], answer["code"], answer.get("field")) == ("error", code, field), frame
        await socket.say(send(body="and now it is right"))
        assert (await socket.hear_type("ack"))["seq"] == 2
    async with raw_socket(system.url, token=bob.token()) as socket:
        await socket.hear_type("ready")
        for hidden in (conversation, foreign, str(uuid4())):
            await socket.say(send(conversation=hidden, id=str(uuid4())))
            assert (await socket.hear())["code"] == "not_found", "foreign and missing look the same"
            await socket.say({"type": "sync", "conversation": hidden, "after": 0})
            assert (await socket.hear())["reason"] == "not_member"
    _, page = await system.http("GET", f"/api/v1/conversations/{conversation}/events", ann)
    assert [event["kind"] for event in page["items"]] == ["created", "message"]


@pytest.mark.parametrize(
    ("junk", "binary"),
    [
        (b"\xc1", True),
        (b"\xdd\xff\xff\xff\xff", True),
        (b"\x91" * 5_000 + b"\xc0", True),
        (msgpack.packb("a text"), True),
        (msgpack.packb({"no": "type"}), True),
        (msgpack.packb({"type": 5}), True),
        (b"\x00\x01\x02", False),
        ("{", False),
        ("[" * 5_000, False),
        ("[]", False),
        ('"text on a msgpack socket"', True),
    ],
)
async def test_what_is_no_frame_at_all_is_answered_and_the_socket_closed(system: System, ann: Person, junk, binary):
    async with (
        raw_socket(system.url, token=ann.token()) as bystander,
        raw_socket(system.url, token=ann.token(), binary=binary) as socket,
    ):
        await bystander.hear_type("ready")
        await socket.hear_type("ready")
        await socket.say(junk)
        assert (await socket.hear())["code"] == "bad_frame"
        assert await socket.closed() == 4400
        await bystander.say({"type": "ping"})
        assert (await bystander.hear())["type"] == "pong"


async def test_a_frame_over_64_kib_is_closed_with_1009(system: System, ann: Person):
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        await socket.say(b"\xc4" + b"x" * 70_000)
        assert await socket.closed() == 1009


async def test_too_many_cursors_close_with_4413(system: System, ann: Person):
    async with raw_socket(system.url) as socket:
        await socket.say(
            {"type": "hello", "token": ann.token(), "cursors": {str(uuid4()): 1 for _ in range(501)}}, wrong=True
        )
        assert (await socket.hear())["code"] == "too_large"
        assert await socket.closed() == 4413


async def test_no_hello_within_five_seconds_closes_with_4401(system: System):
    async with raw_socket(system.url) as socket:
        began = time.monotonic()
        assert await socket.closed() == 4401
        assert 4.5 < time.monotonic() - began < 8


@pytest.mark.parametrize("case", ["none", "garbage", "expired", "other secret", "other audience", "not hello"])
async def test_who_is_not_authenticated_hears_so_and_is_closed_with_4401(system: System, ann: Person, case: str):
    from joserfc import jwt
    from joserfc.jwk import OctKey

    from bench.tokens import mint
    from tests.fixtures.system import SECRET

    claims = {"sub": ann.id, "name": "Ann", "email": "a@b", "role": "agent", "jti": "1", "exp": time.time() + 60}
    hello = {
        "none": {"type": "hello"},
        "garbage": {"type": "hello", "token": "a.b.c"},
        "expired": {"type": "hello", "token": ann.token(seconds=-60.0)},
        "other secret": {
            "type": "hello",
            "token": mint("x" * 40, ann.id, name="Ann", email="ann@host.example", role="agent"),
        },
        "other audience": {
            "type": "hello",
            "token": jwt.encode({"alg": "HS256"}, {**claims, "aud": "else"}, OctKey.import_key(SECRET.encode())),
        },
        "not hello": {"type": "ping"},
    }[case]
    async with raw_socket(system.url) as socket:
        await socket.say(hello)
        assert (await socket.hear())["type"] == "error"
        assert await socket.closed() == 4401


async def test_a_token_that_runs_out_takes_its_socket_with_it(system: System, ann: Person):
    async with raw_socket(system.url, token=ann.token(seconds=2.0)) as socket:
        await socket.hear_type("ready")
        began = time.monotonic()
        assert await socket.closed() == 4401
        assert time.monotonic() - began < 7


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_a_foreign_origin_is_closed_with_1008(system: System, origin: str):
    async with raw_socket(system.url, origin=origin) as socket:
        assert await socket.closed() == 1008


async def test_our_own_origin_and_a_bearer_header_open_a_socket(system: System, ann: Person):
    headers = {"Authorization": f"Bearer {ann.token()}"}
    async with raw_socket(system.url, origin=system.url, headers=headers) as socket:
        await socket.say({"type": "hello"})
        assert (await socket.hear())["account"] == {"id": ann.id, "name": "Ann", "role": "agent"}


async def test_without_a_known_subprotocol_there_is_no_conversation(system: System):
    async with raw_socket(system.url, protocols=("soap",)) as socket:
        assert await socket.closed() == 4400


async def test_cursors_of_another_epoch_are_told_to_resync(system: System, ann: Person):
    conversation = await system.conversation(ann)
    hello = {"epoch": "another", "cursors": {conversation: 1}}
    async with raw_socket(system.url, token=ann.token(), hello=hello) as socket:
        ready = await socket.hear()
        resync = await socket.hear()
        assert (resync["type"], resync["reason"], "conversation" in resync) == ("resync", "epoch", False)
    hello = {"epoch": ready["epoch"], "cursors": {conversation: 5, str(uuid4()): 3}}
    async with raw_socket(system.url, token=ann.token(), hello=hello) as socket:
        await socket.hear_type("ready")
        reasons = {frame["conversation"]: frame["reason"] for frame in [await socket.hear(), await socket.hear()]}
        assert reasons[conversation] == "cursor_ahead"
        assert sorted(reasons.values()) == ["cursor_ahead", "not_member"]


async def test_a_ping_whose_heads_lag_brings_what_is_missing_before_the_pong(system: System, ann: Person):
    conversation = await system.conversation(ann)
    async with raw_socket(system.url, token=ann.token()) as socket:
        await socket.hear_type("ready")
        for n in range(3):
            await socket.say({"type": "send", "id": str(uuid4()), "conversation": conversation, "body": f"{n}"})
            await socket.hear_type("ack")
        await asyncio.sleep(2.1)  # what was forwarded in the last two seconds may still be on its way to a client
        await socket.say({"type": "ping", "heads": {conversation: 2}})
        seqs = []
        while (frame := await socket.hear())["type"] != "pong":
            if frame["type"] == "event":
                seqs.append(frame["seq"])
        assert seqs[-2:] == [3, 4]


async def test_an_unhurried_request_head_is_not_waited_for(system: System):
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    began = time.monotonic()
    async with asyncio.timeout(15):
        assert await reader.read() == b""
    assert 8 < time.monotonic() - began < 14
    writer.close()
    async with aiohttp.ClientSession() as http, http.get(f"{system.url}/healthz") as answer:
        assert answer.status == 200

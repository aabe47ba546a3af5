"""Octets that no client would send, at a whole Parley with its default limits: each has its answer, and nobody else
notices. Frames that are well formed and wrong: `test_system_bad_input.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import msgpack
import psutil
import pytest

from storage import embedded
from tests.fixtures.bystander import Bystander, bystander, undisturbed
from tests.fixtures.postgres import fresh_database
from tests.fixtures.rawsocket import RawSocket, raw_socket
from tests.fixtures.system import Person, System, running_system
from tests.fixtures.wire import BINARY, CONT, PING, PONG, TEXT, Wire, fragments, frame, handshake, wire

pytestmark = pytest.mark.anyio

MSGPACK, JSON = "parley.v1.msgpack", "parley.v1.json"
MEBIBYTE = 1024 * 1024
BEN = Person("Ben", "client")
PING_FRAME = msgpack.packb({"type": "ping"})


@pytest.fixture(scope="module")
async def whole(postgres: embedded.Server) -> AsyncIterator[System]:
    """One Parley for all tests here, with the limits that it has by default, and an edge without any (`edge-2`)."""
    with fresh_database(postgres) as url:
        async with running_system(url, RATE_LIMIT="10") as system:
            system.start("edge-2", RATE_LIMIT="0")
            await system.ready()
            yield system


@pytest.fixture(scope="module")
async def other(whole: System) -> AsyncIterator[Bystander]:
    """Somebody who talks all the while."""
    async with bystander(whole) as talking:
        yield talking


@pytest.fixture(autouse=True)
async def nobody_else_notices(whole: System, other: Bystander) -> AsyncIterator[None]:
    async with undisturbed(whole, other):
        yield


async def live(socket: Wire, *, protocol: str = MSGPACK) -> None:
    """Say hello, and hear `ready`."""
    assert await socket.upgrade(protocol=protocol) == 101
    hello = {"type": "hello", "token": BEN.token()}
    if protocol == MSGPACK:
        await socket.send(frame(BINARY, msgpack.packb(hello)))
    else:
        await socket.send(frame(TEXT, b'{"type":"hello","token":"' + BEN.token().encode() + b'"}'))
    assert b"ready" in (await socket.hear()).payload


def size_of(system: System, name: str) -> int:
    return int(psutil.Process(system.processes[name].pid).memory_info().rss)


# Handshakes -----------------------------------------------------------------


async def trickle(socket: Wire) -> None:
    """Send a head an octet at a time, for as long as that is borne."""
    for octet in handshake():
        if socket.lost.is_set():
            return
        await socket.send(bytes([octet]))
        await asyncio.sleep(0.5)


async def test_a_thousand_handshakes_that_do_not_end_are_cut(whole: System):
    async with AsyncExitStack() as open_sockets:
        sockets = [await open_sockets.enter_async_context(wire(whole.port)) for _ in range(1000)]
        began = time.monotonic()
        silent, half, slow, mute = sockets[:400], sockets[400:700], sockets[700:800], sockets[800:]
        await asyncio.gather(*(socket.send(handshake()[:60]) for socket in half))
        trickling = [asyncio.create_task(trickle(socket)) for socket in slow]
        assert {await socket.upgrade() for socket in mute} == {101}
        assert {(await socket.hear_all())[1] for socket in mute} == {4401}
        assert 4.5 < time.monotonic() - began < 9
        async with asyncio.timeout(15):
            for socket in (*silent, *half, *slow):
                await socket.lost.wait()
        assert time.monotonic() - began > 8, "there was a little patience"
        await asyncio.gather(*trickling)
        assert not any(socket.received for socket in (*silent, *half, *slow))


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["X-Long: " + "x" * 10_000], 431),
        ([f"X-{n}: x" for n in range(200)], 431),
        (["Content-Length: 5"], 400),
        (["Transfer-Encoding: chunked"], 400),
        (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 400),
        (["Sec-WebSocket-Version: 8"], 400),
        (["Origin: http://parley", "Origin: http://parley"], 400),
    ],
    ids=["a long header", "200 headers", "a body", "a body in chunks", "two keys", "two versions", "two origins"],
)
async def test_an_upgrade_that_is_none_is_answered_at_once(whole: System, lines: list[str], status: int):
    async with wire(whole.port) as socket:
        assert await socket.upgrade(*lines) == status
        async with asyncio.timeout(2):
            await socket.lost.wait()


async def test_a_head_that_has_no_end_is_cut_at_64_kib(whole: System):
    async with wire(whole.port) as socket:
        await socket.send(b"GET /healthz HTTP/1.1\r\n", *[b"X-Endless: " + b"x" * 65_000 + b"\r\n"] * 50)
        assert await socket.answer() in (431, 0), "refused, or the refusal was lost with what we went on to send"
        async with asyncio.timeout(2):
            await socket.lost.wait()


@pytest.mark.parametrize("name", ["Host", "Authorization"])
async def test_a_header_that_decides_something_is_said_once(whole: System, name: str):
    async with wire(whole.port) as socket:
        assert await socket.upgrade(f"{name}: http://parley", f"{name}: http://parley") == 101
        assert (await socket.hear_all())[1] == 4400


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://parley.evil.example",
        "http://evil.example/parley",
        "http://parley@evil.example",
        "http://evil.example#parley",
        "http://parley:8443",
        "http://p\u0430rley",
        "http://parley.",
        "http://parley http://evil.example",
        "file://",
        "http://[",
    ],
)
async def test_a_page_of_another_origin_gets_no_socket_however_much_it_looks_like_ours(whole: System, origin: str):
    async with wire(whole.port) as socket:
        await socket.send(handshake("/ws").replace(b"\r\n\r\n", b"\r\nOrigin: " + origin.encode() + b"\r\n\r\n"))
        assert await socket.answer() == 101
        assert (await socket.hear_all())[1] == 1008


# Frames ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "flood",
    [[frame(PING)] * 50_000, [frame(PING, b"x" * 125)] * 20_000, [frame(PONG)] * 50_000],
    ids=["pings", "long pings", "pongs"],
)
@pytest.mark.parametrize("greeted", [True, False], ids=["greeted", "before hello"])
async def test_a_flood_of_pings_ends_with_4429(whole: System, flood: list[bytes], greeted: bool):
    async with wire(whole.port) as socket:
        if greeted:
            await live(socket)
        else:
            assert await socket.upgrade() == 101
        await socket.send(b"".join(flood))
        await asyncio.sleep(0)
        while (await socket.hear()).opcode == PONG:
            pass
        assert socket.close_code == 4429


@pytest.mark.parametrize("part", [b"", b"x"], ids=["empty", "of one octet"])
async def test_ten_thousand_fragments_end_with_4429(whole: System, part: bytes):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(b"".join(fragments(BINARY, [part] * 10_000)))
        await socket.hear()
        assert socket.close_code == 4429


async def test_a_message_in_few_fragments_is_one_message(whole: System):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(*fragments(BINARY, [bytes([octet]) for octet in PING_FRAME]), chop=1)
        assert msgpack.unpackb((await socket.hear()).payload)["type"] == "pong"


async def test_where_nothing_is_limited_ten_thousand_fragments_are_one_message(whole: System):
    async with wire(whole.ports["edge-2"]) as socket:
        await live(socket, protocol=JSON)
        parts = [b'{"type":"ping"', *[b" "] * 10_000, b"}"]
        await socket.send(b"".join(fragments(TEXT, parts)))
        assert b'"pong"' in (await socket.hear()).payload


async def test_where_nothing_is_limited_two_hundred_thousand_empty_fragments_take_no_room(whole: System):
    before = size_of(whole, "edge-2")
    async with wire(whole.ports["edge-2"]) as socket:
        await live(socket)
        await socket.send(frame(BINARY, PING_FRAME, fin=False))
        for _ in range(20):
            await socket.send(frame(CONT, fin=False) * 10_000)
        await socket.send(frame(CONT))
        assert msgpack.unpackb((await socket.hear(30)).payload)["type"] == "pong"
        assert size_of(whole, "edge-2") - before < 10 * MEBIBYTE


async def test_where_nothing_is_limited_who_pings_and_does_not_listen_is_cut_with_4408(whole: System):
    before = size_of(whole, "edge-2")
    async with wire(whole.ports["edge-2"]) as socket:
        await live(socket)
        socket.transport.pause_reading()
        for _ in range(200):
            await socket.send(frame(PING, b"x" * 125) * 1000)
        assert size_of(whole, "edge-2") - before < 20 * MEBIBYTE
        socket.transport.resume_reading()
        while (await socket.hear()).opcode == PONG:
            pass
        assert socket.close_code == 4408


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(BINARY, b"short", length=2**63 - 1), 1009),
        (frame(BINARY, b"short", length=2**63), 1009),
        (frame(BINARY, b"short", length=2**64 - 1), 1009),
        (frame(BINARY, b"short", length=64 * 1024 + 1), 1009),
        (frame(BINARY, b"x" * 40_000, fin=False) + frame(CONT, b"x" * 40_000), 1009),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", wide=True, length=2**62), 1009),
        (frame(BINARY, PING_FRAME, masked=False), 1002),
        (frame(BINARY, PING_FRAME, rsv=4), 1002),
        (frame(11), 1002),
        (frame(CONT, PING_FRAME), 1002),
    ],
    ids=[
        *("2^63-1 bytes announced", "2^63 bytes", "2^64-1 bytes", "a byte too many", "fragments too long together"),
        *("ping of 126 bytes", "ping of 2^62 bytes", "not masked", "a reserved bit", "a reserved opcode"),
        "nothing to continue",
    ],
)
async def test_a_frame_that_lies_or_is_malformed_ends_its_connection_only(whole: System, octets: bytes, code: int):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(octets)
        assert (await socket.hear_all())[1] == code


async def test_a_length_that_takes_more_room_than_it_needs_is_no_lie(whole: System):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(frame(BINARY, PING_FRAME, wide=True))
        assert msgpack.unpackb((await socket.hear()).payload)["type"] == "pong"


async def test_who_promises_a_frame_and_hangs_up_leaves_nothing_behind(whole: System):
    for _ in range(50):
        async with wire(whole.port) as socket:
            await live(socket)
            await socket.send(frame(BINARY, b"x" * 10, length=60_000))


async def test_what_comes_behind_our_close_is_not_read_for_long(whole: System):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(frame(BINARY, b"\xc1"))
        assert b"bad_frame" in (await socket.hear()).payload
        for _ in range(100):
            await socket.send(frame(PING) * 10_000)
        assert (await socket.hear_all())[1] == 4400


# What frames hold -----------------------------------------------------------

DEEP = 1000
BOMBS = {
    "array32": b"\xdd\xff\xff\xff\xff",
    "map32": b"\xdf\xff\xff\xff\xff",
    "str32": b"\xdb\xff\xff\xff\xff",
    "bin32": b"\xc6\xff\xff\xff\xff",
    "ext32": b"\xc9\xff\xff\xff\xff\x01",
    "array32 in a map": b"\x82\xa4type\xa4ping\xa5heads\xdd\xff\xff\xff\xff",
    "map32 in a map": b"\x82\xa4type\xa4ping\xa5heads\xdf\xff\xff\xff\xff",
    "a thousand arrays deep": b"\x91" * DEEP + b"\xc0",
    "a thousand maps deep": b"\x81\xa1a" * DEEP + b"\xc0",
    "sixty thousand arrays deep": b"\x91" * 60_000,
    "a depth that is not asked for": b"\x82\xa4type\xa4ping\xa1x" + b"\x91" * DEEP + b"\xc0",
    "lists of 2^32 in lists": b"\xdd\xff\xff\xff\xff" * 10_000,
    "an ext for a frame": b"\xd4\x01\x00",
    "a timestamp for a frame": b"\xd6\xff\x00\x00\x00\x00",
    "a text that is no UTF-8": b"\x82\xa4type\xa4ping\xa5heads\x81\xa2\xc3\x28\x01",
    "a type that is no UTF-8": b"\x81\xa4type\xa2\xc3\x28",
    "half a frame": PING_FRAME[:-1],
    "a frame and more": PING_FRAME + b"\xc0",
    "nothing": b"",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_bomb_in_msgpack_is_a_bad_frame(whole: System, bomb: bytes):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(frame(BINARY, bomb))
        heard, code = await socket.hear_all()
        assert [msgpack.unpackb(one.payload)["code"] for one in heard] == ["bad_frame"]
        assert code == 4400


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (b"\x82\xa4type\xa4ping\xa5heads\xd4\x01\x00", "invalid"),
        (b"\x82\xa4type\xa4ping\xa5heads\xd6\xff\x00\x00\x00\x00", "invalid"),
        (b"\x82\xa4type\xa4ping\xa1x\xd4\x01\x00", None),
        (b"\x82\xa4type\xd4\x01\x00\xa1x\x01", "bad_frame"),
    ],
    ids=["in a field", "a timestamp in a field", "where nobody looks", "for a type"],
)
async def test_an_extension_type_is_invalid_where_it_matters(whole: System, odd: bytes, code: str | None):
    async with wire(whole.port) as socket:
        await live(socket)
        await socket.send(frame(BINARY, odd))
        answer = msgpack.unpackb((await socket.hear()).payload)
        assert (answer["type"], answer.get("code")) == (("error", code) if code else ("pong", None))


@pytest.mark.parametrize("text", [b"\xff", b'{"type":"ping","x":"\xc3\x28"}', b'{"type":"ping","x":"\xed\xa0\x80"}'])
async def test_a_text_that_is_no_utf8_ends_with_1007(whole: System, text: bytes):
    async with wire(whole.port) as socket:
        await live(socket, protocol=JSON)
        await socket.send(frame(TEXT, text))
        assert await socket.hear_all() == ([], 1007)


@pytest.mark.parametrize("text", [b"[" * 60_000, b'{"type":' * 5_000, b'{"type":"ping","x":' + b"[" * 5_000])
async def test_a_bomb_in_json_is_a_bad_frame(whole: System, text: bytes):
    async with wire(whole.port) as socket:
        await live(socket, protocol=JSON)
        await socket.send(frame(TEXT, text))
        heard, code = await socket.hear_all()
        assert b'"bad_frame"' in heard[0].payload
        assert code == 4400


# How much ------------------------------------------------------------------


async def test_the_commands_of_an_account_are_counted_over_all_its_sockets_and_http(whole: System):
    person = Person("Cleo", "agent")
    conversation = await whole.conversation(person)  # the first command of the burst
    async with raw_socket(whole.url, token=person.token()) as one, raw_socket(whole.url, token=person.token()) as two:
        for socket in (one, two):
            await socket.hear_type("ready")

        async def send(socket: RawSocket) -> dict[str, Any]:
            await socket.say({"type": "send", "id": str(uuid4()), "conversation": conversation, "body": "x"})
            return await socket.hear_type("ack", "error")

        began, stored = time.monotonic(), 1
        while (answer := await send((one, two)[stored % 2]))["type"] == "ack":
            stored += 1
        assert stored >= 30, "so many at once"
        assert stored <= 31 + 10 * (time.monotonic() - began), "and ten a second from then on"
        assert (answer["code"], answer["retry_after"] <= 0.1) == ("rate_limited", True)
        path = f"/api/v1/conversations/{conversation}/messages"
        answers = [await whole.http("POST", path, person, json={"body": "x"}) for _ in range(10)]
        limited = [body for status, body in answers if status == 429]
        assert limited
        assert all(0 < body["retry_after"] <= 0.1 for body in limited)
        await asyncio.sleep(answer["retry_after"] + 0.1)
        assert (await send(one))["type"] == "ack", "who waits as long as was said is let in"


async def test_the_frames_of_a_socket_are_counted_and_another_socket_of_the_account_goes_on(whole: System):
    async with raw_socket(whole.url, token=BEN.token()) as quiet, raw_socket(whole.url, token=BEN.token()) as loud:
        for socket in (quiet, loud):
            await socket.hear_type("ready")
        for _ in range(600):
            await loud.say(PING_FRAME)
        assert await loud.closed() == 4429
        await quiet.say({"type": "ping"})
        assert (await quiet.hear())["type"] == "pong"

"""Junk at a broker's port, over raw sockets: dropped, counted where it can be seen, and nobody else notices."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from broker.keys import allow, make_pair
from broker.link.client import Link
from broker.link.needs import LinkSettings
from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import Op, pack
from broker.wire.limits import MESSAGE_BYTES
from tests.fixtures.backbone import until
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.anyio

GREETING_NULL = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
"""A ZMTP 3.0 greeting for the NULL mechanism (RFC 23)."""
GREETING_OTHER = GREETING_NULL[:12] + b"ROT13".ljust(20, b"\0") + GREETING_NULL[32:]
READY_BODY = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"
READY = b"\x04" + bytes([len(READY_BODY)]) + READY_BODY

JUNK = {
    "bytes of no protocol": b"GET / HTTP/1.1\r\nHost: parley\r\n\r\n" * 50,
    "half a greeting": GREETING_NULL[:20],
    "another mechanism": GREETING_OTHER,
    "version 1": b"\x01\x00" * 100,
    "a message of 1 GiB announced": GREETING_NULL + READY + b"\x02" + (1 << 30).to_bytes(8, "big") + b"x" * 4096,
    "a message of 2^63 bytes announced": GREETING_NULL + READY + b"\x02" + (1 << 63).to_bytes(8, "big"),
    "half a message": GREETING_NULL + READY + b"\x00\xff" + b"x" * 100,
    "a command of nonsense": GREETING_NULL + b"\x04\x05\x03ABCD",
    "a ready without end": GREETING_NULL + b"\x06" + (1 << 40).to_bytes(8, "big") + b"\x05READY" * 1000,
    "nothing": b"",
}


@asynccontextmanager
async def listening(secure: bool, folder: Path) -> AsyncIterator[tuple[Broker, LinkSettings]]:
    """A broker on TCP, and what a link needs for it."""
    if secure:
        make_pair(folder, "broker")
        make_pair(folder, "node")
        allow(folder, "here", folder / "node.key")
    address = f"tcp://127.0.0.1:{free_port()}"
    keys = str(folder) if secure else ""
    async with open_broker(BrokerSettings(bind=address, keys=keys)) as broker:
        yield broker, LinkSettings((address,), keys=keys)


def port_of(settings: LinkSettings) -> int:
    return int(settings.brokers[0].rpartition(":")[2])


async def throw(port: int, junk: bytes) -> socket.socket:
    """Connect and say it; whether the other side still listens is not asked."""
    thrown = socket.socket()
    thrown.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(thrown, ("127.0.0.1", port))
    with suppress(ConnectionError):
        await loop.sock_sendall(thrown, junk)
    return thrown


async def talks(edge: Link, worker: Link, heard: list[bytes], word: bytes) -> None:
    edge.send("persistence", "key", word, ttl=5.0)
    await until(lambda: heard and heard[-1] == word)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "curve"])
async def test_junk_of_every_kind_costs_its_sender_the_connection_and_nobody_else_anything(
    secure: bool, tmp_path: Path
):
    heard: list[bytes] = []
    gone: list[frozenset[str]] = []
    async with listening(secure, tmp_path) as (broker, settings):
        edge = Link("edge", settings, on_frame=lambda frame: None, on_roster=lambda change: gone.append(change.gone))
        worker = Link("persistence", settings, on_frame=lambda frame: heard.append(frame.payload))
        async with edge, worker:
            await until(lambda: worker.node in edge.peers("persistence"))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            thrown = []
            for name, junk in JUNK.items():
                thrown.append(await throw(port_of(settings), junk))
                await talks(edge, worker, heard, name.encode())
            await until(lambda: sum(broker.handshakes.failed.values()) > 0)
            await talks(edge, worker, heard, b"afterwards")
            assert set(broker.router.roster.nodes) == {edge.node, worker.node}
            assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 30 * 1024, "KiB more than before"
            assert not any(gone)
            for one in thrown:
                one.close()


async def test_a_thousand_who_connect_and_say_nothing_keep_nobody_out(tmp_path: Path):
    async with listening(False, tmp_path) as (_, settings):
        silent = [await throw(port_of(settings), b"") for _ in range(1000)]
        heard: list[bytes] = []
        edge = Link("edge", settings, on_frame=lambda frame: None)
        worker = Link("persistence", settings, on_frame=lambda frame: heard.append(frame.payload))
        async with edge, worker:
            await until(lambda: worker.node in edge.peers("persistence"))
            await talks(edge, worker, heard, b"here I am")
        for one in silent:
            one.close()


async def test_a_peer_that_speaks_zmtp_and_no_word_of_ours_is_counted_and_asked_who_it_is(tmp_path: Path):
    async with listening(False, tmp_path) as (broker, settings):
        peer = await throw(port_of(settings), GREETING_NULL + READY)
        loop = asyncio.get_running_loop()
        heard = b""
        while b"ROUTER" not in heard:
            heard += await loop.sock_recv(peer, 4096)

        async def says(payload: bytes) -> None:
            await loop.sock_sendall(peer, b"\x02" + len(payload).to_bytes(8, "big") + payload)

        await says(b"no msgpack at all")
        await says(b"\xdd\xff\xff\xff\xff")
        await says(b"\x91" * 1000)
        await until(lambda: broker.router.counts.malformed == 3)
        await says(pack(0, 0, 0, 0, [(int(Op.PING), 1)]))
        await until(lambda: broker.router.counts.strangers == 1)
        await says(pack(0, 0, 0, 0, [(int(Op.HELLO), "edge", "edge-1", 1)]))
        await until(lambda: broker.router.counts.impostors == 1)
        assert not broker.router.roster.nodes
        peer.close()


async def test_a_message_longer_than_any_of_ours_ends_its_connection(tmp_path: Path):
    async with listening(False, tmp_path) as (broker, settings):
        size = MESSAGE_BYTES + 1
        peer = await throw(port_of(settings), GREETING_NULL + READY + b"\x02" + size.to_bytes(8, "big"))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while await loop.sock_recv(peer, 4096):  # its greeting, then the end
                pass
        assert broker.router.counts.batches == 0
        peer.close()

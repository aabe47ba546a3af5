"""TCP with keys, over real sockets: who has none, a wrong one or another's is dropped, counted, and changes nothing."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import zmq

from broker.keys import allow, make_pair
from broker.link.client import Link
from broker.link.curve import KeyFault, secure_peer
from broker.link.needs import LinkSettings
from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import Op, pack
from tests.fixtures.backbone import broker, listening, until
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A broker's folder, in which this machine's own node is allowed."""
    folder = tmp_path / "keys"
    make_pair(folder, "broker")
    make_pair(folder, "node")
    allow(folder, "here", folder / "node.key")
    return folder


@pytest.fixture
def address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
async def curve(address: str, keys: Path) -> AsyncIterator[Broker]:
    async with open_broker(BrokerSettings(bind=address, keys=str(keys))) as running:
        yield running


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


def elsewhere(tmp_path: Path, keys: Path, name: str) -> Path:
    """Another machine's folder: the brokers' public key and a pair of its own."""
    folder = tmp_path / name
    make_pair(folder, "node")
    shutil.copyfile(keys / "broker.key", folder / "broker.key")
    return folder


def linked(role: str, address: str, keys: Path) -> tuple[Link, list[bytes]]:
    heard: list[bytes] = []
    return Link(
        role, LinkSettings((address,), keys=str(keys)), on_frame=lambda frame: heard.append(frame.payload)
    ), heard


async def talk(address: str, keys: Path) -> None:
    """An edge and a worker find each other there, and a frame arrives."""
    edge, _ = linked("edge", address, keys)
    worker, heard = linked("persistence", address, keys)
    async with edge, worker:
        await until(lambda: worker.node in edge.peers("persistence"))
        edge.send("persistence", "key", b"hello", ttl=5.0)
        await until(lambda: heard == [b"hello"])


async def test_who_has_the_keys_talks(curve: Broker, address: str, keys: Path):
    await talk(address, keys)
    assert not curve.handshakes.failed


async def test_a_key_that_is_not_allowed_is_turned_away_until_it_is(
    curve: Broker, address: str, keys: Path, tmp_path: Path
):
    folder = elsewhere(tmp_path, keys, "there")
    link, _ = linked("edge", address, folder)
    async with link:
        await until(lambda: curve.handshakes.failed["auth"] > 0)
        assert not link.ready
        assert not curve.router.roster.nodes
        allow(keys, "there", folder / "node.key")
        await until(lambda: link.ready)
    (keys / "allowed" / "there.key").unlink()
    refused = curve.handshakes.failed["auth"]
    await until(lambda: not curve.router.roster.nodes)
    await asyncio.sleep(0.2)  # two looks at the list
    link, _ = linked("edge", address, folder)
    async with link:
        await until(lambda: curve.handshakes.failed["auth"] > refused)
        assert not link.ready


async def test_a_link_that_believes_in_another_broker_says_nothing_to_this_one(
    curve: Broker, address: str, keys: Path, tmp_path: Path
):
    folder = tmp_path / "there"
    make_pair(folder, "node")
    make_pair(folder, "broker")
    allow(keys, "there", folder / "node.key")
    link, _ = linked("edge", address, folder)
    async with link:
        await until(lambda: sum(curve.handshakes.failed.values()) > 0)
        assert not link.ready
    await talk(address, keys)


async def test_who_speaks_no_curve_is_not_heard(curve: Broker, address: str, keys: Path):
    link, _ = listening("edge", address)
    async with link:
        # Which word libzmq has for it depends on which end notices first.
        await until(lambda: sum(curve.handshakes.failed.values()) > 0)
        assert not link.ready
    await talk(address, keys)
    assert curve.router.counts.strangers == 0


async def test_a_file_among_the_allowed_that_is_no_key_leaves_the_list_as_it_was(
    curve: Broker, address: str, keys: Path, caplog: pytest.LogCaptureFixture
):
    (keys / "allowed" / "broken.key").write_text("hello")
    await asyncio.sleep(0.3)  # three looks at the list
    await talk(address, keys)
    (keys / "allowed" / "broken.key").unlink()
    await talk(address, keys)


async def test_another_key_is_not_heard_under_a_stolen_routing_id(
    curve: Broker, address: str, keys: Path, tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
):
    folder = elsewhere(tmp_path, keys, "thief")
    allow(keys, "thief", folder / "node.key")
    await asyncio.sleep(0.3)  # three looks at the list
    victim, heard = linked("persistence", address, keys)
    edge, _ = linked("edge", address, keys)
    async with edge, victim:
        await until(lambda: victim.node in edge.peers("persistence"))
        thief = context.socket(zmq.DEALER)
        thief.setsockopt(zmq.ROUTING_ID, f"{victim.node}#9".encode())
        secure_peer(thief, folder)
        thief.connect(address)
        thief.send(pack(0, 0, 0, 0, [(int(Op.HELLO), "persistence", victim.node, 9)]))
        await until(lambda: curve.router.counts.impostors == 1)
        thief.send(pack(0, 0, 0, 0, [(int(Op.BYE),)]))
        await until(lambda: curve.router.counts.strangers == 1)
        edge.send("persistence", "key", b"for the real one", ttl=5.0)
        await until(lambda: heard == [b"for the real one"])


@pytest.mark.parametrize("fault", ["no folder", "no secret", "no list"])
async def test_a_broker_without_usable_keys_does_not_listen(address: str, keys: Path, fault: str):
    if fault == "no folder":
        shutil.rmtree(keys)
    elif fault == "no secret":
        (keys / "broker.key_secret").unlink()
    else:
        shutil.rmtree(keys / "allowed")
    with pytest.raises(KeyFault):
        async with open_broker(BrokerSettings(bind=address, keys=str(keys))):
            pass
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", int(address.rpartition(":")[2])))


async def test_a_link_without_usable_keys_is_not_opened(curve: Broker, address: str, keys: Path):
    (keys / "node.key_secret").chmod(0o644)
    link, _ = linked("edge", address, keys)
    with pytest.raises(KeyFault, match="can be read by others"):
        async with link:
            pass
    assert not curve.router.roster.nodes


def test_a_broker_process_says_which_key_it_lacks(address: str, tmp_path: Path):
    with broker(address, BROKER_KEYS=str(tmp_path)) as process:
        status, said = process.ended()
    assert status == 1
    assert f"{tmp_path}/allowed cannot be read" in said
    assert "Traceback" not in said


async def test_a_broker_process_beyond_loopback_needs_keys(keys: Path):
    address = f"tcp://0.0.0.0:{free_port()}"
    with broker(address) as process:
        status, said = process.ended()
    assert (status, "BROKER_KEYS" in said) == (1, True)
    with broker(address, BROKER_KEYS=str(keys)):
        await talk(address.replace("0.0.0.0", "127.0.0.1"), keys)

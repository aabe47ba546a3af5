"""Links and brokers that come, leave, fall silent and return, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import zmq

from broker.link.client import LinkDown
from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import HINT, Op
from tests.fixtures.backbone import know_each_other, listening, mute, until

pytestmark = pytest.mark.anyio

KEYS = [f"conversation-{number}" for number in range(60)]


@pytest.fixture
async def broker(address: str) -> AsyncIterator[Broker]:
    async with open_broker(BrokerSettings(bind=address)) as running:
        yield running


async def test_a_worker_that_says_goodbye_gives_its_keys_up_at_once(broker, address):
    edge, edge_ear = listening("edge", address)
    leaving, _ = listening("persistence", address)
    staying, ear = listening("persistence", address)
    async with edge, staying:
        async with leaving:
            await know_each_other(edge, leaving, staying)
        await until(lambda: leaving.node in edge_ear.gone, seconds=1.0)
        for key in KEYS:
            assert edge.send("persistence", key, b"", ttl=5.0).node == staying.node
        await until(lambda: len(ear.frames) == len(KEYS))
        assert edge_ear.reports == []
        assert leaving.node not in edge_ear.suspected


async def test_a_silent_worker_is_suspect_after_one_and_a_half_seconds_and_gone_after_three(broker, address):
    """Suspect, it loses its keys to the others; nobody has lost it yet. Gone, it is no longer in the roster."""
    edge, edge_ear = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with edge, worker, mute("persistence", address) as silent:
        began = time.monotonic()
        await until(lambda: silent.name in edge.peers("persistence"))
        await until(lambda: silent.name in edge_ear.suspected)
        assert 1.2 <= time.monotonic() - began <= 2.5
        assert silent.name not in edge_ear.gone
        assert edge.peers("persistence") == {worker.node}
        for key in KEYS:
            edge.send("persistence", key, b"", ttl=5.0)
        await until(lambda: len(ear.frames) == len(KEYS))
        await until(lambda: silent.name in edge_ear.gone)
        assert 2.7 <= time.monotonic() - began <= 4.0


async def test_the_only_worker_of_a_role_is_sent_to_even_when_suspect(broker, address):
    edge, edge_ear = listening("edge", address)
    async with edge, mute("persistence", address) as silent:
        await until(lambda: silent.name in edge_ear.suspected)
        edge.send("persistence", "key", b"all the same", ttl=5.0)
        heard = []
        await until(lambda: heard.extend(silent.heard()) or any(frame[0] == Op.DELIVER for frame in heard))
        assert edge_ear.reports == []


async def test_without_a_broker_a_link_is_not_ready_and_says_so(address):
    edge, _ = listening("edge", address)
    async with edge:
        assert edge.way("persistence", "key") is None
        with pytest.raises(TimeoutError):
            await edge.wait_ready(0.1)
        with pytest.raises(LinkDown):
            edge.send("persistence", "key", b"")


async def test_a_link_needs_an_address():
    with pytest.raises(ValueError, match="at least one"):
        listening("edge")


async def test_a_link_that_is_there_before_its_broker_finds_it(address):
    edge, _ = listening("edge", address)
    async with edge:
        await asyncio.sleep(0.2)
        async with open_broker(BrokerSettings(bind=address)):
            await edge.wait_ready(5.0)


async def test_junk_and_foreign_messages_disturb_nobody(broker, address):
    """Not of our version, of several parts, of an unknown frame, under another's name: counted, and that is all."""
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with edge, worker, mute("edge", address) as odd:
        await know_each_other(edge, worker)
        odd.send_raw(b"junk")
        odd.send_raw(b"two", b"parts")
        odd.send_raw(b"PB\x02\x90")
        odd.say((999,))
        odd.say((int(Op.DELIVER), "somebody", 1, "key", HINT, b""))
        await until(lambda: broker.router.counts.malformed == 5)
        odd.say((int(Op.HELLO), "edge", edge.node, 1))
        await until(lambda: broker.router.counts.impostors == 1)
        edge.send("persistence", "key", b"undisturbed")
        await until(lambda: ear.frames)


async def test_a_stranger_is_asked_who_it_is_and_known_when_it_has_said_so(broker, address):
    """So a broker that has just begun knows everyone at their next heartbeat, long before silence would tell them."""
    async with mute("edge", address) as peer:
        peer.say((int(Op.BYE),))
        await until(lambda: not broker.router.roster.nodes)
        peer.heard()
        peer.say((int(Op.PING), 0))
        heard = []
        await until(lambda: heard.extend(peer.heard()) or heard)
        assert heard == [(int(Op.WHO),)]
        peer.say((int(Op.HELLO), "edge", peer.name, 2))
        await until(lambda: peer.name in broker.router.roster.nodes)


async def test_a_link_that_nobody_answers_connects_anew_under_a_number_never_used(address, monkeypatch):
    """ZeroMQ may hold its routing id for taken by a connection whose end it has not seen (libzmq 4407)."""
    monkeypatch.setattr("broker.link.connection.RENEW_SECONDS", 0.3)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    deaf = context.socket(zmq.ROUTER)
    edge, _ = listening("edge", address)
    heard: list[bytes] = []

    def listen() -> int:
        while deaf.poll(0):
            heard.append(deaf.recv_multipart()[0])
        return len(set(heard))

    try:
        deaf.bind(address)
        async with edge:
            await until(lambda: listen() >= 3)
    finally:
        context.destroy(linger=0)
    assert {name.partition(b"#")[0] for name in heard} == {edge.node.encode()}


async def test_a_link_connected_anew_is_the_same_peer_as_before(broker, address):
    edge, ear = listening("edge", address)
    worker, _ = listening("persistence", address)
    async with edge, worker:
        await know_each_other(edge, worker)
        edge._lines[address].renew()
        edge._lines[address].connection._end_life()
        await until(lambda: edge.ready and worker.node in edge.peers("persistence"))
        worker.send_to(edge.node, b"still you")
        await until(lambda: ear.frames)


async def test_two_brokers_share_the_keys_and_one_is_enough(place):
    """When one leaves in order, its peers go by the other at once, and what they send arrives."""
    addresses = [f"ipc://{place}/{name}.ipc" for name in ("one", "two")]
    edge, edge_ear = listening("edge", *addresses)
    worker, ear = listening("persistence", *addresses)
    async with open_broker(BrokerSettings(bind=addresses[0])), edge, worker:
        async with open_broker(BrokerSettings(bind=addresses[1])) as second:
            await know_each_other(edge, worker)
            await until(lambda: {edge.way("persistence", key).broker for key in KEYS} == set(addresses))
            for key in KEYS:
                edge.send("persistence", key, b"", ttl=5.0)
            await until(lambda: len(ear.frames) == len(KEYS))
            assert second.router.counts.frames > 0
        await until(lambda: addresses[1] in edge_ear.gone, seconds=1.0)
        for key in KEYS:
            assert edge.send("persistence", key, b"", ttl=5.0) == (addresses[0], worker.node)
        await until(lambda: len(ear.frames) == 2 * len(KEYS))
        assert edge_ear.reports == []
        assert edge.peers("persistence") == {worker.node}

"""A worker gives up its keys and then goes, under load and by two brokers: nothing is lost on the way to it."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from broker.loop import open_broker
from broker.settings import BrokerSettings
from tests.fixtures.backbone import broker, know_each_other, listening, until

pytestmark = pytest.mark.anyio

KEYS = [f"conversation-{number}" for number in range(40)]


async def test_what_is_sent_while_a_worker_leaves_arrives_once_at_it_or_the_next_owner_or_comes_back(place):
    addresses = [f"ipc://{place}/{name}.ipc" for name in ("one", "two")]
    edge, edge_ear = listening("edge", *addresses)
    leaver, leaver_ear = listening("persistence", *addresses)
    stayer, stayer_ear = listening("persistence", *addresses)
    tags = iter(range(1, 1_000_000))
    sent: list[int] = []
    stop = asyncio.Event()

    def settled() -> list[int]:
        arrived = [frame.tag for ear in (leaver_ear, stayer_ear) for frame in ear.frames]
        # What a broker had not passed on yet when it heard of the leaving is the sender's again, to try the next owner.
        return sorted([*arrived, *(tag for tag, _ in edge_ear.reports)])

    async def load() -> None:
        while not stop.is_set():
            for key in KEYS:
                sent.append(next(tags))
                edge.send("persistence", key, b"x" * 200, tag=sent[-1], ttl=5.0)
            # No more than this machine carries: what lies in queues for seconds would only die there.
            await until(lambda: len(sent) < 400 + len(settled()))

    async with (
        open_broker(BrokerSettings(bind=addresses[0])) as one,
        open_broker(BrokerSettings(bind=addresses[1])) as two,
        edge,
        stayer,
    ):
        async with leaver:
            await until(lambda: len(one.router.roster.nodes) == len(two.router.roster.nodes) == 3)
            await until(lambda: edge.brokers == leaver.brokers == stayer.brokers == 2)
            await know_each_other(edge, leaver, stayer)
            loading = asyncio.create_task(load())
            await until(lambda: len(leaver_ear.frames) > 200)
            began = time.monotonic()
            await leaver.leave(5.0)
            assert time.monotonic() - began < 2.5, "no broker was waited for to the end"
            last = len(leaver_ear.frames)
            taken = len(stayer_ear.frames)
            await until(lambda: len(stayer_ear.frames) > taken + 400)
            assert len(leaver_ear.frames) == last, "nothing more by key"
            assert not edge_ear.gone, "it is there, and answers"
            edge.send_to(leaver.node, b"by name")
            await until(lambda: leaver_ear.payloads[-1] == b"by name")
            leaver_ear.frames.pop()
            leaver.send_to(edge.node, b"an answer")
            await until(lambda: edge_ear.payloads == [b"an answer"])
            stop.set()
            await loading
        await until(lambda: leaver.node in edge_ear.gone)
        await until(lambda: settled() == sent)
        assert {why for _, why in edge_ear.reports} <= {"gone"}
        assert edge_ear.suspected == set()


async def test_the_last_of_a_role_leaves_and_commands_come_back_at_once(address):
    edge, edge_ear = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with open_broker(BrokerSettings(bind=address)), edge, worker:
        await know_each_other(edge, worker)
        await worker.leave(5.0)
        await until(lambda: not edge.peers("persistence"))
        edge.send("persistence", "key", b"", tag=7, ttl=5.0)
        await until(lambda: edge_ear.reports == [(7, "no_peer")], seconds=1.0)
        assert ear.frames == []


async def test_a_broker_that_does_not_answer_is_not_waited_for_longer_than_asked(address):
    worker, _ = listening("persistence", address)
    with broker(address) as stopped:
        async with worker:
            await know_each_other(worker)
            stopped.signal(signal.SIGSTOP)
            began = time.monotonic()
            await worker.leave(0.2)
            assert 0.1 < time.monotonic() - began < 1.0


async def test_an_edge_knows_by_which_broker_it_was_answered(place):
    """When that one is lost, so are the answers on their way, to commands that went by another."""
    addresses = [f"ipc://{place}/{name}.ipc" for name in ("one", "two")]
    edge, _ = listening("edge", *addresses)
    worker, _ = listening("persistence", *addresses)
    async with open_broker(BrokerSettings(bind=addresses[0])), edge, worker:
        async with open_broker(BrokerSettings(bind=addresses[1])):
            await until(lambda: edge.brokers == worker.brokers == 2)
            await know_each_other(edge, worker)
            way = worker.way_to(edge.node)
            assert way is not None
            other = next(address for address in addresses if address != way.broker)
            assert edge.heard_by(frozenset({way.broker}))
            assert not edge.heard_by(frozenset({other, "persistence-1"}))
        await until(lambda: edge.brokers == worker.brokers == 1)
        assert edge.heard_by(frozenset({addresses[1]})) == (way.broker == addresses[1]), "known when it is lost, too"

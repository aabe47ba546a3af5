"""Links and a broker over real sockets, in one event loop: who gets what, in what order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import Op, unpack
from broker.wire.limits import BATCH_FRAMES, FRAME_COST
from tests.fixtures.backbone import know_each_other, listening, until

pytestmark = pytest.mark.anyio

KEYS = [f"conversation-{number}" for number in range(60)]


@pytest.fixture
async def broker(address: str) -> AsyncIterator[Broker]:
    async with open_broker(BrokerSettings(bind=address)) as running:
        yield running


@pytest.mark.parametrize("kind", ["ipc", "tcp"])
async def test_a_frame_reaches_the_owner_of_its_key_with_all_that_belongs_to_it(kind, address, free_tcp_port):
    where = address if kind == "ipc" else f"tcp://127.0.0.1:{free_tcp_port}"
    edge, _ = listening("edge", where)
    worker, ear = listening("persistence", where)
    async with open_broker(BrokerSettings(bind=where)), edge, worker:
        await know_each_other(edge, worker)
        way = edge.send("persistence", "a key", b"hello", tag=7, ttl=5.0)
        assert way == (where, worker.node)
        await until(lambda: ear.frames)
        frame = ear.frames[0]
        assert (frame.source, frame.tag, frame.key, frame.payload) == (edge.node, 7, "a key", b"hello")
        assert frame.cost == len(b"hello") + FRAME_COST
        assert 0 < frame.deadline - time.monotonic() <= 5.0


async def test_a_hint_has_no_deadline_and_a_frame_to_a_node_goes_there(broker, address):
    edge, _ = listening("edge", address)
    first, heard_by_first = listening("fanout", address)
    second, heard_by_second = listening("fanout", address)
    async with edge, first, second:
        await know_each_other(edge, first, second)
        edge.send_to(first.node, b"to the first", key="k")
        edge.send_to(second.node, b"to the second")
        await until(lambda: heard_by_first.frames and heard_by_second.frames)
        assert heard_by_first.payloads == [b"to the first"]
        assert heard_by_first.frames[0].deadline == float("inf")
        assert heard_by_second.payloads == [b"to the second"]


async def test_every_key_has_one_owner_and_all_agree_who(broker, address):
    edge, _ = listening("edge", address)
    workers = [listening("persistence", address) for _ in range(3)]
    async with edge, workers[0][0], workers[1][0], workers[2][0]:
        await know_each_other(edge, *(link for link, _ in workers))
        expected = {key: edge.send("persistence", key, b"").node for key in KEYS}
        await until(lambda: sum(len(ear.frames) for _, ear in workers) == len(KEYS))
        received = {frame.key: link.node for link, ear in workers for frame in ear.frames}
        assert received == expected == {key: link.node for link, _ in workers for key in KEYS if link.owns(key)}
        assert len(set(expected.values())) == 3


async def test_frames_of_one_key_arrive_in_the_order_sent(broker, address):
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with edge, worker:
        await know_each_other(edge, worker)
        for number in range(3_000):
            edge.send("persistence", "key", str(number).encode())
            if number % 700 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(ear.frames) == 3_000)
        assert ear.payloads == [str(number).encode() for number in range(3_000)]


async def test_five_hundred_frames_of_one_turn_leave_as_one_message_and_one_more_needs_another(broker, address):
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    messages: list[int] = []
    receive = broker.router.receive

    def spy(identity, data, now):
        messages.append(sum(frame[0] == Op.TO_KEY for frame in unpack(data).frames))
        receive(identity, data, now)

    broker.router.receive = spy
    async with edge, worker:
        await know_each_other(edge, worker)
        for number in range(BATCH_FRAMES):
            edge.send("persistence", str(number), b"x" * 200)
        await until(lambda: len(ear.frames) == BATCH_FRAMES)
        assert [count for count in messages if count] == [BATCH_FRAMES]
        messages.clear()
        for number in range(BATCH_FRAMES + 1):
            edge.send("persistence", str(number), b"x" * 200)
        await until(lambda: len(ear.frames) == 2 * BATCH_FRAMES + 1)
        assert [count for count in messages if count] == [BATCH_FRAMES, 1]


async def test_a_command_for_nobody_is_reported_and_a_hint_is_not(broker, address):
    edge, ear = listening("edge", address)
    async with edge:
        await edge.wait_ready(5.0)
        edge.send("persistence", "key", b"", tag=1)
        edge.send("persistence", "key", b"", tag=2, ttl=5.0)
        edge.send_to("fanout-00000000", b"", tag=3)
        edge.send_to("fanout-00000000", b"", tag=4, ttl=5.0)
        await until(lambda: len(ear.reports) == 2)
        await asyncio.sleep(0.05)
        assert ear.reports == [(2, "no_peer"), (4, "no_peer")]
        assert broker.router.counts.dropped_hints == 2


async def test_a_fault_in_what_is_done_with_one_frame_costs_no_other(broker, address):
    heard = []

    def pick(frame):
        heard.append(frame.payload)
        if frame.payload == b"bad":
            raise RuntimeError("planted")

    edge, _ = listening("edge", address)
    worker, _ = listening("persistence", address, on_frame=pick)
    async with edge, worker:
        await know_each_other(edge, worker)
        for payload in (b"one", b"bad", b"two"):
            edge.send("persistence", "key", payload)
        await until(lambda: len(heard) == 3)
        edge.send("persistence", "key", b"three")
        await until(lambda: heard == [b"one", b"bad", b"two", b"three"])

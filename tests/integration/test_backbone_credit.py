"""Who is slow, over real sockets: what is held and what waits is bounded, and senders hear of the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from broker.link.client import LinkFull
from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import Op, unpack
from broker.wire.limits import FRAME_COST, KEY_BYTES, PAYLOAD_BYTES
from tests.fixtures.backbone import know_each_other, listening, until

pytestmark = pytest.mark.anyio

SMALL = 64 * 1024
"""The smallest window and queue that a broker may be given."""


@pytest.fixture
async def broker(address: str) -> AsyncIterator[Broker]:
    async with open_broker(BrokerSettings(bind=address)) as running:
        yield running


async def test_a_slow_worker_holds_no_more_than_its_window_and_senders_hear_that_it_is_full(address):
    """What it has not used up is bounded there, what waits at the broker; the rest is refused, and nothing vanishes."""
    payload = bytes(1_000 - FRAME_COST)
    edge, edge_ear = listening("edge", address)
    worker, ear = listening("persistence", address, manual_credit=True)
    fit = SMALL // 1_000
    bounds = BrokerSettings(bind=address, window_bytes=SMALL, waiting_bytes=SMALL)
    async with open_broker(bounds) as broker, edge, worker:
        await know_each_other(edge, worker)
        for tag in range(200):
            edge.send("persistence", "key", payload, tag=tag, ttl=30.0)
            if tag % 20 == 0:
                await until(lambda sent=tag: broker.router.counts.frames > sent)
        await until(lambda: len(edge_ear.reports) == 200 - 2 * fit and len(ear.frames) == fit)
        assert [frame.tag for frame in ear.frames] == list(range(fit))
        assert {reason for _, reason in edge_ear.reports} == {"full"}
        done: list[int] = []

        def use_up() -> int:
            for frame in ear.frames:
                worker.consumed(frame)
                done.append(frame.tag)
            ear.frames.clear()
            return len(done)

        await until(lambda: use_up() == 2 * fit)
        assert done == list(range(2 * fit))
        assert {tag for tag, _ in edge_ear.reports} == set(range(2 * fit, 200))
        edge.send("persistence", "key", payload, tag=1_000, ttl=5.0)
        await until(lambda: use_up() == 2 * fit + 1)


async def test_a_slow_edge_loses_what_waits_for_it_is_told_and_nobody_else_notices(address):
    payload = bytes(1_000 - FRAME_COST)
    slow, slow_ear = listening("edge", address, manual_credit=True)
    quick, quick_ear = listening("edge", address)
    worker, worker_ear = listening("fanout", address)
    fit = SMALL // 1_000
    bounds = BrokerSettings(bind=address, window_bytes=SMALL, waiting_bytes=SMALL)
    async with open_broker(bounds) as broker, slow, quick, worker:
        await know_each_other(slow, quick, worker)
        for sent in range(200):
            worker.send_to(slow.node, payload)
            if sent % 20 == 0:
                await until(lambda so_far=sent: broker.router.counts.frames > so_far)
        worker.send_to(quick.node, b"in time")
        await until(lambda: slow_ear.overruns and quick_ear.frames)
        assert slow_ear.overruns == broker.router.counts.overruns >= 1
        await until(lambda: len(slow_ear.frames) == fit)
        assert worker_ear.reports == []
        worker.send_to(slow.node, b"the next")
        while slow_ear.payloads[-1:] != [b"the next"]:
            for frame in slow_ear.frames:
                slow.consumed(frame)
            slow_ear.frames.clear()
            await until(lambda: slow_ear.frames)


async def test_credit_that_the_transport_lost_comes_back_with_the_next_batch(address):
    """Whatever is lost, more than the window in all, the rest passes: no loss costs credit for good."""
    edge, _ = listening("edge", address, window=SMALL)
    worker, ear = listening("persistence", address, window=SMALL)
    bounds = BrokerSettings(bind=address, window_bytes=SMALL)
    async with open_broker(bounds) as broker, edge, worker:
        await know_each_other(edge, worker)
        receive, lost = broker.router.receive, 0

        def lossy(identity, data, now):
            nonlocal lost
            frames = sum(frame[0] == Op.TO_KEY for frame in unpack(data).frames)
            if frames and lost < 150:
                lost += frames
            else:
                receive(identity, data, now)

        broker.router.receive = lossy
        for _ in range(400):
            edge.send("persistence", "key", bytes(1_000))
        await until(lambda: len(ear.frames) + lost == 400)
        assert 150 <= lost < 300


async def test_a_link_refuses_what_does_not_fit_and_nothing_has_left(broker, address):
    edge, _ = listening("edge", address, waiting=SMALL)
    worker, ear = listening("persistence", address)
    async with edge, worker:
        await know_each_other(edge, worker)
        with pytest.raises(ValueError, match="payload"):
            edge.send("persistence", "key", bytes(PAYLOAD_BYTES + 1))
        with pytest.raises(ValueError, match="keys"):
            edge.send("persistence", "k" * (KEY_BYTES + 1), b"")
        taken = 0
        with pytest.raises(LinkFull):
            while True:
                edge.send("persistence", "key", bytes(1_000))
                taken += 1
        assert taken == SMALL // (1_000 + FRAME_COST)
        await until(lambda: len(ear.frames) == taken)
        edge.send("persistence", "key", b"room again")
        await until(lambda: ear.payloads[-1] == b"room again")


async def test_the_largest_payload_passes_and_so_does_what_follows(broker, address):
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with edge, worker:
        await know_each_other(edge, worker)
        for payload in (bytes(PAYLOAD_BYTES), b"small"):
            edge.send("persistence", "key", payload)
        await until(lambda: len(ear.frames) == 2)
        assert [len(payload) for payload in ear.payloads] == [PAYLOAD_BYTES, 5]


async def test_what_is_queued_when_a_link_closes_still_arrives(broker, address):
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with worker:
        async with edge:
            await know_each_other(edge, worker)
            for _ in range(2_000):
                edge.send("persistence", "key", b"last words")
        await until(lambda: len(ear.frames) == 2_000)

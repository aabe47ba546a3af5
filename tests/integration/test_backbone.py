"""Links and a broker over real sockets, in one event loop: who gets what, in what order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.link.client import LinkDown, LinkFull
from broker.loop import Broker, open_broker
from broker.settings import BrokerSettings
from broker.wire.envelope import HINT, Op, unpack
from broker.wire.limits import BATCH_FRAMES, FRAME_COST, KEY_BYTES, PAYLOAD_BYTES
from tests.fixtures.backbone import folder, know_each_other, listening, mute, until

pytestmark = pytest.mark.anyio

KEYS = [f"conversation-{number}" for number in range(60)]
SMALL = 64 * 1024
"""The smallest window and queue that a broker may be given."""


@pytest.fixture
def place() -> Iterator[Path]:
    with folder() as path:
        yield path


@pytest.fixture
def address(place: Path) -> str:
    return f"ipc://{place}/broker.ipc"


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


async def test_what_is_queued_when_a_link_closes_still_arrives(broker, address):
    edge, _ = listening("edge", address)
    worker, ear = listening("persistence", address)
    async with worker:
        async with edge:
            await know_each_other(edge, worker)
            for _ in range(2_000):
                edge.send("persistence", "key", b"last words")
        await until(lambda: len(ear.frames) == 2_000)


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

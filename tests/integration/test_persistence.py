"""The persistence worker between a real broker and the real database: commands in, answers and events out."""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory
from uuid import uuid4

import msgspec
import pytest

from broker.loop import open_broker
from broker.settings import BrokerSettings
from broker.wire.payloads import Create, Head, Join, Leave, Message
from storage import log
from tests.fixtures.persistence import Backbone, room, stored

pytest_plugins = ["tests.fixtures.persistence"]
pytestmark = pytest.mark.anyio


async def test_commands_become_acks_for_the_edge_and_events_for_fanout(backbone, db, people):
    """The event that fanout gets is byte for byte what a later read of the log gives."""
    edge, fanout = backbone.edge, backbone.fanout
    async with backbone.worker(db):
        conversation = await room(backbone, people)
        hello = edge.command(conversation, people.ann, "hello")
        reply = edge.command(conversation, people.bob, Message("hi", reply_to=2, mentions=(people.ann,)))
        (said,) = await edge.ask(hello)
        (answered,) = await edge.ask(reply)
        left = edge.command(conversation, people.bob, Leave(people.bob))
        joined = edge.command(conversation, people.agent, Join(people.bob))
        changes = await edge.ask(left, joined)
        await fanout.until(lambda: len(fanout.seqs(conversation)) == 5)
    assert [(one.code, one.seq, one.replayed) for one in (said, answered, *changes)] == [
        ("", seq, False) for seq in (2, 3, 4, 5)
    ]
    told = [event for one in fanout.told for event in one.events]
    assert [(event.seq, event.kind, event.account) for event in told] == [
        (1, "created", None),
        (2, "message", None),
        (3, "message", None),
        (4, "member_left", people.bob),
        (5, "member_joined", people.bob),
    ]
    assert [msgspec.msgpack.decode(event.event) for event in told] == await log.events_between(db, conversation, 0, 5)
    assert msgspec.msgpack.decode(told[1].event)["at"] == said.at


async def test_the_same_id_again_gets_the_same_seq_and_fanout_hears_the_head(backbone, db, people):
    """With the act changed it is refused; nothing more is stored."""
    edge, fanout = backbone.edge, backbone.fanout
    async with backbone.worker(db):
        conversation = await room(backbone, people)
        first = edge.command(conversation, people.ann, "hello")
        again = edge.command(conversation, people.ann, "hello", first.id)
        other = edge.command(conversation, people.ann, "goodbye", first.id)
        others = edge.command(conversation, people.bob, "hello", first.id)
        (one,) = await edge.ask(first)
        (two,) = await edge.ask(again)
        (three,) = await edge.ask(other)
        (four,) = await edge.ask(others)
        await fanout.until(lambda: Head(conversation, 2) in fanout.told)
    assert (two.seq, two.at, two.replayed) == (one.seq, one.at, True)
    assert (three.code, four.seq) == ("id_conflict", 3)
    assert len(await stored(db, conversation)) == 3


async def test_two_workers_racing_on_the_same_ids_agree_and_leave_no_hole(backbone, db, people):
    """Both are sent every frame at once, as if each were the owner."""
    edge = backbone.edge
    async with backbone.worker(db) as one, backbone.worker(db) as two:
        conversation = await room(backbone, people)
        twins = []
        for n in range(100):
            first = edge.command(conversation, people.ann, str(n))
            second = edge.command(conversation, people.ann, str(n), first.id)
            twins.append((first, second))
            edge.send(first, to=one)
            edge.send(second, to=two)
            if n % 7 == 0:
                await asyncio.sleep(0)
        firsts = await edge.outcomes(*(first for first, _ in twins))
        seconds = await edge.outcomes(*(second for _, second in twins))
    assert [outcome.seq for outcome in firsts] == [outcome.seq for outcome in seconds]
    assert all(a.replayed != b.replayed for a, b in zip(firsts, seconds, strict=True))
    assert sorted(outcome.seq for outcome in firsts) == list(range(2, 102))
    assert len(await stored(db, conversation)) == 101


async def test_two_workers_racing_to_create_one_conversation_make_one(backbone, db, people):
    """The same command by two brokers' different minds about who owns it."""
    edge = backbone.edge
    async with backbone.worker(db) as one, backbone.worker(db) as two:
        for _ in range(10):
            conversation = str(uuid4())
            first = edge.command(conversation, people.agent, Create("subject", (people.ann,)))
            second = edge.command(conversation, people.agent, first.act, first.id)
            edge.send(first, to=one)
            edge.send(second, to=two)
            outcomes = await edge.outcomes(first, second)
            assert [(outcome.code, outcome.seq) for outcome in outcomes] == [("", 1), ("", 1)]
            assert len(await stored(db, conversation)) == 1


async def test_nothing_of_a_removed_member_is_stored_after_the_removal(backbone, db, people):
    """Sends and the removal race through two workers: each send is before it, or refused."""
    edge = backbone.edge
    async with backbone.worker(db) as one, backbone.worker(db) as two:
        conversation = await room(backbone, people)
        removal = edge.command(conversation, people.agent, Leave(people.ann))
        sends = []

        async def send_some(count: int) -> None:
            for _ in range(count):
                sends.append(edge.command(conversation, people.ann, f"{len(sends)}"))
                edge.send(sends[-1], to=one)
            await asyncio.sleep(0.001)

        await send_some(5)
        await edge.outcomes(sends[0])
        await send_some(5)
        edge.send(removal, to=two)
        async with asyncio.timeout(5):
            while removal.ref not in edge.heard:
                await send_some(5)
        await send_some(5)
        outcomes = await edge.outcomes(*sends)
        (removed,) = await edge.outcomes(removal)
    events = await stored(db, conversation)
    assert removed.code == ""
    assert {outcome.code for outcome in outcomes} == {"", "not_found"}
    assert all(outcome.seq < removed.seq for outcome in outcomes if not outcome.code)
    assert events[-1][:2] == (removed.seq, "member_left")
    codes = [outcome.code for outcome in outcomes]
    assert codes == sorted(codes)


async def test_a_worker_that_stops_under_load_answers_what_it_took(backbone, db, people):
    """The edge sends again what was not answered, to the worker that is left."""
    edge = backbone.edge
    async with backbone.worker(db) as stays:
        async with backbone.worker(db) as leaves:
            conversation = await room(backbone, people)
            commands = [edge.command(conversation, people.ann, str(n)) for n in range(200)]
            for command in commands:
                edge.send(command, to=leaves)
            await edge.outcomes(commands[0])
        unanswered = [command for command in commands if command.ref not in edge.heard]
        for command in unanswered:
            edge.send(command, to=stays)
        outcomes = await edge.outcomes(*commands)
    assert {outcome.code for outcome in outcomes} == {""}
    assert [outcome.seq for outcome in outcomes] == list(range(2, 202))
    assert len(await stored(db, conversation)) == 201


async def test_credit_comes_back_so_that_far_more_than_a_window_passes(db, people):
    """Ten windows' worth of commands, each answered."""
    with TemporaryDirectory(prefix="parley-") as folder:
        address = f"ipc://{folder}/broker.ipc"
        backbone = Backbone(address)
        async with (
            open_broker(BrokerSettings(bind=address, window_bytes=64 * 1024)),
            backbone.edge.link,
            backbone.worker(db),
        ):
            conversation = await room(backbone, people)
            commands = [backbone.edge.command(conversation, people.ann, "x" * 5_000) for _ in range(120)]
            for command in commands:
                backbone.edge.send(command)
            outcomes = await backbone.edge.outcomes(*commands, seconds=10)
    assert [outcome.seq for outcome in outcomes] == list(range(2, 122))

"""The persistence worker between a link and a log that do what we tell them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from broker.wire.payloads import Appended, Command, Commands, Create, Head, Join, Message, encode
from storage.errors import Unavailable
from tests.unit.workers.persistence.stage import ANN, HALL, NOWHERE, QUICK, ROOM, Stage, at_rest, running
from workers.persistence.service import Persistence
from workers.settings import WorkerSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with running() as stage:
        yield stage


async def test_a_message_is_appended_in_the_next_turns_of_the_loop_without_a_timer(stage):
    """Idle latency is the append's own."""
    received = stage.arrive(stage.say("hello"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert stage.link.codes() == {1: ""}
    assert stage.link.outcomes()[1].seq == 1
    ((role, key, appended),) = stage.link.to_keys
    assert (role, key) == ("fanout", ROOM)
    assert (appended.events[0].seq, appended.events[0].kind) == (1, "message")
    (event,) = stage.link.events()
    assert (event["type"], event["body"], event["seq"], event["conversation"]) == ("event", "hello", 1, ROOM)
    assert stage.link.done == [received]


async def test_what_arrives_during_an_append_is_the_next_batch(stage):
    """Group commit grows by itself; each edge gets one payload per batch."""
    stage.log.free.clear()
    stage.arrive(stage.say("1"))
    await at_rest()
    for body in "234":
        stage.arrive(stage.say(body))
    stage.arrive(stage.say("5", HALL), source="edge-2")
    stage.log.free.set()
    await stage.until(4)
    assert stage.log.batches == [["1"], ["2", "3", "4", "5"]]
    assert [len(payload.items) for node, payload in stage.link.to_nodes if node == "edge-1"] == [1, 3]
    assert list(await stage.until(1, "edge-2")) == [5]
    assert stage.worker.counters.batches == 2


async def test_a_frame_is_given_back_when_its_last_command_is_answered(stage):
    """Two of the same conversation that may not share a batch."""
    first = Command(1, ROOM, ANN, str(uuid4()), Message("hello"))
    join = Command(2, ROOM, ANN, str(uuid4()), Join(str(uuid4())))
    stage.log.free.clear()
    received = stage.arrive(first, join)
    await at_rest()
    stage.log.let_one_through()
    await stage.until(1)
    assert stage.link.done == []
    stage.log.free.set()
    await stage.until(2)
    assert stage.link.done == [received]
    assert stage.log.batches == [["hello"], ["join"]]
    assert [payload.events[0].kind for _, _, payload in stage.link.to_keys] == ["message", "member_joined"]
    assert stage.link.to_keys[1][2].events[0].account == join.act.account


async def test_a_resend_during_the_append_is_merged_and_all_who_asked_are_answered(stage):
    """The same command by two brokers: one event, two answers."""
    stage.log.free.clear()
    command = stage.say("once")
    stage.arrive(command)
    await at_rest()
    stage.arrive(command, source="edge-2")
    stage.log.free.set()
    await stage.until(1)
    await stage.until(1, "edge-2")
    assert stage.log.batches == [["once"]]
    assert stage.worker.counters.merged == 1


async def test_a_replayed_id_is_acked_again_and_fanout_hears_the_head_only(stage):
    """Never the command's own text: it may have been edited or deleted since."""
    first, again = stage.say("text", id=ANN), stage.say("text", id=ANN)
    stage.arrive(first)
    await stage.until(1)
    stage.arrive(again)
    await stage.until(2)
    outcome = stage.link.outcomes()[2]
    assert (outcome.seq, outcome.replayed) == (1, True)
    assert stage.link.to_keys[1:] == [("fanout", ROOM, Head(ROOM, 1))]


async def test_another_command_under_a_used_id_is_refused_by_the_log(stage):
    """Also when both are queued at once."""
    stage.arrive(stage.say("one", id=ANN), stage.say("two", id=ANN))
    assert await stage.until(2) == {1: "", 2: "id_conflict"}
    assert stage.log.batches == [["one"], ["two"]]


async def test_a_bad_command_is_invalid_and_its_neighbours_are_stored_in_order(stage):
    """Fifty neighbours in one frame."""
    stage.log.poison = {"23"}
    stage.arrive(*(stage.say(str(n)) for n in range(51)))
    codes = await stage.until(51)
    assert {ref for ref, code in codes.items() if code} == {24}
    assert stage.link.outcomes()[24].field == "body"
    assert [event.body for event in stage.log.logs[ROOM]] == [str(n) for n in range(51) if n != 23]
    assert [event["seq"] for event in stage.link.events()] == list(range(1, 51))
    assert stage.worker.counters.bad == 1


async def test_a_command_that_upsets_us_is_unavailable_alone_and_logged_once(stage):
    """Nobody knows whether it was stored; the worker goes on."""
    stage.log.surprising = {"2"}
    with capture_logs() as logs:
        stage.arrive(*(stage.say(str(n)) for n in range(4)))
        assert await stage.until(4) == {1: "", 2: "", 3: "unavailable", 4: ""}
    assert [line["event"] for line in logs] == ["append.failed"]
    stage.arrive(stage.say("after"))
    assert (await stage.until(5))[5] == ""


async def test_a_lost_database_is_retried_until_it_is_back_and_logged_once(stage):
    """Nothing is stored twice, although the commit went through before the connection broke."""
    stage.log.lose_results = 3
    with capture_logs() as logs:
        stage.arrive(stage.say("1"), stage.say("2"))
        await stage.until(2)
    assert [line["event"] for line in logs] == ["database.lost", "database.back"]
    assert [event.body for event in stage.log.logs[ROOM]] == ["1", "2"]
    assert [outcome.seq for outcome in stage.link.outcomes().values()] == [1, 2]
    assert stage.worker.counters.retries == 3


async def test_commands_that_die_while_the_database_is_away_are_unavailable_and_never_stored(stage):
    """Those being tried and those that wait alike; what lives still is stored later."""
    stage.log.failing = Unavailable("connection refused")
    stage.arrive(stage.say("tried"), life=1.0)
    await at_rest()
    stage.arrive(stage.say("waiting", HALL), life=1.0)
    stage.arrive(stage.say("patient", HALL), life=3.0)
    await asyncio.sleep(0.005)
    assert stage.link.outcomes() == {}
    stage.now += 1.0
    assert await stage.until(2) == {1: "unavailable", 2: "unavailable"}
    stage.log.failing = None
    assert (await stage.until(3))[3] == ""
    assert [event.body for events in stage.log.logs.values() for event in events] == ["patient"]
    assert stage.worker.counters.expired == 2


async def test_a_command_that_is_dead_on_arrival_is_not_stored(stage):
    """It waited elsewhere for too long."""
    stage.arrive(stage.say("late"), life=0.0)
    assert await stage.until(1) == {1: "unavailable"}
    assert stage.log.batches == []


async def test_a_command_that_dies_behind_an_append_is_not_stored(stage):
    """Its deadline is looked at when the next batch is cut."""
    stage.log.free.clear()
    stage.arrive(stage.say("1"))
    await at_rest()
    stage.arrive(stage.say("2"))
    stage.now += 6.0
    stage.log.free.set()
    assert await stage.until(2) == {1: "", 2: "unavailable"}


async def test_no_command_lives_longer_than_promised_whatever_its_frame_says(stage):
    """A frame without a time to live is still a command."""
    stage.log.free.clear()
    stage.arrive(stage.say("1"))
    await at_rest()
    stage.arrive(stage.say("2"), life=inf)
    stage.now += 5.0
    stage.log.free.set()
    assert await stage.until(2) == {1: "", 2: "unavailable"}


async def test_of_a_batch_that_is_retried_only_the_living_are_appended(stage):
    """Two senders, one of whom has no time left."""
    stage.log.free.clear()
    stage.log.failing = Unavailable()
    stage.arrive(stage.say("short"), life=1.0)
    stage.arrive(stage.say("long"), life=4.0)
    await at_rest()
    stage.now += 2.0
    stage.log.free.set()
    assert await stage.until(1) == {1: "unavailable"}
    stage.log.failing = None
    assert await stage.until(2) == {1: "unavailable", 2: ""}
    assert stage.log.batches[0] == ["short", "long"]
    assert stage.log.batches[-1] == ["long"]


async def test_a_full_queue_answers_overloaded_at_once():
    """With the rest of the frame, and a time after which to come again."""
    async with running(WorkerSettings(broker_addresses=NOWHERE, queue_commands=2, retry_after_seconds=1.5)) as stage:
        stage.log.free.clear()
        received = stage.arrive(*(stage.say(str(n)) for n in range(4)))
        assert stage.link.codes() == {3: "overloaded", 4: "overloaded"}
        assert stage.link.outcomes()[3].retry_after == 1.5
        assert stage.link.done == []
        stage.log.free.set()
        await stage.until(4)
        assert stage.link.done == [received]
        assert stage.worker.counters.overloaded == 2


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", encode(Head(ROOM, 1)), encode(Commands(()))],
    ids=["nothing", "no msgpack", "a head", "no commands"],
)
async def test_a_frame_that_is_no_command_is_given_back_and_changes_nothing(stage, payload):
    """Other frames are served as if it had not come."""
    received = stage.arrive_raw(payload)
    assert stage.link.done == [received]
    stage.arrive(stage.say("hello"))
    assert await stage.until(1) == {1: ""}


async def test_what_the_link_does_not_take_is_dropped_and_counted(stage):
    """The edge resends and gets the seq; the frame is given back all the same."""
    stage.link.full = True
    received = stage.arrive(stage.say("hello", id=ANN))
    for _ in range(3):
        await asyncio.sleep(0)
    assert (stage.link.done, stage.worker.counters.unsent) == ([received], 2)
    stage.link.full = False
    stage.arrive(stage.say("hello", id=ANN))
    await stage.until(1)
    assert stage.link.outcomes()[2].seq == 1


async def test_a_new_conversation_and_its_first_message_are_one_batch(stage):
    """The conversation's `created` is seq 1."""
    stage.arrive(Command(0, ROOM, ANN, str(uuid4()), Create("subject", (ANN,))), stage.say("hello"))
    await stage.until(2)
    assert stage.log.batches == [["create", "hello"]]
    ((_, _, appended),) = stage.link.to_keys
    assert isinstance(appended, Appended)
    assert [event.kind for event in appended.events] == ["created", "message"]
    assert [event["kind"] for event in stage.link.events()] == ["created", "message"]


async def test_a_log_that_answers_nonsense_is_a_surprise(stage):
    """Every command is answered, as unknown."""
    stage.log.cut_short = True
    stage.arrive(stage.say("1"), stage.say("2"))
    assert set((await stage.until(2)).values()) == {"unavailable"}
    assert stage.worker.counters.surprises == 3


async def test_a_stop_answers_what_is_queued_before_the_link_is_left():
    """What arrives after it is left to the next owner."""
    async with running() as stage:
        stage.log.free.clear()
        stage.arrive(stage.say("1"))
        await at_rest()
        stage.arrive(stage.say("2"))
        stage.stop.set()
        await at_rest()
        late = stage.arrive(stage.say("3"))
        assert stage.link.done == [late]
        stage.log.free.set()
    assert stage.link.codes() == {1: "", 2: ""}
    assert not stage.link.inside


async def test_what_arrives_before_the_brokers_gave_the_keys_to_others_is_answered_too():
    async with running() as stage:
        stage.link.confirmed.clear()
        stage.stop.set()
        await at_rest()
        stage.arrive(stage.say("1"))
        assert await stage.until(1) == {1: ""}
        stage.link.confirmed.set()
        await at_rest()
        assert not stage.link.inside


async def test_a_stop_waits_no_longer_than_its_deadline():
    """What is unfinished then is unavailable."""
    async with running() as stage:
        stage.log.free.clear()
        stage.arrive(stage.say("1"))
        await at_rest()
        stage.arrive(stage.say("2"))
    assert stage.link.codes() == {1: "unavailable", 2: "unavailable"}


async def test_start_and_stop_are_logged_with_the_numbers():
    """One line each."""
    with capture_logs() as logs:
        async with running() as stage:
            stage.arrive(stage.say("1"))
            await stage.until(1)
    assert [line["event"] for line in logs] == ["persistence.started", "persistence.stopped"]
    assert (logs[1]["stored"], logs[1]["commands"], logs[1]["unfinished"]) == (1, 1, 0)


async def test_a_worker_that_breaks_answers_and_ends_with_the_error():
    """The supervisor starts another one."""

    def broken() -> float:
        raise ArithmeticError

    stage = Stage(QUICK)
    stage.worker = Persistence(stage.log.append, stage.log.busy, stage.connect, QUICK, clock=broken)
    with pytest.raises(ArithmeticError):
        await stage.worker.run(stage.stop)
    assert not stage.link.inside

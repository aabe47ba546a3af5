"""A conversation that somebody else holds in the database waits alone."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.workers.persistence.stage import HALL, ROOM, running

pytestmark = pytest.mark.anyio


async def test_a_conversation_that_others_hold_waits_alone_and_in_order():
    """The rest of its batch is stored at once; it is looked at again and again, and stored when it is free."""
    async with running() as stage:
        stage.log.locked = {ROOM}
        stage.arrive(stage.say("1"), stage.say("2", HALL), stage.say("3"))
        assert await stage.until(1) == {2: ""}
        stage.arrive(stage.say("4"), stage.say("5", HALL))
        assert await stage.until(2) == {2: "", 5: ""}
        stage.log.locked = set()
        stage.now += 0.1
        await stage.until(5)
        assert [event.body for event in stage.log.logs[ROOM]] == ["1", "3", "4"]
        assert stage.log.batches == [["1", "3", "2"], ["2"], ["5"], ["1", "3", "4"]]
        assert stage.worker.counters.held == 2


async def test_what_dies_in_a_held_conversation_is_unavailable_in_time():
    """Nobody waits for the lock's end to hear of it, and it is never stored."""
    async with running() as stage:
        stage.log.locked = {ROOM}
        stage.arrive(stage.say("1"), life=1.0)
        await stage.when(lambda: stage.worker.counters.held)
        stage.now += 1.0
        assert await stage.until(1) == {1: "unavailable"}
        stage.log.locked = set()
        stage.arrive(stage.say("2"))
        stage.now += 0.1
        assert (await stage.until(2))[2] == ""
        assert [event.body for event in stage.log.logs[ROOM]] == ["2"]


async def test_of_a_halved_batch_a_held_conversation_leaves_every_part():
    """Else its later messages would be stored before its earlier ones."""
    async with running() as stage:
        stage.log.poison = {"bad"}
        bad = stage.say("bad", HALL)
        commands = [stage.say(str(n)) for n in range(6)]
        stage.log.free.clear()
        stage.arrive(bad, *commands)
        await asyncio.sleep(0.001)
        stage.log.let_one_through()
        stage.log.locked = {ROOM}
        stage.log.free.set()
        assert await stage.until(1) == {1: "invalid"}
        stage.log.locked = set()
        stage.now += 0.1
        await stage.until(7)
        assert [event.body for event in stage.log.logs[ROOM]] == [str(n) for n in range(6)]


async def test_when_nobody_can_say_who_is_held_the_batch_is_tried_again_whole():
    """As with any database that does not answer; also of what is held already."""
    async with running() as stage:
        stage.log.locked, stage.log.blind = {ROOM}, True
        stage.arrive(stage.say("1"), stage.say("2", HALL))
        await stage.when(lambda: stage.worker.counters.retries >= 2)
        stage.log.blind = False
        assert await stage.until(1) == {2: ""}
        stage.log.blind = True
        stage.now += 0.1
        await asyncio.sleep(0.01)
        assert list(stage.link.outcomes()) == [2]
        stage.log.locked, stage.log.blind = set(), False
        stage.now += 0.1
        assert (await stage.until(2))[1] == ""
        assert stage.log.batches[-1] == ["1"]

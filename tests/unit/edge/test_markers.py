"""Markers are gathered, written once a second at most, and told only when they are stored."""

from __future__ import annotations

import asyncio

import pytest

from broker.node.tasks import Tasks
from edge.markers import AGAIN_SECONDS, FIRST_SECONDS, MOST_AT_ONCE, Coalescer, Markers
from edge.problems import Problem
from storage.errors import NotFound, Unavailable
from storage.markers import Mark

pytestmark = pytest.mark.anyio


def test_wishes_of_one_moment_become_one_and_the_greatest_wins():
    coalescer = Coalescer()
    for read, delivered in ((3, 0), (2, 5), (1, 1)):
        assert coalescer.add(Mark("ann", "room", read, delivered), 0.0)
    assert coalescer.due(0.0) == []
    assert coalescer.due(FIRST_SECONDS) == [Mark("ann", "room", 3, 5)]
    assert coalescer.wake() is None


def test_one_marker_is_written_once_a_second():
    coalescer = Coalescer()
    coalescer.add(Mark("ann", "room", 1, 0), 0.0)
    coalescer.due(FIRST_SECONDS)
    for n in range(2, 50):
        coalescer.add(Mark("ann", "room", n, 0), n / 100)
    assert coalescer.due(1.0) == []
    assert coalescer.wake() == FIRST_SECONDS + AGAIN_SECONDS
    assert coalescer.due(FIRST_SECONDS + AGAIN_SECONDS) == [Mark("ann", "room", 49, 0)]


def test_others_do_not_wait_for_it():
    coalescer = Coalescer()
    coalescer.add(Mark("ann", "room", 1, 0), 0.0)
    coalescer.due(FIRST_SECONDS)
    coalescer.add(Mark("ann", "room", 2, 0), 0.1)
    coalescer.add(Mark("bob", "room", 2, 0), 0.1)
    coalescer.add(Mark("ann", "hall", 2, 0), 0.1)
    assert {(mark.account, mark.conversation) for mark in coalescer.due(0.2)} == {("bob", "room"), ("ann", "hall")}


def test_there_is_a_bound_and_what_waits_may_still_grow():
    coalescer = Coalescer(limit=2)
    assert coalescer.add(Mark("ann", "room", 1, 0), 0.0)
    assert coalescer.add(Mark("bob", "room", 1, 0), 0.0)
    assert not coalescer.add(Mark("eve", "room", 1, 0), 0.0)
    assert coalescer.add(Mark("ann", "room", 2, 0), 0.0)
    assert len(coalescer.due(1.0)) == 2


def test_a_write_holds_so_many_at_most():
    coalescer = Coalescer()
    for n in range(MOST_AT_ONCE + 1):
        coalescer.add(Mark(f"person {n}", "room", 1, 0), 0.0)
    assert [len(coalescer.due(1.0)) for _ in range(3)] == [MOST_AT_ONCE, 1, 0]


def test_what_was_written_long_ago_is_forgotten():
    coalescer = Coalescer(limit=10)
    for n in range(100):
        coalescer.add(Mark(f"person {n}", "room", 1, 0), n * 10.0)
        coalescer.due(n * 10.0 + 1)
    assert len(coalescer._written) <= 21


class Stage:
    """A database that knows two members, and those who are told."""

    def __init__(self):
        self.written, self.told, self.strangers = [], [], []
        self.fault = None
        self.members = {"ann", "bob"}
        self.open = asyncio.Event()
        self.open.set()
        self.turn = asyncio.Event()
        self.markers = Markers(self.write, self.tell, self.stranger, Tasks())

    def tell(self, mark):
        self.told.append(mark)
        self.turn.set()

    def stranger(self, account, conversation):
        self.strangers.append((account, conversation))
        self.turn.set()

    async def write(self, wishes):
        self.written.append(list(wishes))
        self.turn.set()
        await self.open.wait()
        if self.fault is not None:
            raise self.fault
        return [wish for wish in wishes if wish.account in self.members]

    async def until(self, condition, seconds=5.0):
        async with asyncio.timeout(seconds):
            while not condition():
                self.turn.clear()
                await self.turn.wait()


async def test_what_is_stored_is_told_and_a_stranger_is_found_out():
    stage = Stage()
    stage.markers.wish("ann", "room", read=3)
    stage.markers.wish("ann", "room", delivered=4)
    stage.markers.wish("eve", "room", read=1)
    await stage.until(lambda: stage.strangers)
    assert stage.told == [Mark("ann", "room", 3, 4)]
    assert stage.strangers == [("eve", "room")]
    assert len(stage.written) == 1


async def test_nothing_is_told_before_it_is_stored_and_what_comes_meanwhile_is_in_the_next():
    stage = Stage()
    stage.open.clear()
    stage.markers.wish("ann", "room", read=3)
    await stage.until(lambda: stage.written)
    stage.markers.wish("bob", "room", read=3)
    stage.markers.wish("bob", "hall", read=1)
    assert stage.told == []
    stage.open.set()
    await stage.until(lambda: len(stage.told) == 3)
    assert [len(wishes) for wishes in stage.written] == [1, 2]


async def test_a_first_marker_does_not_wait_for_the_second_of_another():
    stage = Stage()
    stage.markers.wish("ann", "room", read=1)
    await stage.until(lambda: stage.told)
    stage.markers.wish("ann", "room", read=2)
    stage.markers.wish("bob", "room", read=1)
    await stage.until(lambda: len(stage.told) == 2, seconds=AGAIN_SECONDS / 2)
    assert stage.told[1] == Mark("bob", "room", 1, 0)
    await stage.until(lambda: len(stage.told) == 3)
    assert stage.told[2] == Mark("ann", "room", 2, 0)


async def test_a_burst_is_two_writes():
    stage = Stage()
    for seq in range(1, 201):
        stage.markers.wish("ann", "room", read=seq)
        await asyncio.sleep(0)
    await stage.until(lambda: stage.told)
    for seq in range(201, 401):
        stage.markers.wish("ann", "room", read=seq)
    await stage.until(lambda: stage.told[-1].read == 400)
    assert stage.markers.writes == len(stage.written) == 2


@pytest.mark.parametrize("fault", [Unavailable(), RuntimeError("a fault of ours")])
async def test_what_the_database_does_not_take_is_told_to_nobody_and_the_next_is_tried(fault):
    stage = Stage()
    stage.fault = fault
    stage.markers.wish("ann", "room", read=3)
    with pytest.raises(Unavailable):
        await stage.markers.stored("bob", "room", read=1)
    assert (stage.told, stage.strangers) == ([], [])
    stage.fault = None
    stage.markers.wish("bob", "hall", read=3)
    await stage.until(lambda: stage.told)
    assert stage.told == [Mark("bob", "hall", 3, 0)]


async def test_who_asks_over_http_waits_until_it_is_stored():
    stage = Stage()
    stage.markers.wish("ann", "room", delivered=5)
    both = asyncio.gather(stage.markers.stored("ann", "room", read=3), stage.markers.stored("ann", "room", read=4))
    assert await both == [Mark("ann", "room", 4, 5)] * 2
    assert stage.told == [Mark("ann", "room", 4, 5)]
    with pytest.raises(NotFound):
        await stage.markers.stored("eve", "room", read=3)


async def test_who_hung_up_is_waited_for_by_nobody():
    stage = Stage()
    gone = asyncio.create_task(stage.markers.stored("ann", "room", read=3))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stage.markers.stored("ann", "room", read=4) == Mark("ann", "room", 4, 0)
    assert gone.cancelled()


async def test_too_many_are_refused_over_http():
    stage = Stage()
    stage.markers._coalescer = Coalescer(limit=1)
    assert stage.markers.wish("ann", "room", read=3)
    assert not stage.markers.wish("bob", "room", read=3)
    with pytest.raises(Problem) as caught:
        await stage.markers.stored("bob", "room", read=3)
    assert caught.value.code == "overloaded"

"""Markers are gathered, written once a second at most, and told only when they are stored."""

from __future__ import annotations

import asyncio

import pytest

from broker.node.tasks import Tasks
from edge.markers import AGAIN_SECONDS, FIRST_SECONDS, MOST_AT_ONCE, Coalescer, Markers
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
    def __init__(self):
        self.written, self.told, self.strangers = [], [], []
        self.fault = None
        self.members = {"ann", "bob"}
        self.tasks = Tasks()
        stranger = lambda account, conversation: self.strangers.append((account, conversation))  # noqa: E731 - a fake
        self.markers = Markers(self.write, self.told.append, stranger, self.tasks)

    async def write(self, wishes):
        self.written.append(list(wishes))
        if self.fault is not None:
            raise self.fault
        return [wish for wish in wishes if wish.account in self.members]


async def test_what_is_stored_is_told_and_a_stranger_is_found_out():
    stage = Stage()
    stage.markers.wish("ann", "room", read=3)
    stage.markers.wish("ann", "room", delivered=4)
    stage.markers.wish("eve", "room", read=1)
    await asyncio.sleep(3 * FIRST_SECONDS)
    assert stage.told == [Mark("ann", "room", 3, 4)]
    assert stage.strangers == [("eve", "room")]
    assert len(stage.written) == 1


async def test_what_the_database_does_not_take_is_told_to_nobody_and_the_next_is_tried():
    stage = Stage()
    stage.fault = Unavailable()
    stage.markers.wish("ann", "room", read=3)
    await asyncio.sleep(3 * FIRST_SECONDS)
    assert (stage.told, stage.strangers) == ([], [])
    stage.fault = None
    stage.markers.wish("bob", "room", read=3)
    await asyncio.sleep(3 * FIRST_SECONDS)
    assert stage.told == [Mark("bob", "room", 3, 0)]


async def test_over_http_it_is_stored_at_once():
    stage = Stage()
    assert await stage.markers.now("ann", "room", read=3) == Mark("ann", "room", 3, 0)
    assert stage.told == [Mark("ann", "room", 3, 0)]
    with pytest.raises(NotFound):
        await stage.markers.now("eve", "room", read=3)

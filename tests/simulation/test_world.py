"""Virtual time and processes: what runs when, who takes no step, and that a seed says it all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.simulation import world as of_world
from tests.simulation.world import Process, Runaway, World

BEGAN = 1000.0


@pytest.fixture
def world() -> World:
    return World(1)


def notes(process: Process, said: list[tuple[str, float]], *pauses: float) -> None:
    """Have the process say its name now and after each pause."""

    async def work() -> None:
        said.append((process.name, process.time() - BEGAN))
        for pause in pauses:
            await asyncio.sleep(pause)
            said.append((process.name, round(process.time() - BEGAN, 6)))

    process.spawn(work())


def told(work: Callable[[], Awaitable[Any]]) -> list[Any]:
    """What a coroutine in a process of its own returned or raised, if it came to an end within a minute."""
    world, ends = World(1), list[Any]()

    async def whole() -> None:
        try:
            ends.append(await work())
        except (Exception, asyncio.CancelledError) as fault:
            ends.append(type(fault))

    world.process("one").spawn(whole())
    world.run(BEGAN + 60)
    return ends


# Time -----------------------------------------------------------------------


def test_time_passes_only_when_nobody_has_anything_to_do(world: World):
    said: list[tuple[str, float]] = []
    notes(world.process("one"), said, 5.0, 0.0, 2.5)
    assert said == []
    world.run(BEGAN + 6)
    assert said == [("one", 0.0), ("one", 5.0), ("one", 5.0)]
    assert world.now == BEGAN + 6
    world.run(BEGAN + 60)
    assert said[3:] == [("one", 7.5)]
    assert world.now == BEGAN + 60


def test_what_is_due_first_happens_first_and_of_one_time_what_was_asked_first(world: World):
    happened: list[str] = []
    for when, what in ((3.0, "c"), (1.0, "a"), (2.0, "b1"), (2.0, "b2")):
        world.after(when, happened.append, what)
    world.run(BEGAN + 2)
    assert happened == ["a", "b1", "b2"]
    world.run(BEGAN + 3)
    assert happened == ["a", "b1", "b2", "c"]


def test_a_timer_that_is_cancelled_never_fires(world: World):
    fired: list[str] = []
    process = world.process("one")
    process.call_later(1.0, fired.append, "kept")
    process.call_later(1.0, fired.append, "cancelled").cancel()
    process.call_soon(fired.append, "soon").cancel()
    world.run(BEGAN + 2)
    assert fired == ["kept"]


def test_the_clocks_of_processes_differ_and_go_equally_fast(world: World):
    one, two = world.process("one"), world.process("two")
    two.offset = 77.0
    before = one.clock(), two.clock()
    world.run(BEGAN + 9)
    assert (one.clock() - before[0], two.clock() - before[1]) == (9.0, 9.0)
    assert two.clock() - one.clock() == 77.0


# Order ----------------------------------------------------------------------


def run_three(seed: int) -> tuple[list[tuple[str, float]], str]:
    world, said = World(seed), list[tuple[str, float]]()
    for name in ("one", "two", "three"):
        notes(world.process(name), said, *(0.0,) * 9, 1.0)
    world.run(BEGAN + 2)
    return said, world.digest


def test_whose_turn_it_is_is_chosen_by_the_seed_and_by_nothing_else():
    assert run_three(5) == run_three(5)
    assert len({tuple(run_three(seed)[0]) for seed in range(10)}) > 5


def test_the_steps_of_one_process_are_taken_in_order():
    for seed in range(10):
        world, done = World(seed), list[int]()
        process, other = world.process("one"), world.process("other")
        for number in range(20):
            process.call_soon(done.append, number)
            other.call_soon(lambda: None)
        world.run(BEGAN)
        assert done == list(range(20))


# What asyncio asks ----------------------------------------------------------


def test_what_asyncio_offers_runs_in_a_process():
    async def queue_and_tasks() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(1)

        async def produce() -> None:
            for number in range(5):
                await queue.put(number)

        task = asyncio.create_task(produce())
        got = [await queue.get() for _ in range(5)]
        await task
        return got

    async def too_long() -> None:
        async with asyncio.timeout(2):
            await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.create_task(asyncio.sleep(9))
        await asyncio.sleep(1)
        task.cancel()
        await task

    async def elsewhere() -> int:
        return await asyncio.to_thread(sum, (1, 2))

    assert told(queue_and_tasks) == [[0, 1, 2, 3, 4]]
    assert told(too_long) == [TimeoutError]
    assert told(cancelled) == [asyncio.CancelledError]
    assert told(elsewhere) == [3]
    assert told(lambda: asyncio.sleep(61)) == []


def test_what_nobody_caught_is_noted_and_the_process_goes_on(world: World):
    process, done = world.process("one"), list[str]()

    def broken() -> None:
        raise ValueError("broken")

    process.call_soon(broken)
    process.call_soon(done.append, "after it")
    world.run(BEGAN)
    assert process.faults == ["one: ValueError('broken')"]
    assert done == ["after it"]


# Life -----------------------------------------------------------------------


def test_a_killed_process_takes_no_further_step(world: World):
    said: list[tuple[str, float]] = []
    process = world.process("one")
    notes(process, said, 1.0, 1.0)
    process.call_later(1.5, said.append, ("timer", 0.0))
    world.after(1.2, process.kill)
    world.run(BEGAN + 9)
    assert said == [("one", 0.0), ("one", 1.0)]
    process.call_soon(said.append, ("late", 0.0))
    world.run(BEGAN + 20)
    assert len(said) == 2
    process.take_down()
    assert process.faults == []


def test_a_process_killed_between_two_of_its_steps_takes_not_the_second(world: World):
    process, done = world.process("one"), list[int]()
    process.call_soon(process.kill)
    process.call_soon(done.append, 2)
    world.run(BEGAN)
    assert done == []


def test_a_stopped_process_finds_what_came_meanwhile_when_it_goes_on(world: World):
    said: list[tuple[str, float]] = []
    process = world.process("one")
    notes(process, said, 1.0, 1.0)
    world.after(0.5, process.stop_running)
    world.after(3.0, process.call_soon, said.append, ("sent", 3.0))
    world.run(BEGAN + 4)
    assert said == [("one", 0.0)]
    process.go_on()
    world.run(BEGAN + 9)
    assert said == [("one", 0.0), ("sent", 3.0), ("one", 4.0), ("one", 5.0)]


@pytest.mark.parametrize("pause", [None, 0.0])
def test_a_process_that_goes_round_in_circles_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, pause: float | None
):
    monkeypatch.setattr(of_world, "MOST_STEPS", 1000)

    def again(process: Process) -> None:
        if pause is None:
            process.call_soon(again, process)
        else:
            process.call_later(pause, again, process)

    again(world.process("one"))
    with pytest.raises(Runaway, match="1001 steps by"):
        world.run(BEGAN + 1)

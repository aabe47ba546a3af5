"""One of five hundred reads 1 KB a second: it is cut, comes back and catches up, and the others do not notice."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from statistics import median
from uuid import uuid4

import pytest

from bench.client import State
from bench.dial import allow_files
from bench.latency import percentiles
from tests.faults.history import Id
from tests.faults.load import WAITING_COMMANDS, Mix, RecordingOutbox, Talker
from tests.faults.run import Run, running, under_load
from tests.faults.straw import Straw
from tests.fixtures.system import Person

pytestmark = [pytest.mark.anyio, pytest.mark.long]

CLIENTS = 500
ROOMS = 60
RATE = 100.0
PAIRS = 15
SPAN_SECONDS = 3.0
"""About as long as it takes until a slow reader is cut."""
LOUD_RATE = 100.0
LOUD_CHARACTERS = 5_000
"""500 KB a second in the room of the slow one: what an edge keeps for it is full within seconds."""
LONGEST_SECONDS = 20.0
SLOW_CONSUMER = 4408

Span = tuple[float, float]


class SlowReader(Talker):
    """A talker who remembers with which code each of its connections was closed."""

    def __init__(self, *given: object, **options: object) -> None:
        self.closes: list[int | None] = []
        super().__init__(*given, **options)  # type: ignore[arg-type]  # as they come

    def _state(self, state: State) -> None:
        super()._state(state)
        if state == "lost":
            self.closes.append(self.client.last_close)


@asynccontextmanager
async def slow_reader(run: Run, straw: Straw) -> AsyncIterator[SlowReader]:
    """The last of the clients, in a conversation of its own with seven others."""
    person = Person("slow", "client")
    staff = [one for one in run.people if one.role == "agent"][:7]
    run.rooms.append(await run.system.conversation(*staff, person, subject="Loud"))
    run.people.append(person)
    outbox = RecordingOutbox(run.history)
    slow = SlowReader(person, person.name, run.history, [straw.url], Random(1), encoding="msgpack", outbox=outbox)
    async with slow.client:
        run.talkers.append(slow)
        yield slow


@asynccontextmanager
async def loud(run: Run, room: Id) -> AsyncIterator[None]:
    """While this lasts, somebody says much in the room."""
    speaker = next(talker for talker in run.talkers if room in talker.rooms)
    body = "x" * LOUD_CHARACTERS

    async def speak() -> None:
        began, said = time.monotonic(), 0
        while True:
            while said < (time.monotonic() - began) * LOUD_RATE:
                said += 1
                if len(speaker.client.outbox) < WAITING_COMMANDS:
                    id = str(uuid4())
                    run.history.called(id, speaker.person.id, speaker.name, room, "send", time.monotonic())
                    speaker.client.post("send", room, id=id, body=body)
            await asyncio.sleep(0.01)

    speaking = asyncio.create_task(speak())
    try:
        yield
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)


def p99(run: Run, span: Span, but: Talker) -> float:
    """Of what was wished in this time, from the wish to each client's ear but one's; milliseconds."""
    called = {
        op.id: op.called
        for op in run.history.operations.values()
        if op.kind == "send" and span[0] <= op.called < span[1]
    }
    return percentiles(
        [
            at - called[id]
            for reader in run.history.readers.values()
            if reader is not but.reader
            for heard in reader.heard.values()
            for _, _, _, id, at in heard
            if id in called
        ]
    ).p99


@contextmanager
def unswept() -> Iterator[None]:
    """No collection of garbage here meanwhile: a pause of the clients would count as one of the servers."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def test_a_slow_reader_among_five_hundred_is_cut_and_comes_back_and_the_others_do_not_notice(
    database_url, record_property
):
    """The same load all the time; in turns all read as fast as they can, or one reads 1 KB a second until it is cut."""

    async def plan(run: Run) -> None:
        async with loud(run, run.rooms[-1]):
            await asyncio.sleep(2)
            for _ in range(PAIRS):
                began = time.monotonic()
                await asyncio.sleep(SPAN_SECONDS)
                without.append((began, time.monotonic()))
                began = time.monotonic()
                await cut_and_come_back(run)
                beside.append((began, time.monotonic()))

    async def cut_and_come_back(run: Run) -> None:
        """It is slow until the edge has had enough, then reads as others do, and catches up."""
        straw.wide.clear()
        before = cuts(run)
        async with asyncio.timeout(LONGEST_SECONDS):
            while cuts(run) == before:  # noqa: ASYNC110 — another process tells
                await asyncio.sleep(0.1)
        lost = time.monotonic()
        straw.wide.set()
        async with asyncio.timeout(LONGEST_SECONDS):
            while (slow.live_since or 0.0) < lost:  # noqa: ASYNC110 — a client tells of no change of state
                await asyncio.sleep(0.02)
            await slow.client.caught_up()

    def cuts(run: Run) -> int:
        return (run.system.folder / "edge.log").read_text().count('"event":"socket.slow"')

    without: list[Span] = []
    beside: list[Span] = []
    allow_files(2 * CLIENTS)
    async with (
        running(database_url, seed=71, clients=CLIENTS - 1, rooms=ROOMS, of_each=1) as run,
        Straw(run.system.port).laid() as straw,
        slow_reader(run, straw) as slow,
    ):
        with unswept():
            verdict = await under_load(
                run, plan, seconds=2 * PAIRS * SPAN_SECONDS + 5, rate=RATE, mix=Mix(membership=0)
            )
    kept, disturbed = ([p99(run, span, slow) for span in spans] for spans in (without, beside))
    told = "; ".join(" ".join(f"{one:.0f}" for one in spans) for spans in (kept, disturbed))
    record_property("slow reader", f"p99 in ms, without; beside: {told}; {verdict.acked} acked")
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    assert slow.closes == [SLOW_CONSUMER] * PAIRS
    assert median(disturbed) <= 1.5 * median(kept), told

"""A persistence worker between a link and a log in memory, and an edge that sends it commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from broker.flow.credit import Ledger
from broker.link.client import Received
from broker.wire.payloads import Command, Commands, Message, encode
from tests.unit.workers.persistence.fakes import FakeLink, FakeLog
from workers.persistence.service import Persistence
from workers.settings import WorkerSettings

ROOM, HALL, ANN = (str(uuid4()) for _ in range(3))
NOWHERE = "ipc://nowhere"
QUICK = WorkerSettings(broker_addresses=NOWHERE, retry_seconds=0.002, retry_most_seconds=0.004, drain_seconds=0.2)


class Stage:
    """A running worker, its fakes, a clock that moves when told, and an edge that sends commands."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.now = 100.0
        self.log = FakeLog()
        self.worker = Persistence(self.log.append, self.log.busy, self.connect, settings, clock=lambda: self.now)
        self.stop = asyncio.Event()
        self.refs = 0

    def connect(self, on_frame) -> FakeLink:
        self.link = FakeLink(on_frame)
        return self.link

    def arrive(self, *commands: Command, source: str = "edge-1", life: float = 5.0) -> Received:
        """One frame from an edge."""
        return self.arrive_raw(encode(Commands(commands)), source, life)

    def arrive_raw(self, payload: bytes, source: str = "edge-1", life: float = 5.0) -> Received:
        received = Received(
            source=source,
            tag=0,
            key=ROOM,
            deadline=self.now + life,
            payload=payload,
            cost=len(payload) + 128,
            ledger=Ledger(1024),
        )
        self.link.on_frame(received)
        return received

    def say(self, body: str, conversation: str = ROOM, id: str | None = None) -> Command:
        """A message with the next ref."""
        self.refs += 1
        return Command(self.refs, conversation, ANN, id or str(uuid4()), Message(body))

    async def until(self, count: int, node: str = "edge-1") -> dict[int, str]:
        """Wait until the edge has heard `count` outcomes; ref to code."""
        async with asyncio.timeout(5):
            while len(self.link.outcomes(node)) < count:
                self.link.heard.clear()
                await self.link.heard.wait()
        return self.link.codes(node)

    async def when(self, condition: Callable[[], object]) -> None:
        """Wait until this holds, of what nobody tells."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 — counters tell nobody when they change
                await asyncio.sleep(0.001)


TURNS = 50
"""More turns of the loop than anything takes that waits for nobody."""


async def at_rest() -> None:
    """Let all that waits for nobody go on until it does. By turns and not by time, which a busy machine takes away."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(settings: WorkerSettings = QUICK) -> AsyncIterator[Stage]:
    stage = Stage(settings)
    task = asyncio.create_task(stage.worker.run(stage.stop))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    try:
        yield stage
    finally:
        stage.stop.set()
        async with asyncio.timeout(5):
            await task

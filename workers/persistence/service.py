"""Commands in, one append at a time, answers out: the only writer of the logs.

Group commit needs no timer: while an append runs, what arrives queues up and is the next batch. Idle, a
command is appended in the loop turn after its arrival, together with all that came in the same ZeroMQ
message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from random import uniform
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from broker.link.client import LinkError
from broker.node.histogram import Histogram
from broker.wire.fingerprint import fingerprint
from broker.wire.payloads import Command, decode_commands
from storage.errors import BadData, Busy, StorageError
from workers.persistence.answers import Answers, Frame, Waiter
from workers.persistence.batch import Queue
from workers.persistence.counters import Counters
from workers.persistence.events import logged, new_event
from workers.persistence.halving import Halving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from types import TracebackType

    from broker.link.client import Received
    from broker.wire.payloads import Id
    from storage.log import NewEvent, Stored
    from workers.persistence.batch import Entry
    from workers.settings import WorkerSettings

log = structlog.get_logger(__name__)

LONGEST_LIFE_SECONDS = 5.0
"""A command frame dies after this at the latest (architecture, promise 3), whatever its sender says."""

HELD_BYTES = 512
"""What a queued command costs beside its payload: the entry, its key, its place in a line."""

LEAVE_SECONDS = 0.5
"""How long a stop waits for the brokers to give its keys to others; milliseconds, if none of them hangs."""

LOOK_SECONDS = 0.1
"""How often a held conversation is looked at; one short statement for all of them."""

CANCEL_SECONDS = 2.0
"""How long a stop waits for an append that it had to cancel."""

BATCH_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500)


class Backbone(Protocol):
    """What persistence needs of a `Link`."""

    @property
    def node(self) -> str:
        """The name of this node."""

    async def __aenter__(self) -> object:
        """Start; frames arrive from here on."""

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Say goodbye, send what is queued within a deadline, close."""

    async def leave(self, seconds: float) -> None:
        """Give up the role: nothing more comes by key, once this returns."""

    def send(self, role: str, key: str, payload: bytes) -> object:
        """To the owner of `key`; raises a `LinkError`."""

    def send_to(self, node: str, payload: bytes) -> object:
        """To one node; raises likewise."""

    def consumed(self, received: Received) -> None:
        """The frame is done with: its sender may send as much again."""


class Persistence:
    """Queues commands, appends them in batches, tells their edges and fanout what became of them."""

    def __init__(
        self,
        append: Callable[[Sequence[NewEvent]], Awaitable[list[Stored]]],
        busy: Callable[[Collection[Id]], Awaitable[set[Id]]],
        connect: Callable[[Callable[[Received], None]], Backbone],
        settings: WorkerSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`append` and `busy` are those of `storage.log` on its database; `connect` makes the link, which calls what
        it is given for each frame; `clock` is that of `Received.deadline`, the monotonic one.
        """
        self.counters = Counters()
        self.stored_kinds: Counter[str] = Counter()
        self.append_seconds = Histogram()
        self.batch_commands = Histogram(BATCH_BOUNDS)
        self._append = append
        self._busy = busy
        self._look_at = 0.0
        self._settings = settings
        self._clock = clock
        self.queue: Queue[Waiter] = Queue(settings.queue_commands, settings.queue_bytes)
        self._wake = asyncio.Event()
        self._stopping = False
        self._lost_at: float | None = None
        self._link = connect(self._receive)

    @property
    def lost(self) -> bool:
        """Does the database not answer?"""
        return self._lost_at is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then let others have our keys, answer what is here, and leave the link last."""
        async with self._link:
            log.info("persistence.started", node=self._link.node)
            serving = asyncio.create_task(self._serve(), name="persistence")
            stopping = asyncio.create_task(stop.wait(), name="persistence-stop")
            try:
                await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not serving.done():
                    await self._link.leave(LEAVE_SECONDS)
                self._stopping = True
                self._wake.set()
                await asyncio.wait({serving}, timeout=self._settings.drain_seconds)
            finally:
                self._stopping = True
                serving.cancel()
                stopping.cancel()
                await asyncio.wait({serving}, timeout=CANCEL_SECONDS)
                left = self.queue.everything()
                self._refuse(left, "unavailable")
                numbers = msgspec.structs.asdict(self.counters)
                log.info("persistence.stopped", node=self._link.node, unfinished=len(left), **numbers)
        if serving.done() and not serving.cancelled():
            serving.result()

    def _receive(self, received: Received) -> None:
        """Take a frame from the link. Never blocks; a full queue is answered at once."""
        if self._stopping:
            # By a broker that had not heard that we leave. No answer: in a moment we are gone, and others are asked.
            self._link.consumed(received)
            return
        counters = self.counters
        counters.frames += 1
        try:
            items = decode_commands(received.payload).items
        except msgspec.DecodeError as error:
            counters.malformed += 1
            log.warning("frame.malformed", source=received.source, error=str(error))
            items = ()
        if not items:
            self._link.consumed(received)
            return
        counters.commands += len(items)
        deadline = min(received.deadline, self._clock() + LONGEST_LIFE_SECONDS)
        cost = received.cost // len(items) + HELD_BYTES
        frame = Frame(received, len(items))
        offer = self.queue.offer
        for at, command in enumerate(items):
            if not offer(command, fingerprint(command.act), cost, deadline, (frame, command.ref)):
                # What follows in the frame is refused with it: behind a hole, its order would be lost.
                self._overloaded(frame, items[at:])
                break
        counters.merged = self.queue.merged
        self._wake.set()

    async def _serve(self) -> None:
        """Append batch after batch until told to stop and nothing is left."""
        settings = self._settings
        while True:
            if self.queue.held:
                await self._look_at_held()
            batch = self.queue.take(self._clock(), settings.batch_commands, settings.batch_bytes)
            self._bury(batch.expired)
            if batch.entries:
                self.counters.batches += 1
                await self._store(batch.entries)
            elif self.queue.held:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), max(0.0, self._look_at - self._clock()))
            elif self._stopping:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _store(self, entries: list[Entry[Waiter]]) -> None:
        """Append a batch and answer all of it, however often that takes."""
        halving = Halving(entries)
        pause = self._settings.retry_seconds
        surprised = False
        while part := halving.next():
            alive = self._living(part)
            if not alive:
                continue
            try:
                await self._append_and_answer(alive)
            except BadData as error:
                self._back()
                self._blame(halving.split(alive), "invalid", error.field)
            except StorageError as error:
                halving.again(alive)
                if isinstance(error, Busy) and await self._put_aside(halving, alive):
                    continue
                self._lost(error)
                await self._wait_for_database(alive, pause)
                pause = min(2 * pause, self._settings.retry_most_seconds)
            except Exception:
                # Not foreseen, so nobody knows what was stored. Halved like bad data, lest a command that
                # upsets us takes its neighbours along each time it is sent again.
                self.counters.surprises += 1
                if not surprised:
                    log.exception("append.failed", commands=len(alive))
                surprised = True
                self._blame(halving.split(alive), "unavailable", None)
            else:
                self._back()
                pause = self._settings.retry_seconds

    async def _put_aside(self, halving: Halving[Entry[Waiter]], entries: Sequence[Entry[Waiter]]) -> bool:
        """Hold the conversations of these that others have, so that the rest need not wait; False if none are."""
        try:
            busy = await self._busy({entry.command.conversation for entry in entries})
        except StorageError:
            return False
        aside = halving.take_out(lambda entry: entry.command.conversation in busy)
        if not aside:
            return False
        if not self.queue.held:
            log.warning("conversations.held", conversations=len(busy), commands=len(aside))
        self.queue.hold(aside)
        self.counters.held += len(aside)
        self._look_at = self._clock() + LOOK_SECONDS
        return True

    async def _look_at_held(self) -> None:
        """Let go what nobody else holds any more; answer what died meanwhile."""
        if self._clock() < self._look_at:
            return
        with contextlib.suppress(StorageError):
            self.queue.let_go(self.queue.held - await self._busy(self.queue.held))
        self._bury(self.queue.expire(self._clock()))
        self._look_at = self._clock() + LOOK_SECONDS

    async def _append_and_answer(self, entries: Sequence[Entry[Waiter]]) -> None:
        """One append; its answers and events leave in the turn in which it is known to be committed."""
        commands = [new_event(entry.command, entry.fingerprint) for entry in entries]
        began = self._clock()
        self.counters.appends += 1
        self.batch_commands.observe(len(commands))
        try:
            results = await self._append(commands)
        finally:
            took = self._clock() - began
            self.counters.append_seconds += took
            self.append_seconds.observe(took)
        # All that may raise comes before the first answer, so that every command is answered once.
        told = [
            logged(command, result) if not (result.code or result.replayed) else None
            for command, result in zip(commands, results, strict=True)
        ]
        answers = Answers()
        counters = self.counters
        for entry, result, event in zip(entries, results, told, strict=True):
            conversation = entry.command.conversation
            if result.code:
                counters.refused += 1
                answers.refused(entry, result.code, result.field)
            else:
                answers.stored(entry, result.seq, result.at, result.replayed)
                if result.replayed:
                    counters.replays += 1
                    answers.head(conversation, result.seq)
                elif event is None:  # fanout reads it from the log
                    counters.stored += 1
                    answers.head(conversation, result.seq)
                else:
                    counters.stored += 1
                    self.stored_kinds[event.kind] += 1
                    answers.event(conversation, event)
            self.queue.done(entry)
        self._say(answers)

    def _living(self, part: Sequence[Entry[Waiter]]) -> Sequence[Entry[Waiter]]:
        """What of this part may still be stored; the rest is answered."""
        now = self._clock()
        dead = [entry for entry in part if entry.deadline <= now]
        if not dead:
            return part
        self._bury(dead)
        return [entry for entry in part if entry.deadline > now]

    async def _wait_for_database(self, entries: Sequence[Entry[Waiter]], pause: float) -> None:
        """Half to all of `pause`, but no longer than the first of these lives; then answer all that died."""
        self.counters.retries += 1
        life = min(entry.deadline for entry in entries) - self._clock()
        await asyncio.sleep(max(0.0, min(pause * uniform(0.5, 1.0), life)))  # noqa: S311 - spreads, hides nothing
        self._bury(self.queue.expire(self._clock()))

    def _lost(self, error: StorageError) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock()
            log.warning("database.lost", error=str(error), queued=self.queue.items)

    def _back(self) -> None:
        if self._lost_at is not None:
            log.info("database.back", seconds=round(self._clock() - self._lost_at, 3))
            self._lost_at = None

    def _blame(self, culprit: Entry[Waiter] | None, code: str, field: str | None) -> None:
        if culprit is not None:
            self.counters.bad += 1
            self._refuse([culprit], code, field)

    def _bury(self, dead: Sequence[Entry[Waiter]]) -> None:
        if dead:
            self.counters.expired += len(dead)
            self._refuse(dead, "unavailable")

    def _refuse(self, entries: Sequence[Entry[Waiter]], code: str, field: str | None = None) -> None:
        answers = Answers()
        for entry in entries:
            answers.refused(entry, code, field)
            self.queue.done(entry)
        self._say(answers)

    def _overloaded(self, frame: Frame, commands: Sequence[Command]) -> None:
        self.counters.overloaded += len(commands)
        answers = Answers()
        for command in commands:
            answers.turned_away((frame, command.ref), "overloaded", retry_after=self._settings.retry_after_seconds)
        self._say(answers)

    def _say(self, answers: Answers) -> None:
        """Send it all now. What the link does not take is dropped: the edge resends, the feed repairs."""
        for node, payload in answers.to_edges():
            try:
                self._link.send_to(node, payload)
            except LinkError:
                self.counters.unsent += 1
        for conversation, payload in answers.to_fanout():
            try:
                self._link.send("fanout", conversation, payload)
            except LinkError:
                self.counters.unsent += 1
        for received in answers.finished:
            self._link.consumed(received)

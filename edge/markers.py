"""How far accounts have read: gathered, written at most once a second each, and told when it is stored.

`Coalescer` is pure: wishes and the time in, what is due out. `Markers` gives it the database and somebody to tell.
Nothing is told before it is committed; what the database does not take is forgotten, since clients ask again.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import structlog

from broker.node.tasks import Tasks
from broker.wire.payloads import Id
from storage.errors import NotFound, StorageError
from storage.markers import Mark

log = structlog.get_logger()

FIRST_SECONDS = 0.05
"""A marker waits so long for others to be written with it."""
AGAIN_SECONDS = 1.0
"""One account's marker in one conversation is written once in this time."""
MOST_WAITING = 20_000
MOST_AT_ONCE = 500

Key: TypeAlias = tuple[Id, Id]


class Coalescer:
    """Bounded: a wish that finds `limit` others waiting is not taken."""

    def __init__(self, limit: int = MOST_WAITING) -> None:
        self._limit = limit
        self._wishes: dict[Key, Mark] = {}
        self._due: list[tuple[float, Key]] = []
        self._written: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._wishes)

    def add(self, wish: Mark, now: float) -> bool:
        """Take a wish, together with what is wished already; false when too many wait."""
        key = (wish.conversation, wish.account)
        known = self._wishes.get(key)
        if known is not None:
            wish = Mark(
                wish.account, wish.conversation, max(known.read, wish.read), max(known.delivered, wish.delivered)
            )
        elif len(self._wishes) >= self._limit:
            return False
        else:
            due = max(now + FIRST_SECONDS, self._written.get(key, float("-inf")) + AGAIN_SECONDS)
            heapq.heappush(self._due, (due, key))
        self._wishes[key] = wish
        return True

    def due(self, now: float) -> list[Mark]:
        """What is to be written now, at most 500 at once."""
        if len(self._written) > 2 * self._limit:
            self._written = {key: at for key, at in self._written.items() if now - at < AGAIN_SECONDS}
        found: list[Mark] = []
        while self._due and self._due[0][0] <= now and len(found) < MOST_AT_ONCE:
            _, key = heapq.heappop(self._due)
            self._written[key] = now
            found.append(self._wishes.pop(key))
        return found

    def wake(self) -> float | None:
        """When something will be due; None while nothing waits."""
        return self._due[0][0] if self._due else None


class Markers:
    """`write` stores marks and returns them as they are then; `tell` hears each, `stranger` of who is no member."""

    def __init__(
        self,
        write: Callable[[Sequence[Mark]], Awaitable[list[Mark]]],
        tell: Callable[[Mark], None],
        stranger: Callable[[Id, Id], None],
        tasks: Tasks,
    ) -> None:
        self._write = write
        self._tell = tell
        self._stranger = stranger
        self._tasks = tasks
        self._coalescer = Coalescer()
        self._flushing = False
        self.writes = 0

    def wish(self, account: Id, conversation: Id, *, read: int = 0, delivered: int = 0) -> None:
        """A client's marker: stored soon, and told then. No answer means that it was not: the client asks again."""
        self._coalescer.add(Mark(account, conversation, read, delivered), time.monotonic())
        if not self._flushing:
            self._flushing = True
            self._tasks.spawn(self._flush())

    async def now(self, account: Id, conversation: Id, *, read: int) -> Mark:
        """Store at once; raises `NotFound` for who is not a member, `Unavailable`."""
        self.writes += 1
        marks = await self._write([Mark(account, conversation, read, 0)])
        if not marks:
            raise NotFound("conversation")
        self._tell(marks[0])
        return marks[0]

    async def _flush(self) -> None:
        try:
            while (wake := self._coalescer.wake()) is not None:
                await asyncio.sleep(max(0.0, wake - time.monotonic()))
                wishes = self._coalescer.due(time.monotonic())
                if wishes:
                    await self._store(wishes)
        finally:
            self._flushing = False

    async def _store(self, wishes: list[Mark]) -> None:
        self.writes += 1
        try:
            marks = await self._write(wishes)
        except StorageError as error:
            log.warning("markers.lost", markers=len(wishes), error=str(error))
            return
        stored = {(mark.conversation, mark.account): mark for mark in marks}
        for wish in wishes:
            mark = stored.get((wish.conversation, wish.account))
            if mark is None:
                self._stranger(wish.account, wish.conversation)
            else:
                self._tell(mark)

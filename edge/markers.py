"""How far accounts have read: gathered, written at most once a second each, and told when it is stored.

`Coalescer` is pure: wishes and the time in, what is due out. `Markers` gives it the database and somebody to tell.
Nothing is told before it is committed; what the database does not take is forgotten, since clients ask again.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import structlog

from broker.node.tasks import Tasks
from broker.wire.payloads import Id
from edge.problems import Problem
from storage.errors import NotFound, StorageError, Unavailable
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
        key = _key(wish)
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
    """`write` stores marks and returns them as they are then; `tell` hears each, `stranger` of who is no member.

    One write runs at a time; what comes meanwhile is in the next.
    """

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
        self._waiting: dict[Key, list[asyncio.Future[Mark]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._storing = False
        self.writes = 0

    def wish(self, account: Id, conversation: Id, *, read: int = 0, delivered: int = 0) -> bool:
        """A client's marker: stored soon, and told then. No answer means that it was not: the client asks again.

        False when too many wait.
        """
        taken = self._coalescer.add(Mark(account, conversation, read, delivered), time.monotonic())
        self._schedule()
        return taken

    async def stored(self, account: Id, conversation: Id, *, read: int) -> Mark:
        """The same, and wait for it; the marker as it is then.

        Raises `NotFound` for who is not a member, `Unavailable`, `Problem` (overloaded).
        """
        if not self.wish(account, conversation, read=read):
            raise Problem("overloaded", retry_after=1.0)
        stored: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((conversation, account), []).append(stored)
        return await stored

    def _schedule(self) -> None:
        """Wake when the first wish is due: a new one may be due before those that wait for their second."""
        wake = self._coalescer.wake()
        if wake is None or self._storing or (self._timer is not None and self._wakes_at <= wake):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = wake
        self._timer = asyncio.get_running_loop().call_later(max(0.0, wake - time.monotonic()), self._flush)

    def _flush(self) -> None:
        self._timer = None
        if wishes := self._coalescer.due(time.monotonic()):
            self._storing = True
            waiting = {key: self._waiting.pop(key, ()) for key in map(_key, wishes)}
            self._tasks.spawn(self._store(wishes, waiting))
        else:
            self._schedule()

    async def _store(self, wishes: list[Mark], waiting: Mapping[Key, Sequence[asyncio.Future[Mark]]]) -> None:
        self.writes += 1
        try:
            stored = {_key(mark): mark for mark in await self._write(wishes)}
        except StorageError as error:
            log.warning("markers.lost", markers=len(wishes), error=str(error))
        else:
            for wish in wishes:
                self._answer(wish, stored.get(_key(wish)), waiting[_key(wish)])
        finally:
            for futures in waiting.values():
                for future in futures:
                    if not future.done():
                        future.set_exception(Unavailable())
            self._storing = False
            self._schedule()

    def _answer(self, wish: Mark, mark: Mark | None, waiting: Sequence[asyncio.Future[Mark]]) -> None:
        if mark is None:
            self._stranger(wish.account, wish.conversation)
        else:
            self._tell(mark)
        for future in waiting:
            if future.done():
                continue  # whoever asked hung up
            if mark is None:
                future.set_exception(NotFound("conversation"))
            else:
                future.set_result(mark)


def _key(mark: Mark) -> Key:
    return mark.conversation, mark.account

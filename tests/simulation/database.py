"""A process's way to the simulated database: `storage`'s own functions, over the model of the log.

A statement takes time, waits for locks, and may be answered or not: what was sent to PostgreSQL is carried out whether
or not the process that sent it lives to hear of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storage import conversations, feed, log, markers
from storage.errors import Busy, Unavailable
from storage.log import Id, NewEvent, Stored
from tests.simulation.log_model import LogModel
from tests.simulation.world import Process, World

EPOCH = "1"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LOCK_SECONDS = 0.5
"""How long an append waits for a lock (STORAGE_APPEND_LOCK_SECONDS)."""

ANSWERED_EARLY_SECONDS = 0.2
"""How long before the commit, where that bug is planted."""


class Server:
    """PostgreSQL: one log, transactions that overlap, row locks. `away`: it takes no statement.

    `answers_first` and `feed_by_newest` are for `bugs`: an answer before the commit, a feed that skips what overlaps.
    """

    answers_first = False
    feed_by_newest = False

    def __init__(self, world: World) -> None:
        self.world = world
        self.log = LogModel()
        self.away = False
        self.mute = 0.0
        """How often an append is carried out and its answer lost with the connection."""
        self.slow = 1.0
        self.held: set[Id] = set()
        """Rows that somebody else holds."""
        self.locked: set[Id] = set()
        self.swallowed = 0
        self._xid = 1
        self._running: set[int] = set()
        self._waiting: list[tuple[Sequence[NewEvent], Callable[[Any], None], float]] = []

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.world.now)

    def pause(self) -> float:
        """How long something takes."""
        return self.world.random.uniform(0.0002, 0.003) * self.slow

    @property
    def xmin(self) -> int:
        """Every transaction below it has ended."""
        if self.feed_by_newest:
            return self._xid
        return min(self._running, default=self._xid)

    def begin(self, commands: Sequence[NewEvent], answer: Callable[[Any], None], since: float) -> None:
        """An append arrives: it takes its locks, or waits for them."""
        if self.away:
            answer(Unavailable("away"))
            return
        wanted = {command.conversation for command in commands}
        if wanted & (self.locked | self.held):
            if self.world.now - since > LOCK_SECONDS:
                answer(Busy("locked"))
            else:
                self.world.after(0.005, self.begin, commands, answer, since)
            return
        self.locked |= wanted
        xid, self._xid = self._xid, self._xid + 1
        self._running.add(xid)
        takes = self.pause()
        if self.answers_first:
            self._answer_first(commands, answer)
            answer = _nobody
            takes += ANSWERED_EARLY_SECONDS
        self.world.after(takes, self._commit, commands, wanted, xid, answer)

    def _answer_first(self, commands: Sequence[NewEvent], answer: Callable[[Any], None]) -> None:
        """Say what the commit would bring, without one."""
        answer(copy.deepcopy(self.log).append(commands, self.now(), 0))

    def _commit(self, commands: Sequence[NewEvent], wanted: set[Id], xid: int, answer: Callable[[Any], None]) -> None:
        self.locked -= wanted
        self._running.discard(xid)
        if self.away:
            answer(Unavailable("it went away before the commit"))
            return
        stored = self.log.append(commands, self.now(), xid)
        if self.mute and self.world.random.random() < self.mute:
            self.swallowed += 1
            answer(Unavailable("the answer was lost"))
        else:
            answer(stored)


class SimulatedDatabase:
    """What a process has in the place of `storage.pool.Database`."""

    def __init__(self, server: Server, process: Process) -> None:
        self.epoch = EPOCH
        self.on_epoch_change: list[Callable[[str], None]] = []
        self._server = server
        self._process = process

    async def fetch(self, statement: str, params: Mapping[str, Any], *, again: bool = True) -> list[tuple[Any, ...]]:
        """As `Database.fetch`, for the statements below. Raises `Unavailable`."""
        answer = ANSWERS[statement]
        rows: list[tuple[Any, ...]] = await self._ask(lambda: answer(self._server, **params))
        return rows

    async def append(self, commands: Sequence[NewEvent]) -> list[Stored]:
        """As `storage.log.append`."""
        log._check_order(commands)
        future = self._process.create_future()
        world, server = self._server.world, self._server

        def answer(what: Any) -> None:
            world.after(server.pause(), self._resolve, future, what)

        world.after(server.pause(), server.begin, commands, answer, world.now)
        stored: list[Stored] = await future
        return stored

    async def busy(self, conversations: Collection[Id]) -> set[Id]:
        """As `storage.log.busy`."""
        found: set[Id] = await self._ask(
            lambda: {one for one in conversations if one in self._server.held or one in self._server.locked}
        )
        return found

    async def _ask(self, read: Callable[[], Any]) -> Any:
        future = self._process.create_future()
        world, server = self._server.world, self._server

        def answer() -> None:
            what = Unavailable("away") if server.away else read()
            world.after(server.pause(), self._resolve, future, what)

        world.after(server.pause(), answer)
        return await future

    def _resolve(self, future: Any, what: Any) -> None:
        self._process.call_soon(_settle, future, what)


def _nobody(what: Any) -> None:
    """Whom an answer is for that was given already."""


def _settle(future: Any, what: Any) -> None:
    if not future.done():
        if isinstance(what, Exception):
            future.set_exception(what)
        else:
            future.set_result(what)


def _listed(array: str) -> list[Id]:
    return array.strip("{}").split(",") if array != "{}" else []


ANSWERS: dict[str, Callable[..., Any]] = {
    log.SQL["heads_for"]: lambda server, account, conversations: server.log.heads_for(account, _listed(conversations)),
    log.SQL["heads"]: lambda server, conversations: server.log.heads(_listed(conversations)),
    log.SQL["stretches"]: lambda server, conversations, after, upto, limit: server.log.stretches(
        _listed(conversations), after, upto, limit
    ),
    log.SQL["between"]: lambda server, **asked: server.log.between(**asked),
    log.SQL["after"]: lambda server, **asked: server.log.after(**asked),
    log.SQL["before"]: lambda server, **asked: server.log.before(**asked),
    conversations.SQL["summaries"]: lambda server, **asked: server.log.summaries(**asked),
    conversations.SQL["audience"]: lambda server, **asked: server.log.audience(**asked),
    feed.SQL["start"]: lambda server, back: server.log.start(
        server.now() - timedelta(seconds=back) if back else None, server.xmin
    ),
    feed.SQL["follow"]: lambda server, since: server.log.follow(int(since), server.xmin),
    feed.SQL["prune"]: lambda server, **asked: [],
    markers.SQL["mark"]: lambda server, **asked: server.log.mark(**asked),
}
"""By statement: the rows that the model has for it."""

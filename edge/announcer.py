"""Tells every fanout worker which accounts are connected here. Pure: inputs and a time in, payloads out.

Each worker is told by a numbered series of its own: first a snapshot, then deltas. A worker that missed a number
asks for a snapshot; one that does not confirm within a second gets one unasked; and a series that pauses goes on with
an empty delta every few seconds, so that whatever got lost shows by its number. No number is ever used twice for a
worker, also when it went and came back: what was overtaken can be told from what is new. What changes within one loop
turn leaves as one delta. `hello` waits until the account's announcement is confirmed, so that every event committed
after the log was read reaches the new session live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.wire.payloads import Audience, Id

CHUNK_ACCOUNTS = 5_000
RESEND_SECONDS = 1.0
PAUSE_SECONDS = 5.0


class Announce(NamedTuple):
    """Send this to that fanout worker."""

    node: str
    audience: Audience


@dataclass(slots=True)
class _Worker:
    sent: int
    confirmed: int
    sent_at: float = 0.0
    unconfirmed_since: float | None = None
    waiting: list[tuple[int, Callable[[], None]]] = field(default_factory=list)


class Announcer:
    """`accounts` is the live set of connected accounts, owned by the caller."""

    def __init__(self, accounts: Callable[[], Iterable[Id]]) -> None:
        self._accounts = accounts
        self._workers: dict[str, _Worker] = {}
        self._highest = 0
        self._add: set[Id] = set()
        self._remove: set[Id] = set()

    def arrived(self, account: Id) -> None:
        """The first session of `account` is here."""
        self._remove.discard(account)
        self._add.add(account)

    def left(self, account: Id) -> None:
        """The last session of `account` is gone."""
        self._add.discard(account)
        self._remove.add(account)

    @property
    def dirty(self) -> bool:
        return bool(self._add or self._remove)

    def flush(self, now: float) -> list[Announce]:
        """What changed since the last flush, to every worker."""
        if not self.dirty:
            return []
        add, remove = tuple(self._add), tuple(self._remove)
        self._add.clear()
        self._remove.clear()
        return [self._next(node, worker, now, add=add, remove=remove) for node, worker in self._workers.items()]

    def workers(self, nodes: Iterable[str], now: float) -> list[Announce]:
        """The fanout workers that are alive: new ones get a snapshot, waits on those that left are over."""
        alive = set(nodes)
        for gone in self._workers.keys() - alive:
            for _, done in self._workers.pop(gone).waiting:
                done()
        announcements = []
        for node in sorted(alive - self._workers.keys()):
            self._workers[node] = _Worker(self._highest, self._highest)
            announcements += self.snapshot(node, now)
        return announcements

    def snapshot(self, node: str, now: float) -> list[Announce]:
        """Everything anew for one worker, in parts that fit a frame."""
        worker = self._workers.get(node)
        if worker is None:
            return []
        accounts = sorted({*self._accounts(), *self._add} - self._remove)
        worker.unconfirmed_since = None
        parts = []
        for at in range(0, max(1, len(accounts)), CHUNK_ACCOUNTS):
            part = tuple(accounts[at : at + CHUNK_ACCOUNTS])
            more = at + CHUNK_ACCOUNTS < len(accounts)
            parts.append(self._next(node, worker, now, snapshot=at == 0, add=part, more=more))
        return parts

    def _next(
        self,
        node: str,
        worker: _Worker,
        now: float,
        *,
        snapshot: bool = False,
        add: tuple[Id, ...] = (),
        remove: tuple[Id, ...] = (),
        more: bool = False,
    ) -> Announce:
        worker.sent += 1
        worker.sent_at = now
        self._highest = max(self._highest, worker.sent)
        if worker.unconfirmed_since is None:
            worker.unconfirmed_since = now
        return Announce(node, Audience(worker.sent, snapshot, add, remove, more))

    def seen(self, node: str, number: int, now: float) -> None:
        """A worker confirmed everything up to `number`."""
        worker = self._workers.get(node)
        if worker is None or number > worker.sent:
            return
        if number > worker.confirmed:
            worker.confirmed = number
            worker.unconfirmed_since = now
        if worker.confirmed == worker.sent:
            worker.unconfirmed_since = None
        if worker.waiting:
            still = []
            for awaited, done in worker.waiting:
                if awaited <= worker.confirmed:
                    done()
                else:
                    still.append((awaited, done))
            worker.waiting = still

    def late(self, now: float) -> list[Announce]:
        """Asked every second: snapshots for the workers that do not confirm, a word to those that heard none lately."""
        announcements = []
        for node, worker in self._workers.items():
            if worker.unconfirmed_since is not None and now - worker.unconfirmed_since >= RESEND_SECONDS:
                announcements += self.snapshot(node, now)
            elif now - worker.sent_at >= PAUSE_SECONDS:
                announcements.append(self._next(node, worker, now))
        return announcements

    def when_confirmed(self, done: Callable[[], None]) -> int:
        """Call `done` once for each worker when it has confirmed all that was flushed so far; how many it will be."""
        awaited = 0
        for worker in self._workers.values():
            if worker.confirmed < worker.sent:
                worker.waiting.append((worker.sent, done))
                awaited += 1
        return awaited

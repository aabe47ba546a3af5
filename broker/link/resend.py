"""Lanes: in which order commands leave an edge, when they are sent again, and when they are given up. Pure.

A lane is one connection and one conversation. It has at most one batch in flight; what comes later waits in order
behind it. A batch is repeated under the same ids, without what is answered, until all of it is: on `undeliverable`,
when the way it took is lost, and once after 3 s without a word (that kind within 10 % of all sends, so that a slow
database is not drowned in copies). After 10 s it is given up, which means *unknown*, and so is all that waits behind
it. A copy lives 5 s at most, and none is sent of a command that is older than 5 s, be it the first or another: so every
copy is dead when its command is given up, and what is sent later cannot be overtaken.

What an attempt's silence allows (promise 3 of docs/architecture.md): while any copy may still be stored, only
"stored" and "unknown" may be said. So each attempt is counted until it is answered, or reported undelivered. What was
refused while an earlier copy is lost is not sent again, for that would only make the wait longer: it ends, unknown, as
soon as no copy can be alive, and what its client sends then is refused at once.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

BATCH_ITEMS = 100
BATCH_COST = 256 * 1024
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.8
SHARE_AT_START = 10.0
SHARE_AT_MOST = 1000.0


class Transmit(NamedTuple):
    """Send these items as one frame under `tag`; then call `sent` with its way, or `undeliverable`."""

    tag: int
    lane: Hashable
    items: tuple[Any, ...]
    attempt: int


class GaveUp(NamedTuple):
    """It is unknown whether these are stored: answer `unavailable`."""

    refs: tuple[int, ...]


class Refused(NamedTuple):
    """This was not sent, or certainly did not arrive: answer `code`."""

    ref: int
    code: str
    retry_after: float


Effect: TypeAlias = Transmit | GaveUp | Refused


@dataclass(slots=True)
class _Item(Generic[T]):
    ref: int
    item: T
    cost: int
    since: float
    refusals: int = 0
    answered: bool = False


@dataclass(slots=True)
class _Batch(Generic[T]):
    """`since`: when its oldest command came; `first`, `last`: when it was sent; `dead`: attempts that reached nobody.

    `hopeless`: it can be sent no more, and one of its copies failed: it ends as soon as no copy can be alive.
    """

    items: list[_Item[T]]
    since: float
    first: float
    last: float
    attempts: int = 0
    dead: int = 0
    repeated: bool = False
    hopeless: bool = False
    retry_at: float | None = None
    pause: float = FIRST_PAUSE
    ways: dict[int, Any] = field(default_factory=dict)
    tags: list[int] = field(default_factory=list)

    def open(self) -> Iterator[_Item[T]]:
        return (item for item in self.items if not item.answered)

    @property
    def refused(self) -> bool:
        """Was all that is open refused by some copy, and only waits for the others to die?"""
        return all(item.refusals for item in self.open())


@dataclass(slots=True)
class _Lane(Generic[T]):
    batch: _Batch[T] | None = None
    waiting: deque[_Item[T]] = field(default_factory=deque)


class Lanes(Generic[T]):
    """`limit_cost` bounds everything unanswered, `limit_per_lane` what waits in one lane; times are in seconds."""

    def __init__(
        self,
        *,
        limit_cost: int = 16 * 1024 * 1024,
        limit_per_lane: int = 256,
        repeat_after: float = 3.0,
        command_ttl: float = 5.0,
        give_up: float = 10.0,
        resend_share: float = 0.1,
        retry_after: float = 1.0,
    ) -> None:
        self.command_ttl = command_ttl
        self.resends = 0
        self._limit_cost = limit_cost
        self._limit_per_lane = limit_per_lane
        self._repeat_after = repeat_after
        self._give_up = give_up
        self._last_send = give_up - command_ttl
        self._resend_share = resend_share
        self._retry_after = retry_after
        self._lanes: dict[Hashable, _Lane[T]] = {}
        self._by_ref: dict[int, tuple[Hashable, _Item[T]]] = {}
        self._by_tag: dict[int, Hashable] = {}
        self._tags = itertools.count(1)
        self._share = SHARE_AT_START
        self.cost = 0

    def submit(self, lane: Hashable, ref: int, item: T, cost: int, now: float) -> list[Effect]:
        """Take a command; it leaves at once when its lane is free."""
        state = self._lanes.get(lane)
        waiting = 0 if state is None else len(state.waiting)
        if self.cost + cost > self._limit_cost or waiting >= self._limit_per_lane:
            return [Refused(ref, "overloaded", self._retry_after)]
        if state is None:
            state = self._lanes[lane] = _Lane()
        self.cost += cost
        state.waiting.append(_Item(ref, item, cost, now))
        return self._next(lane, state, now) if state.batch is None else []

    def sent(self, tag: int, way: Any) -> None:
        """The frame `tag` left by `way`."""
        batch = self._batch(tag)
        if batch is not None:
            batch.ways[tag] = way

    def answered(self, ref: int, code: str, now: float) -> list[Effect] | None:
        """Persistence answered one copy of a command: the effects if this is its outcome, None if it is not (yet).

        It is none when the command is not waited for any more; when it is `unavailable`, which is tried again as long
        as that may be, and said when no copy can be alive; and when it is a refusal while another copy may be stored.
        """
        known = self._by_ref.get(ref)
        if known is None:
            return None
        lane, item = known
        state = self._lanes[lane]
        batch = state.batch
        assert batch is not None
        if code == "unavailable":
            if now - batch.since < self._last_send:
                self._retry_later(batch, now)
            else:
                batch.hopeless = True
            return None
        if code:
            item.refusals += 1
            if item.refusals + batch.dead < batch.attempts:
                return None
        self._forget(item)
        return self._go_on(lane, state, now)

    def undeliverable(self, tag: int, reason: str, now: float) -> list[Effect]:
        """The copy `tag` certainly reached nobody (`reason`: full, no_peer, gone, expired)."""
        lane = self._by_tag.pop(tag, None)
        if lane is None or (batch := self._lanes[lane].batch) is None:
            return []
        state = self._lanes[lane]
        batch.ways.pop(tag, None)
        batch.tags.remove(tag)
        batch.dead += 1
        if reason == "full" and batch.dead == batch.attempts:
            refused: list[Effect] = []
            for item in list(batch.open()):
                refused.append(Refused(item.ref, "overloaded", self._retry_after))
                self._forget(item)
            return refused + self._go_on(lane, state, now)
        if now - batch.since < self._last_send:
            self._retry_later(batch, now)
            return []
        return self._abandon(lane, state) if batch.dead == batch.attempts else []

    def lost_way(self, lost: Callable[[Any], bool], now: float) -> list[Effect]:
        """Processes are suspected or gone: what went by them and has no answer goes again."""
        effects: list[Effect] = []
        for lane, state in self._lanes.items():
            batch = state.batch
            if batch is None or now - batch.since >= self._last_send:
                continue
            astray = [tag for tag, way in batch.ways.items() if lost(way)]
            if astray:
                for tag in astray:
                    del batch.ways[tag]
                if not batch.ways and not batch.refused:
                    effects.append(self._transmit(lane, batch, now))
        return effects

    def tick(self, now: float) -> list[Effect]:
        """What time alone brings: pauses that are over, the one repetition, and giving up."""
        effects: list[Effect] = []
        for lane, state in list(self._lanes.items()):
            batch = state.batch
            if batch is None:
                continue
            age = now - batch.since
            if age >= self._last_send:
                batch.retry_at = None
                silent = (batch.hopeless or batch.refused) and now - batch.last >= self.command_ttl
                if age >= self._give_up or silent or batch.dead == batch.attempts:
                    effects += self._abandon(lane, state)
                    continue
            elif batch.retry_at is not None and batch.retry_at <= now:
                effects.append(self._transmit(lane, batch, now))
            elif self._is_due(batch, now):
                batch.repeated = True
                self._share -= 1.0
                effects.append(self._transmit(lane, batch, now))
            effects += self._tired(state, now)
        return effects

    def _is_due(self, batch: _Batch[T], now: float) -> bool:
        """Is it time for the one repetition? Not of what was refused: that waits for the end of an earlier copy."""
        silent = now - batch.first >= self._repeat_after and not batch.refused
        return silent and not batch.repeated and self._share >= 1.0

    def _tired(self, state: _Lane[T], now: float) -> list[Effect]:
        """When what waits has become too old to be sent, it ends, and what waits behind it."""
        if not state.waiting or now - state.waiting[0].since < self._last_send:
            return []
        refs = tuple(item.ref for item in state.waiting)
        for item in state.waiting:
            self._forget(item)
        state.waiting.clear()
        return [GaveUp(refs)]

    # ------------------------------------------------------------------------

    def _batch(self, tag: int) -> _Batch[T] | None:
        lane = self._by_tag.get(tag)
        return None if lane is None else self._lanes[lane].batch

    def _retry_later(self, batch: _Batch[T], now: float) -> None:
        if batch.retry_at is None:
            batch.retry_at = now + batch.pause
            batch.pause = min(batch.pause * 2, LONGEST_PAUSE)

    def _next(self, lane: Hashable, state: _Lane[T], now: float) -> list[Effect]:
        effects = self._tired(state, now)
        items: list[_Item[T]] = []
        cost = 0
        while state.waiting and len(items) < BATCH_ITEMS and (not items or cost + state.waiting[0].cost <= BATCH_COST):
            item = state.waiting.popleft()
            cost += item.cost
            items.append(item)
            self._by_ref[item.ref] = (lane, item)
        if not items:
            del self._lanes[lane]
            return effects
        state.batch = _Batch(items, items[0].since, now, now)
        self._share = min(SHARE_AT_MOST, self._share + self._resend_share)
        return [*effects, self._transmit(lane, state.batch, now)]

    def _transmit(self, lane: Hashable, batch: _Batch[T], now: float) -> Transmit:
        tag = next(self._tags)
        self._by_tag[tag] = lane
        batch.tags.append(tag)
        batch.attempts += 1
        batch.last = now
        batch.retry_at = None
        if batch.attempts > 1:
            self.resends += 1
        # What is answered is left out: a command that was refused for good must not meet a log that would take it now.
        return Transmit(tag, lane, tuple(item.item for item in batch.open()), batch.attempts)

    def _forget(self, item: _Item[T]) -> None:
        item.answered = True
        self.cost -= item.cost
        self._by_ref.pop(item.ref, None)

    def _go_on(self, lane: Hashable, state: _Lane[T], now: float) -> list[Effect]:
        """If the batch is answered, what waited behind it leaves."""
        batch = state.batch
        assert batch is not None
        if any(batch.open()):
            return []
        self._end(state, batch)
        return self._next(lane, state, now)

    def _end(self, state: _Lane[T], batch: _Batch[T]) -> None:
        for tag in batch.tags:
            self._by_tag.pop(tag, None)
        state.batch = None

    def _abandon(self, lane: Hashable, state: _Lane[T]) -> list[Effect]:
        """The batch ends unknown, and what waits behind it ends so too, unsent."""
        batch = state.batch
        assert batch is not None
        ended = [*batch.open(), *state.waiting]
        for item in ended:
            self._forget(item)
        self._end(state, batch)
        del self._lanes[lane]
        return [GaveUp(tuple(item.ref for item in ended))]

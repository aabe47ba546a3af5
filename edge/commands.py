"""The one write path: commands of sockets and of HTTP alike go to persistence in lanes, and their outcomes come back.

The lanes (`broker.link.resend`) decide what is sent, sent again and given up; this gives them time, the link, and
somebody to answer. A command that the lanes gave up is `unavailable`: it is unknown whether it was stored.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from uuid import uuid4

from broker.link.client import Link, LinkDown, LinkFull, RosterChange
from broker.link.resend import Effect, GaveUp, Lanes, Refused, Transmit
from broker.node.histogram import Histogram
from broker.wire import payloads
from broker.wire.payloads import Act, Command, Edit, Id, Message, Outcome

TICK_SECONDS = 0.1
COMMAND_COST = 256

Answer = Callable[[Outcome], None]


class Commands:
    """`enqueue` for callers with a callback, `submit` for those who await. Each command is answered exactly once."""

    def __init__(self, lanes: Lanes[Command]) -> None:
        self.lanes = lanes
        self._refs = itertools.count(1)
        self._waiting: dict[int, tuple[Answer, float]] = {}
        self._link: Link | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self.outcomes_by_code: Counter[str] = Counter()
        self.seconds = Histogram()

    def attach(self, link: Link) -> None:
        """The link by which commands leave; before there is one, everything waits for the next tick."""
        self._link = link

    @property
    def pending(self) -> int:
        """Commands without an answer yet."""
        return len(self._waiting)

    def oldest(self, now: float) -> float:
        """How old the oldest of them is, in seconds; 0 if there is none."""
        oldest = next(iter(self._waiting.values()), None)
        return now - oldest[1] if oldest is not None else 0.0

    def enqueue(self, lane: Hashable, conversation: Id, actor: Id, id: Id, act: Act, answer: Answer) -> None:
        """Send a command behind those of its lane; `answer` is called with its outcome, 10 s from now at the latest.

        A lane belongs to one conversation: the caller makes the conversation part of its name.
        """
        ref = next(self._refs)
        now = time.monotonic()
        self._waiting[ref] = answer, now
        cost = COMMAND_COST + (len(act.body) if isinstance(act, Message | Edit) else 0)
        command = Command(ref, conversation, actor, id, act)
        self._do(self.lanes.submit((lane, conversation), ref, command, cost, now))
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    async def submit(self, conversation: Id, actor: Id, id: Id, act: Act, lane: Hashable | None = None) -> Outcome:
        """What became of the command. Refusals are outcomes, never raised; `unavailable` after 10 s at most."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def answer(came: Outcome) -> None:
            if not outcome.done():
                outcome.set_result(came)

        self.enqueue(lane if lane is not None else uuid4(), conversation, actor, id, act, answer)
        return await outcome

    # What comes back --------------------------------------------------------

    def outcomes(self, items: Iterable[Outcome]) -> None:
        """Persistence answered."""
        now = time.monotonic()
        for outcome in items:
            effects = self.lanes.answered(outcome.ref, outcome.code, now)
            if effects is None:
                continue
            self._answer(outcome)
            self._do(effects)

    def undeliverable(self, tag: int, reason: str) -> None:
        """A broker could not pass a batch on."""
        self._do(self.lanes.undeliverable(tag, reason, time.monotonic()))

    def roster_changed(self, change: RosterChange) -> None:
        """What was sent, or may have been answered, by way of a process that is suspected or gone is sent again."""
        lost = change.suspected | change.gone
        if lost:
            deaf = self._link is not None and self._link.heard_by(lost)
            now = time.monotonic()
            self._do(self.lanes.lost_way(lambda way: deaf or way.broker in lost or way.node in lost, now))

    def _tick(self) -> None:
        self._ticking = None
        self._do(self.lanes.tick(time.monotonic()))
        if self._waiting:
            self._ticking = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    # Effects ----------------------------------------------------------------

    def _do(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit):
                self._transmit(effect)
            elif isinstance(effect, Refused):
                self._answer(Outcome(effect.ref, effect.code, retry_after=effect.retry_after))
            else:
                self._give_up(effect)

    def _transmit(self, batch: Transmit) -> None:
        now = time.monotonic()
        if self._link is None:
            self._do(self.lanes.undeliverable(batch.tag, "no_peer", now))
            return
        payload = payloads.encode(payloads.Commands(tuple(batch.items)))
        key = batch.items[0].conversation
        try:
            way = self._link.send("persistence", key, payload, tag=batch.tag, ttl=self.lanes.command_ttl)
        except LinkFull:
            self._do(self.lanes.undeliverable(batch.tag, "full", now))
        except LinkDown:
            self._do(self.lanes.undeliverable(batch.tag, "no_peer", now))
        else:
            self.lanes.sent(batch.tag, way)

    def _give_up(self, effect: GaveUp) -> None:
        for ref in effect.refs:
            self._answer(Outcome(ref, "unavailable", retry_after=1.0))

    def _answer(self, outcome: Outcome) -> None:
        waiting = self._waiting.pop(outcome.ref, None)
        if waiting is not None:
            answer, since = waiting
            self.outcomes_by_code[outcome.code or ("replayed" if outcome.replayed else "stored")] += 1
            self.seconds.observe(time.monotonic() - since)
            answer(outcome)

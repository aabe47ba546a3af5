"""Bugs to plant: what the promises rest on, taken out. Each must be found, or the simulation proves nothing.

A bug is what is put where: (class or module, attribute, value) as long as it is planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
from uuid import uuid4

from bench.fold import Event, Fold
from bench.outbox import Outbox
from broker.link.resend import Effect, Lanes, Transmit
from broker.wire.payloads import Id, Logged
from edge.socket.gateway import Gateway
from edge.socket.hub import Hub
from edge.socket.replay import Replay
from edge.socket.session import Session
from tests.simulation.database import Server
from tests.simulation.log_model import LogModel
from workers.fanout.audience import Audiences
from workers.fanout.conversations import Conversation, Conversations, Forward
from workers.fanout.service import Fanout

Plant: TypeAlias = tuple[Any, str, Any]

BUGS: dict[str, Callable[[], Sequence[Plant]]] = {}


def bug(plants: Callable[[], Sequence[Plant]]) -> Callable[[], Sequence[Plant]]:
    """Register a bug under its function's name, in words."""
    BUGS[plants.__name__.replace("_", " ")] = plants
    return plants


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Within it the bug is there."""
    plants = BUGS[name]()
    kept = [(where, what, where.__dict__[what]) for where, what, _ in plants]
    for where, what, value in plants:
        setattr(where, what, value)
    try:
        yield
    finally:
        for where, what, value in kept:
            setattr(where, what, value)


# The log ------------------------------------------------------------------


@bug
def acknowledged_before_the_commit() -> Sequence[Plant]:
    return [(Server, "answers_first", True)]


@bug
def ids_forgotten() -> Sequence[Plant]:
    return [(LogModel, "forgets_ids", True)]


@bug
def rights_before_ids() -> Sequence[Plant]:
    return [(LogModel, "judges_first", True)]


@bug
def membership_not_checked_on_replay() -> Sequence[Plant]:
    return [(LogModel, "lets_anybody_read", True)]


# The way in ---------------------------------------------------------------


@bug
def lanes_wait_for_no_answer() -> Sequence[Plant]:
    """What comes next leaves at once, in a batch of its own."""
    submit = Lanes.submit

    def hasty(self: Lanes[Any], lane: Any, ref: int, item: Any, cost: int, now: float) -> list[Effect]:
        return submit(self, (lane, ref), ref, item, cost, now)

    return [(Lanes, "submit", hasty)]


@bug
def a_resend_leaves_out_the_first_of_a_batch() -> Sequence[Plant]:
    """The others overtake it."""
    transmit = Lanes._transmit

    def hasty(self: Lanes[Any], lane: Any, batch: Any, now: float) -> Transmit:
        told = transmit(self, lane, batch, now)
        return told._replace(items=told.items[1:] or told.items) if told.attempt > 1 else told

    return [(Lanes, "_transmit", hasty)]


@bug
def resent_under_a_new_id() -> Sequence[Plant]:
    disconnected = Outbox.disconnected

    def forgetful(self: Outbox) -> None:
        for entry in list(self):
            if entry.sent_at is not None:
                del self._entries[entry.id]
                entry.id = str(uuid4())
                entry.frame = {**entry.frame, "id": entry.id}
                self._entries[entry.id] = entry
        disconnected(self)

    return [(Outbox, "disconnected", forgetful)]


# The way out --------------------------------------------------------------


@bug
def gaps_of_the_edge_not_repaired() -> Sequence[Plant]:
    return [(Hub, "repairs", lambda self, now: [])]


@bug
def caught_up_over_a_gap() -> Sequence[Plant]:
    def take_over(self: Replay, session: Session, conversation: Id, cursor: int, head: int, *, caught_up: bool) -> bool:
        session.seen.pop(conversation, None)
        if caught_up:
            session.say({"type": "caught_up", "conversation": conversation, "seq": cursor, "head": head})
        return True

    return [(Replay, "take_over", take_over)]


@bug
def fanout_does_not_follow_the_feed() -> Sequence[Plant]:
    async def follow(self: Fanout, since: int | None) -> int | None:
        return since

    return [(Fanout, "_follow", follow)]


@bug
def fanout_tells_no_heads() -> Sequence[Plant]:
    return [(Fanout, "_tell_heads", lambda self: None), (Gateway, "compare", lambda self: None)]


@bug
def fanout_keeps_the_members_it_met_first() -> Sequence[Plant]:
    def membership(conversation: Id, state: Conversation, event: Logged) -> Forward:
        return Forward(conversation, state.members, None, (event,))

    return [(Conversations, "_membership", staticmethod(membership))]


@bug
def a_missed_announcement_goes_unnoticed() -> Sequence[Plant]:
    told = Audiences.told

    def trusting(self: Audiences, edge: str, audience: Any) -> Any:
        if not audience.snapshot and edge in self._accounts:
            self._heard[edge] = audience.number - 1
        return told(self, edge, audience)

    return [(Audiences, "told", trusting)]


@bug
def the_client_skips_gaps() -> Sequence[Plant]:
    apply = Fold.apply

    def careless(self: Fold, event: Event, account: Id | None = None) -> list[Event]:
        if not self.stale and self.base is not None and event["seq"] > self.cursor:
            self.cursor = event["seq"] - 1
        return apply(self, event, account)

    return [(Fold, "apply", careless)]

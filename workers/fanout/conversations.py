"""What a fanout worker knows of each conversation, and what it does with events and heads. Pure: no SQL, no clock.

```
(unknown) ──event or head──▶ LOADING ──loaded──▶ LIVE ──a seq beyond the next──▶ FILLING ──filled──▶ LIVE
```
At or below its head it drops, the next it forwards, beyond that it asks for the log and goes on behind what it gets.
Membership follows the log's own events; a list that was loaded as of seq N already holds every membership event up
to N, and those are not applied twice (a join that was since undone would bring a removed member back).
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from broker.wire.payloads import Id, Logged

HELD_EVENTS = 10_000
FILL_EVENTS = 500


class Load(NamedTuple):
    """Read head and members of the conversation, and answer with `loaded` or `failed`."""

    conversation: Id


class Fill(NamedTuple):
    """Read the log in (after, upto], and answer with `filled` or `failed`."""

    conversation: Id
    after: int
    upto: int


class Forward(NamedTuple):
    """Send these events, in order, to these members (all of one membership), and to the one who just left."""

    conversation: Id
    members: frozenset[Id]
    left: Id | None
    events: Sequence[Logged]


Effect: TypeAlias = Load | Fill | Forward


class Phase(enum.Enum):
    LOADING = "loading"
    LIVE = "live"
    FILLING = "filling"


@dataclass(slots=True)
class Conversation:
    """`head`: the last seq forwarded; `members_as_of`: the seq up to which `members` is true at least."""

    phase: Phase = Phase.LOADING
    head: int = 0
    members: frozenset[Id] = frozenset()
    members_as_of: int = 0
    wanted: int = 0
    held: dict[int, Logged] = field(default_factory=dict)


class Conversations:
    """The conversations of one worker, at most `limit`; the one longest untouched is forgotten first."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._known: OrderedDict[Id, Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, conversation: Id) -> Conversation | None:
        return self._known.get(conversation)

    def keep(self, owned: Iterable[Id]) -> None:
        """Forget all but these: another worker has the others now, and what is known of them will be old."""
        kept = set(owned)
        for conversation in [id for id in self._known if id not in kept]:
            del self._known[conversation]

    def ids(self) -> list[Id]:
        return list(self._known)

    def clear(self) -> None:
        """The database is another one: nothing known counts."""
        self._known.clear()

    def appended(self, conversation: Id, events: Sequence[Logged]) -> list[Effect]:
        """Events from persistence."""
        state = self._known.get(conversation)
        if state is None:
            state = self._new(conversation)
            self._hold(state, events)
            return [Load(conversation)]
        self._known.move_to_end(conversation)
        if state.phase is not Phase.LIVE:
            self._hold(state, events)
            return []
        return self._advance(conversation, state, events)

    def headed(self, conversation: Id, head: int) -> list[Effect]:
        """The log reaches `head`, as the feed or a replayed id tells."""
        state = self._known.get(conversation)
        if state is None:
            state = self._new(conversation)
            state.wanted = head
            return [Load(conversation)]
        state.wanted = max(state.wanted, head)
        return self._advance(conversation, state, ()) if state.phase is Phase.LIVE else []

    def _new(self, conversation: Id) -> Conversation:
        if len(self._known) >= self._limit:
            self._known.popitem(last=False)
        state = self._known[conversation] = Conversation()
        return state

    @staticmethod
    def _hold(state: Conversation, events: Sequence[Logged]) -> None:
        for event in events:
            state.wanted = max(state.wanted, event.seq)
            if len(state.held) < HELD_EVENTS:
                state.held[event.seq] = event

    def loaded(self, conversation: Id, head: int, members: frozenset[Id]) -> list[Effect]:
        """Head and members, as one statement read them. Of what came before the held events, edges learn by heads.

        An answer to an older question may end before what is held: what lies between is filled, since members are
        true only if every event behind `head` is looked at.
        """
        state = self._known.get(conversation)
        if state is None or state.phase is not Phase.LOADING:
            return []
        state.phase = Phase.LIVE
        state.members = members
        state.members_as_of = head
        state.head = min(head, min(state.held, default=head + 1) - 1)
        events = [state.held[seq] for seq in sorted(state.held)]
        state.held.clear()
        return self._advance(conversation, state, events)

    def filled(self, fill: Fill, events: Sequence[Logged]) -> list[Effect]:
        """What the log held for a `Fill`; what was held behind it follows. Without any progress all is forgotten."""
        conversation = fill.conversation
        state = self._known.get(conversation)
        if state is None or state.phase is not Phase.FILLING or state.head != fill.after:
            return []
        state.phase = Phase.LIVE
        held = state.held
        state.held = {}
        if not events:
            # What was announced is not to be read: it was never there. Go on with what is known to exist.
            state.wanted = max(held, default=state.head)
        merged = {event.seq: event for event in events} | held
        effects = self._advance(conversation, state, [merged[seq] for seq in sorted(merged)])
        if effects and state.head == fill.after:
            # The log does not hold what was announced, and asking again at once would never end.
            del self._known[conversation]
            return []
        return effects

    def failed(self, conversation: Id) -> None:
        """The database did not answer: forget it all; the next event, or head, begins anew."""
        self._known.pop(conversation, None)

    def missing(self, conversation: Id) -> None:
        """There is no such conversation in the log."""
        self._known.pop(conversation, None)

    def _advance(self, conversation: Id, state: Conversation, events: Sequence[Logged]) -> list[Effect]:
        effects: list[Effect] = []
        run: list[Logged] = []
        for event in events:
            if event.seq <= state.head:
                continue
            if event.seq != state.head + 1:
                self._hold(state, (event,))
                continue
            state.head = event.seq
            if event.kind in ("member_joined", "member_left"):
                if run:
                    effects.append(Forward(conversation, state.members, None, run))
                    run = []
                effects.append(self._membership(conversation, state, event))
            else:
                run.append(event)
        if run:
            effects.append(Forward(conversation, state.members, None, run))
        if state.wanted > state.head:
            state.phase = Phase.FILLING
            effects.append(Fill(conversation, state.head, min(state.wanted, state.head + FILL_EVENTS)))
        else:
            state.held.clear()
        return effects

    @staticmethod
    def _membership(conversation: Id, state: Conversation, event: Logged) -> Forward:
        account = event.account
        assert account is not None
        joined = event.kind == "member_joined"
        if event.seq > state.members_as_of:
            state.members = state.members | {account} if joined else state.members - {account}
            state.members_as_of = event.seq
        return Forward(conversation, state.members, None if joined else account, (event,))

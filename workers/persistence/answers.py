"""From what became of commands to the payloads that tell it (pure).

One `Answers` gathers everything that one append, or one refusal, has to say: outcomes by edge, new events by
conversation, heads for ids that had been stored before. Payloads are cut so that each stays far below what a
frame may hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from broker.wire.payloads import Appended, Head, Logged, Outcome, Outcomes, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.link.client import Received
    from broker.wire.payloads import Id
    from workers.persistence.batch import Entry

OUTCOMES_A_PAYLOAD = 1_000
"""An outcome takes 40 to 100 bytes."""

EVENT_BYTES_A_PAYLOAD = 128 * 1024
"""An event of 10,000 four-byte characters takes 40 KB: some three of the largest, hundreds of usual ones."""


class Frame:
    """A received frame, and how many of its commands are unanswered."""

    __slots__ = ("left", "received")

    def __init__(self, received: Received, left: int) -> None:
        self.received = received
        self.left = left


Waiter: TypeAlias = tuple[Frame, int]
"""The frame in which a command came, and the number (`ref`) under which its edge waits for the outcome."""


class Answers:
    """What is to be said, gathered until it is sent in one turn."""

    def __init__(self) -> None:
        self.finished: list[Received] = []
        self._outcomes: dict[str, list[Outcome]] = {}
        self._events: dict[Id, list[Logged]] = {}
        self._heads: dict[Id, int] = {}

    def stored(self, entry: Entry[Waiter], seq: int, at: str, replayed: bool) -> None:
        """The log holds the command under this seq."""
        for frame, ref in entry.waiters:
            self._tell(frame, Outcome(ref, seq=seq, at=at, replayed=replayed))

    def refused(
        self, entry: Entry[Waiter], code: str, field: str | None = None, retry_after: float | None = None
    ) -> None:
        """The command was not stored (or, `unavailable`: nobody knows)."""
        for waiter in entry.waiters:
            self.turned_away(waiter, code, field, retry_after)

    def turned_away(
        self, waiter: Waiter, code: str, field: str | None = None, retry_after: float | None = None
    ) -> None:
        """One who waits is refused."""
        frame, ref = waiter
        self._tell(frame, Outcome(ref, code, field=field, retry_after=retry_after))

    def event(self, conversation: Id, event: Logged) -> None:
        """A new event; within a conversation in order of seq."""
        self._events.setdefault(conversation, []).append(event)

    def head(self, conversation: Id, seq: int) -> None:
        """The log reaches `seq` at least. Its event may have been edited since, so only its place is told."""
        self._heads[conversation] = max(seq, self._heads.get(conversation, 0))

    def to_edges(self) -> Iterator[tuple[str, bytes]]:
        """Node and payload; one per edge unless there is very much to say."""
        for node, outcomes in self._outcomes.items():
            for start in range(0, len(outcomes), OUTCOMES_A_PAYLOAD):
                yield node, encode(Outcomes(tuple(outcomes[start : start + OUTCOMES_A_PAYLOAD])))

    def to_fanout(self) -> Iterator[tuple[Id, bytes]]:
        """Conversation and payload; a head is left out where new events of the conversation tell more."""
        for conversation, events in self._events.items():
            for part in _parts(events):
                yield conversation, encode(Appended(conversation, part))
        for conversation, seq in self._heads.items():
            if conversation not in self._events:
                yield conversation, encode(Head(conversation, seq))

    def _tell(self, frame: Frame, outcome: Outcome) -> None:
        self._outcomes.setdefault(frame.received.source, []).append(outcome)
        frame.left -= 1
        if not frame.left:
            self.finished.append(frame.received)


def _parts(events: list[Logged]) -> Iterator[tuple[Logged, ...]]:
    """Cut where a part has reached EVENT_BYTES_A_PAYLOAD."""
    start = size = 0
    for at, event in enumerate(events, 1):
        size += len(event.event)
        if size >= EVENT_BYTES_A_PAYLOAD:
            yield tuple(events[start:at])
            start, size = at, 0
    if start < len(events):
        yield tuple(events[start:])

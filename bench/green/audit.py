"""Whether what was acknowledged adds up: nothing lost, doubled or misordered, whoever reads it. Pure.

A message is known by the id that its sender gave. Readers apply each seq of a conversation once and in order
(`bench.fold`); here their logs are held against each other and against the acks.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Protocol, TypeAlias

Id: TypeAlias = str

REMEMBERED = 20_000
"""Messages that are remembered of each conversation, and how many sends wait for their deliveries."""


class Position(Protocol):
    """How far a reader has a conversation's log, as `bench.fold.Fold` tells it."""

    base: int | None
    cursor: int
    member: bool


class _Log:
    """One conversation as acks and deliveries tell it."""

    def __init__(self) -> None:
        self.ids: OrderedDict[int, Id] = OrderedDict()
        self.seqs: dict[Id, int] = {}
        self.acked: set[int] = set()
        self.head = 0

    def agrees(self, seq: int, id: Id) -> bool:
        """One seq has one id and one id one seq, for everybody."""
        known = self.ids.setdefault(seq, id)
        same = known == id and (not id or self.seqs.setdefault(id, seq) == seq)
        if len(self.ids) > REMEMBERED:
            oldest, gone = self.ids.popitem(last=False)
            self.seqs.pop(gone, None)
            self.acked.discard(oldest)
        return same


class Audit:
    """The book of one generator process."""

    def __init__(self) -> None:
        self.acks = 0
        self.deliveries = 0
        self.faults: Counter[str] = Counter()
        self._sent: OrderedDict[Id, float] = OrderedDict()
        self._logs: defaultdict[Id, _Log] = defaultdict(_Log)
        self._last: dict[tuple[Id, Id], int] = {}

    def sending(self, id: Id, now: float) -> None:
        """A message goes out for the first time."""
        self._sent[id] = now
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)

    def acked(self, conversation: Id, sender: Id, id: Id, seq: int) -> None:
        """The server stored the message as `seq`."""
        self.acks += 1
        log = self._logs[conversation]
        self.faults["doubled"] += not log.agrees(seq, id)
        log.acked.add(seq)
        log.head = max(log.head, seq)
        before = self._last.get((conversation, sender), 0)
        self.faults["misordered"] += seq <= before
        self._last[conversation, sender] = max(before, seq)

    def applied(self, conversation: Id, seq: int, id: Id, now: float) -> float | None:
        """A reader has an event (`id` "" when it is no message): the seconds since its send, if it was one of ours."""
        self.faults["doubled"] += not self._logs[conversation].agrees(seq, id)
        sent = self._sent.get(id)
        if sent is None:
            return None
        self.deliveries += 1
        return now - sent

    def behind(self, conversation: Id, at: Position) -> int:
        """How many acknowledged messages a reader lacks who should have them."""
        log = self._logs.get(conversation)
        if log is None or not at.member or at.base is None or at.cursor >= log.head:
            return 0
        return sum(seq > max(at.cursor, at.base) for seq in log.acked)

    def close(self, readers: list[Mapping[Id, Position]]) -> Counter[str]:
        """The faults of the whole run, with what each reader's conversations still lack counted as lost."""
        lost = sum(self.behind(conversation, at) for folds in readers for conversation, at in folds.items())
        return +(self.faults + Counter({"lost": lost}))

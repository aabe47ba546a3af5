"""What waits for the log, and how it is cut into batches (pure: no I/O, no clock of its own).

Invariants, held under any order of calls (tests/unit/workers/persistence/test_batch.py looks for
counterexamples):

* Per conversation, entries leave in the order in which they were first offered.
* Every accepted waiter is in exactly one entry, and every entry leaves once: in a batch or as expired.
* A repeated command (same conversation, actor, id and fingerprint) joins the entry that is already here,
  also one that is being appended right now: the log sees one, all who asked are answered.
* Within a batch and a conversation, what is not a message stands before the messages (the append function
  judges messages together, by the state that the others left), and a command whose id is taken by a
  different one that came earlier stands first (the append function needs each id once; the log then tells
  which of them it is).
* A conversation that is held (others have its row) keeps its line: nothing of it leaves until it is let go.
* Neither the number of entries nor their cost exceeds its bound; what is being appended counts until it is
  done.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from broker.wire.payloads import Message

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from broker.wire.payloads import Command, Id

W = TypeVar("W")
"""Whoever waits for an outcome; opaque here."""


class Entry(Generic[W]):
    """One command on its way to the log, and all who wait for what becomes of it."""

    __slots__ = ("command", "control", "cost", "deadline", "fingerprint", "first_only", "waiters")

    def __init__(
        self, command: Command, fingerprint: bytes, cost: int, deadline: float, waiter: W, *, first_only: bool
    ) -> None:
        self.command = command
        self.fingerprint = fingerprint
        self.cost = cost
        self.deadline = deadline
        self.control = type(command.act) is not Message
        self.first_only = first_only
        self.waiters = [waiter]


class Batch(NamedTuple, Generic[W]):
    """What a call of `take` brought: entries to append in this order, and entries that died waiting."""

    entries: list[Entry[W]]
    expired: list[Entry[W]]


class Queue(Generic[W]):
    """Commands between the link and the log: one line per conversation, conversations served in turn."""

    def __init__(self, most_items: int = 20_000, most_cost: int = 16 * 1024 * 1024) -> None:
        """Bounded by `most_items` commands and `most_cost` bytes, whichever is reached first."""
        self._most_items = most_items
        self._most_cost = most_cost
        self._lines: OrderedDict[Id, deque[Entry[W]]] = OrderedDict()
        self._known: dict[tuple[Id, Id, Id], list[Entry[W]]] = {}
        self.held: frozenset[Id] = frozenset()
        self.items = 0
        self.cost = 0
        self.waiting = 0
        self.merged = 0

    def offer(self, command: Command, fingerprint: bytes, cost: int, deadline: float, waiter: W) -> bool:
        """Queue a command, or join the same one if it is here; False when full (and nothing changed).

        A join is never refused: it costs next to nothing, and it is what an edge does when it is in
        trouble. Its deadline extends that of the entry, since this copy would have lived so long by itself.
        """
        key = (command.conversation, command.actor, command.id)
        known = self._known.get(key)
        if known is not None:
            for entry in known:
                if entry.fingerprint == fingerprint:
                    entry.waiters.append(waiter)
                    entry.deadline = max(entry.deadline, deadline)
                    self.merged += 1
                    return True
        if self.items >= self._most_items or self.cost + cost > self._most_cost:
            return False
        entry = Entry(command, fingerprint, cost, deadline, waiter, first_only=known is not None)
        if known is None:
            self._known[key] = [entry]
        else:
            known.append(entry)
        line = self._lines.get(command.conversation)
        if line is None:
            self._lines[command.conversation] = deque((entry,))
        else:
            line.append(entry)
        self.items += 1
        self.cost += cost
        self.waiting += 1
        return True

    def take(self, now: float, most: int = 500, most_cost: int = 2 * 1024 * 1024) -> Batch[W]:
        """The next batch: at most `most` entries and about `most_cost` bytes (but one entry), lines in turn.

        A conversation that has to wait (for the next batch, or for room in this one) goes behind the
        others. Every entry handed out, expired or not, is the caller's until it says `done`.
        """
        batch: Batch[W] = Batch([], [])
        room = most_cost
        for _ in range(len(self._lines)):
            if len(batch.entries) >= most or room <= 0:
                break
            conversation, line = self._lines.popitem(last=False)
            if conversation in self.held:
                self._lines[conversation] = line
                continue
            room -= self._take_line(line, now, most - len(batch.entries), room, batch)
            if line:
                self._lines[conversation] = line
        self.waiting -= len(batch.entries) + len(batch.expired)
        return batch

    @staticmethod
    def _take_line(line: deque[Entry[W]], now: float, most: int, room: int, batch: Batch[W]) -> int:
        """Move what may go from one conversation's line into the batch; how much it costs."""
        entries, expired = batch
        taken = cost = 0
        talking = False
        while line:
            entry = line[0]
            if entry.deadline <= now:
                expired.append(line.popleft())
                continue
            if (taken and entry.first_only) or (talking and entry.control) or taken >= most or cost >= room:
                break
            talking = talking or not entry.control
            entries.append(line.popleft())
            taken += 1
            cost += entry.cost
        return cost

    def hold(self, entries: Sequence[Entry[W]]) -> None:
        """Take back what was handed out, in that order, to the front of its lines; these wait until let go."""
        for entry in reversed(entries):
            self._lines.setdefault(entry.command.conversation, deque()).appendleft(entry)
        self.held |= {entry.command.conversation for entry in entries}
        self.waiting += len(entries)

    def let_go(self, conversations: Collection[Id]) -> None:
        """These may leave again."""
        self.held -= frozenset(conversations)

    def expire(self, now: float) -> list[Entry[W]]:
        """Take out what died waiting, of all conversations. Looks at every entry: for when the log stands."""
        dead: list[Entry[W]] = []
        for conversation in list(self._lines):
            line = self._lines[conversation]
            if any(entry.deadline <= now for entry in line):
                dead += (entry for entry in line if entry.deadline <= now)
                alive = deque(entry for entry in line if entry.deadline > now)
                if alive:
                    self._lines[conversation] = alive
                else:
                    del self._lines[conversation]
        self.waiting -= len(dead)
        return dead

    def next_deadline(self) -> float | None:
        """When the first of those that are first of their conversation dies; None when none waits. For metrics."""
        return min((line[0].deadline for line in self._lines.values()), default=None)

    def everything(self) -> list[Entry[W]]:
        """All that is here, waiting or being appended; for the end, when it is to be answered unfinished."""
        return [entry for known in self._known.values() for entry in known]

    def done(self, entry: Entry[W]) -> None:
        """The entry is answered: its room is free, and the same command arriving now starts anew."""
        command = entry.command
        key = (command.conversation, command.actor, command.id)
        known = self._known[key]
        known.remove(entry)
        if not known:
            del self._known[key]
        self.items -= 1
        self.cost -= entry.cost

"""What happened in a fault run, as its clients saw it: every command with its fate, every delivery with its time.

Jepsen's way (Kingsbury, "Jepsen: on the perils of network partitions"): a command is *ok* (acknowledged), *failed*
(refused for good) or *open* (nobody said: it may be in the log or not). The recorder judges nothing; `checker` does.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeAlias

Id: TypeAlias = str
Event: TypeAlias = dict[str, Any]

FINAL = frozenset({"invalid", "forbidden", "not_found", "closed", "id_conflict"})
"""Codes after which a command is not in the log and never will be (architecture, promise 3)."""


@dataclass(slots=True)
class Operation:
    """One command under one id. Times are one monotonic clock's seconds; `sends` orders all sends of a run."""

    id: Id
    actor: Id
    client: str
    conversation: Id
    kind: str
    called: float
    sends: list[int] = field(default_factory=list)
    acks: list[tuple[int | None, float]] = field(default_factory=list)
    """Seq (None where the answer has none, as that to `PUT members`) and time."""
    refusals: list[tuple[str, float]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Refused for good, and never acknowledged."""
        return not self.acks and any(code in FINAL for code, _ in self.refusals)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client shows of a conversation: every message from `oldest` on, by seq, as a comparable value."""

    oldest: int
    messages: dict[int, Any]


@dataclass(slots=True)
class Reader:
    """One connection-spanning client: what it was handed, in the order in which it was handed it."""

    name: str
    account: Id
    heard: dict[Id, list[tuple[int, str, Id, Id | None, float]]] = field(default_factory=lambda: defaultdict(list))
    """By conversation: seq, kind, actor, id of a message, time."""
    folds: dict[Id, Shown] = field(default_factory=dict)
    """By conversation, at the end."""


@dataclass(slots=True)
class Stored:
    """One row of the log, read back at the end."""

    seq: int
    kind: str
    actor: Id
    id: Id
    account: Id | None = None
    """Whom `member_joined` and `member_left` are about."""
    members: frozenset[Id] = frozenset()
    """Who was there from the beginning, of `created`."""


class History:
    """Grows while the run goes on; `logs` and the readers' `folds` are filled in at its end."""

    def __init__(self) -> None:
        self.operations: dict[Id, Operation] = {}
        self.readers: dict[str, Reader] = {}
        self.logs: dict[Id, list[Stored]] = {}
        self.truth: dict[Id, dict[int, Any]] = {}
        """By conversation: the messages that a client shows that read the whole log at the end."""
        self.stale: list[str] = []
        """One line for each time a connected client stayed behind for too long."""
        self._sends = itertools.count(1)

    def reader(self, name: str, account: Id) -> Reader:
        """The reader of this name, new or as it is."""
        return self.readers.setdefault(name, Reader(name, account))

    def called(self, id: Id, actor: Id, client: str, conversation: Id, kind: str, now: float) -> Operation:
        """Somebody wishes something."""
        operation = self.operations[id] = Operation(id, actor, client, conversation, kind, now)
        return operation

    def sent(self, id: Id) -> None:
        """A copy of the command leaves a client."""
        if (operation := self.operations.get(id)) is not None:
            operation.sends.append(next(self._sends))

    def acked(self, id: Id, seq: int | None, now: float) -> None:
        """The server acknowledged."""
        if (operation := self.operations.get(id)) is not None:
            operation.acks.append((seq, now))

    def refused(self, id: Id, code: str, now: float) -> None:
        """The server refused this attempt, for good or not."""
        if (operation := self.operations.get(id)) is not None:
            operation.refusals.append((code, now))

    def heard(self, reader: Reader, event: Event, now: float) -> None:
        """A client was handed an event."""
        id = event.get("id")
        # Interned: each id is heard by a whole conversation, and a long run keeps them all.
        told = (event["seq"], intern(event["kind"]), intern(event["actor"]), id and intern(id), now)
        reader.heard[event["conversation"]].append(told)

"""Commands on their way: kept until the server has said yes or no, sent again under the same id. Pure.

Of one conversation at most `pipeline` commands are unanswered at a time. With 1 their order holds whatever
the server refuses; with more it holds unless the server refuses one attempt (`overloaded`, `rate_limited`)
and takes a later one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, TypeAlias

from bench.backoff import full_jitter

Id: TypeAlias = str
Frame: TypeAlias = dict[str, Any]

UNKNOWN = frozenset({"unavailable"})
"""The command may be stored or not: only the same id sent again tells."""
NOT_NOW = frozenset({"rate_limited", "overloaded"})
"""This attempt is refused; earlier ones, if any, stay unknown."""
ANSWER_SECONDS = 15.0
"""The server promises an answer within 10 s; silence for longer counts as `unavailable`."""


class OutboxFullError(Exception):
    """The outbox holds as many unanswered commands as it may: wait for answers first."""


class Ack(NamedTuple):
    """The command is stored, for ever, as event `seq` of its conversation."""

    id: Id
    conversation: Id
    seq: int
    at: str


class Refusal(NamedTuple):
    """The command is not stored, and never will be."""

    id: Id
    conversation: Id
    code: str
    message: str = ""
    field: str | None = None


@dataclass(slots=True)
class Entry:
    """One command: its frame as first given, and how often it was sent."""

    id: Id
    conversation: Id
    frame: Frame
    attempts: int = 0
    sent_at: float | None = None


@dataclass(slots=True)
class _Lane:
    """The commands of one conversation, in order; nothing is sent before `resume_at`."""

    entries: deque[Entry] = field(default_factory=deque)
    flying: int = 0
    resume_at: float = 0.0
    told: bool = False
    failures: int = 0

    @property
    def blocked(self) -> bool:
        """A refused command waits: nothing may overtake it until all that flies has landed."""
        return self.failures > 0 and self.flying > 0


class Outbox:
    """Bounded: `limit` commands in all. Times are the caller's monotonic seconds."""

    def __init__(self, *, limit: int = 10_000, pipeline: int = 1, random: Random | None = None) -> None:
        self.limit = limit
        self.pipeline = pipeline
        self._random = random or Random()
        self._lanes: dict[Id, _Lane] = {}
        self._entries: dict[Id, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, id: object) -> bool:
        return id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        """All unanswered commands, by conversation in order."""
        for lane in self._lanes.values():
            yield from lane.entries

    @property
    def flying(self) -> int:
        """Commands sent on the present connection and not yet answered."""
        return sum(lane.flying for lane in self._lanes.values())

    def add(self, frame: Frame) -> Entry:
        """Queue a command, a map with `id` and `conversation`, unless it is there. Raises OutboxFullError."""
        if (known := self._entries.get(frame["id"])) is not None:
            return known
        if len(self._entries) >= self.limit:
            raise OutboxFullError
        entry = self._entries[frame["id"]] = Entry(frame["id"], frame["conversation"], frame)
        self._lanes.setdefault(entry.conversation, _Lane()).entries.append(entry)
        return entry

    def due(self, now: float) -> list[Frame]:
        """Frames to send now, in order; each is taken as sent at `now`."""
        frames: list[Frame] = []
        for lane in self._lanes.values():
            self._forget_silence(lane, now)
            if now < lane.resume_at or lane.blocked:
                continue
            for entry in lane.entries:
                if lane.flying >= self.pipeline:
                    break
                if entry.sent_at is None:
                    entry.sent_at = now
                    entry.attempts += 1
                    lane.flying += 1
                    frames.append(entry.frame)
        return frames

    def wake(self, now: float) -> float | None:
        """When `due` has something to say without anything else happening; None: never."""
        times = []
        for lane in self._lanes.values():
            if lane.flying:
                times.append(min(e.sent_at for e in lane.entries if e.sent_at is not None) + ANSWER_SECONDS)
            elif lane.entries:
                times.append(max(now, lane.resume_at))
        return min(times, default=None)

    def disconnected(self) -> None:
        """The connection is gone: what flew is unknown and goes out again, in order, on the next one."""
        for lane in self._lanes.values():
            lane.flying = 0
            for entry in lane.entries:
                entry.sent_at = None
            if not lane.told:
                lane.resume_at, lane.failures = 0.0, 0

    def acked(self, id: Id, seq: int, at: str) -> Ack | None:
        """The server stored it; None when the id is not (any more) ours."""
        entry = self._take(id)
        return None if entry is None else Ack(id, entry.conversation, seq, at)

    def refused(
        self,
        id: Id,
        code: str,
        now: float,
        *,
        message: str = "",
        retry_after: float | None = None,
        field: str | None = None,
    ) -> Refusal | None:
        """The server said no. Returns the refusal when it is final, None while the command stays.

        `disabled` ends a command whose only attempt it was; after one that stayed unknown it is retried.
        """
        entry = self._entries.get(id)
        if entry is None:
            return None
        if code in UNKNOWN or code in NOT_NOW or (code == "disabled" and entry.attempts > 1):
            self._retry(entry, now, retry_after)
            return None
        self._take(id)
        return Refusal(id, entry.conversation, code, message, field)

    def _retry(self, entry: Entry, now: float, retry_after: float | None) -> None:
        lane = self._lanes[entry.conversation]
        if entry.sent_at is not None:
            entry.sent_at = None
            lane.flying -= 1
        wait = full_jitter(lane.failures, self._random)
        lane.failures += 1
        lane.told = retry_after is not None
        lane.resume_at = max(lane.resume_at, now + (wait if retry_after is None else retry_after))

    def _forget_silence(self, lane: _Lane, now: float) -> None:
        for entry in lane.entries:
            if entry.sent_at is not None and now - entry.sent_at >= ANSWER_SECONDS:
                self._retry(entry, now, None)

    def _take(self, id: Id) -> Entry | None:
        entry = self._entries.pop(id, None)
        if entry is None:
            return None
        lane = self._lanes[entry.conversation]
        lane.entries.remove(entry)
        if entry.sent_at is not None:
            lane.flying -= 1
        if not lane.flying:
            lane.failures, lane.told = 0, False
        if not lane.entries:
            del self._lanes[entry.conversation]
        return entry

"""A link and a log in memory, for what the real ones do not do on demand."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from broker.link.client import LinkFull, Received
from broker.wire import payloads
from storage.errors import BadData, Busy, StorageError, Unavailable
from storage.log import NewEvent, Stored


class FakeLink:
    """Records what is sent, and can be full."""

    node = "persistence-00000000"

    def __init__(self, on_frame: Callable[[Received], None]) -> None:
        self.on_frame = on_frame
        self.to_nodes: list[tuple[str, Any]] = []
        self.to_keys: list[tuple[str, str, Any]] = []
        self.done: list[Received] = []
        self.full = False
        self.inside = False
        self.confirmed = asyncio.Event()
        self.confirmed.set()
        self.heard = asyncio.Event()

    async def __aenter__(self) -> FakeLink:
        self.inside = True
        return self

    async def __aexit__(self, kind: object, fault: object, trace: object) -> None:
        self.inside = False

    async def leave(self, seconds: float) -> None:
        assert self.inside
        await self.confirmed.wait()

    def send(self, role: str, key: str, payload: bytes) -> None:
        self.refuse_if_full()
        self.to_keys.append((role, key, payloads.decode(payload)))

    def send_to(self, node: str, payload: bytes) -> None:
        self.refuse_if_full()
        self.to_nodes.append((node, payloads.decode(payload)))
        self.heard.set()

    def refuse_if_full(self) -> None:
        assert self.inside, "sent on a link that was left"
        if self.full:
            raise LinkFull

    def consumed(self, received: Received) -> None:
        self.done.append(received)

    def outcomes(self, node: str = "edge-1") -> dict[int, payloads.Outcome]:
        """What this edge has heard, by ref; a ref that was answered twice is a failure."""
        heard: dict[int, payloads.Outcome] = {}
        for to, payload in self.to_nodes:
            if to == node:
                for outcome in payload.items:
                    assert outcome.ref not in heard
                    heard[outcome.ref] = outcome
        return heard

    def codes(self, node: str = "edge-1") -> dict[int, str]:
        """Ref to code."""
        return {ref: outcome.code for ref, outcome in self.outcomes(node).items()}

    def events(self) -> list[dict[str, Any]]:
        """The events that fanout was given, decoded, in the order of sending."""
        told = [payload for _, _, payload in self.to_keys if isinstance(payload, payloads.Appended)]
        return [msgspec.msgpack.decode(event.event) for payload in told for event in payload.events]


class FakeLog:
    """Numbers and remembers; fails on demand, and can be held."""

    def __init__(self) -> None:
        self.logs: dict[str, list[NewEvent]] = defaultdict(list)
        self.batches: list[list[str]] = []
        self.poison: set[str] = set()
        self.surprising: set[str] = set()
        self.failing: StorageError | None = None
        self.locked: set[str] = set()
        self.blind = False
        self.lose_results = 0
        self.cut_short = False
        self.free = asyncio.Event()
        self.free.set()

    def let_one_through(self) -> None:
        """The append that is held goes on, the next one is held again."""
        self.free.set()
        self.free.clear()

    async def append(self, commands: Sequence[NewEvent]) -> list[Stored]:
        self.batches.append([command.body or command.kind for command in commands])
        await self.free.wait()
        if self.failing is not None:
            raise self.failing
        if self.locked & {command.conversation for command in commands}:
            raise Busy
        bodies = {command.body for command in commands}
        if bodies & self.poison:
            raise BadData(field="body")
        if bodies & self.surprising:
            raise ZeroDivisionError
        results = [self.store(command) for command in commands]
        if self.lose_results:
            self.lose_results -= 1
            raise Unavailable("connection lost after the commit")
        return results[1:] if self.cut_short else results

    async def busy(self, conversations: Collection[str]) -> set[str]:
        if self.blind:
            raise Busy
        return self.locked & set(conversations)

    def store(self, command: NewEvent) -> Stored:
        events = self.logs[command.conversation]
        key = (command.actor, command.id)
        for seq, event in enumerate(events, 1):
            if (event.actor, event.id) == key:
                if event.fingerprint != command.fingerprint:
                    return Stored(code="id_conflict", seq=0, at="", replayed=False, field=None)
                return Stored(code="", seq=seq, at=AT, replayed=True, field=None)
        events.append(command)
        return Stored(code="", seq=len(events), at=AT, replayed=False, field=None)


AT = "2026-11-23T04:05:06.789Z"

"""Those who talk in a simulation: the public client, `bench.client`, in a process of its own each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, ClassVar
from uuid import uuid4

from bench.connection import Connection
from bench.fold import Id
from bench.http import ApiError
from bench.session import Timing
from broker.wire.payloads import Join, Leave
from storage.errors import StorageError
from storage.log import events_before
from tests.faults.history import History
from tests.faults.load import Mix, Talker
from tests.simulation.database import EPOCH, SimulatedDatabase
from tests.simulation.system import System
from tests.simulation.world import Process

HTTP_SECONDS = 12.0
TIMING = Timing(pong=8.0, sync=4.0, ready=4.0, replay=15.0)


class Person:
    """An account; its token is its id."""

    def __init__(self, id: Id, role: str) -> None:
        self.id = id
        self.role = role

    def token(self) -> str:
        return self.id


class SimulatedConnection(Connection):
    """The client's connection over a simulated socket."""

    system: ClassVar[System]

    @asynccontextmanager
    async def _dial(self, url: str) -> AsyncIterator[Any]:
        process = asyncio.get_running_loop()
        assert isinstance(process, Process)
        socket = await self.system.reception.dial(process, url, binary=self._packed)
        try:
            yield socket
        finally:
            await socket.close()


class SimulatedApi:
    """The part of `bench.http.Api` that a reload asks, straight from the log."""

    system: ClassVar[System]

    def __init__(self, url: str, token: str | None = None) -> None:
        self._account = token or ""

    async def __aenter__(self) -> SimulatedApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def conversation(self, conversation: Id) -> dict[str, Any]:
        """GET /conversations/{id}."""
        await asyncio.sleep(self.system.server.pause())
        room = self.system.server.log.rooms.get(conversation)
        if room is None or not room.has(self._account):
            raise ApiError(404, {"code": "not_found"})
        members = [
            {"account": account, "read": one.read, "delivered": one.delivered}
            for account, one in room.members.items()
            if one.left is None
        ]
        return {"head": room.head, "read": room.members[self._account].read, "members": members}

    async def events(self, conversation: Id, *, before: int, limit: int) -> dict[str, Any]:
        """GET /conversations/{id}/events."""
        process = asyncio.get_running_loop()
        assert isinstance(process, Process)
        db: Any = SimulatedDatabase(self.system.server, process)
        try:
            page = await events_before(db, self._account, conversation, before, limit)
        except StorageError as fault:
            raise ApiError(404 if fault.code == "not_found" else 503, {"code": fault.code}) from fault
        return {"items": page.items, "head": page.head, "epoch": EPOCH}


class SimulatedTalker(Talker):
    """A talker of the fault runs, in a process of its own."""

    group_sizes = (3, 5)

    def __init__(
        self, system: System, process: Process, person: Person, name: str, history: History, edges: Sequence[str]
    ) -> None:
        self.system = system
        self.process = process
        self.changing = 0
        self.online = True
        random = Random(system.world.random.random())
        super().__init__(person, name, history, edges, random, timing=TIMING, deliver=random.random() < 0.3)

    def begin(self) -> None:
        """Open the client; called within the process."""
        self.process.spawn(self._begin())

    async def _begin(self) -> None:
        await self.client.__aenter__()

    def talk(self, mix: Mix, others: Sequence[Any]) -> None:
        """One wish at random."""
        if self.online:
            self.wish(mix, others)

    async def go_offline(self, seconds: float) -> None:
        """Close the client, come back later with what it knew."""
        if self.online:
            self.online = False
            await self.hang_up()
            await asyncio.sleep(seconds)
            await self.come_back()
            self.online = True

    async def change_members(self, method: str, room: Id, other: Any) -> bool:
        """Add or remove somebody over HTTP, under one id until the answer is definite; was it done?"""
        id = str(uuid4())
        act = Join(other.id) if method == "PUT" else Leave(other.id)
        kind = "join" if method == "PUT" else "leave"
        self._history.called(id, self.person.id, f"{self.name}-http-{id}", room, kind, time.monotonic())
        self.changing += 1
        try:
            while True:
                code = "unavailable"
                edge = self._random.choice(self._urls)
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(HTTP_SECONDS):
                        outcome = await self.system.submit(self.process, edge, room, self.person.id, id, act)
                    if not outcome.code:
                        self._history.acked(id, outcome.seq, time.monotonic())
                        return True
                    code = outcome.code
                self._history.refused(id, code, time.monotonic())
                if code not in ("unavailable", "overloaded", "rate_limited", "disabled"):
                    return False
                await asyncio.sleep(self._random.uniform(0.1, 0.5))
        finally:
            self.changing -= 1

    @property
    def quiet(self) -> bool:
        """Nothing it wished is unanswered."""
        return self.online and not self.client.outbox and not self.changing

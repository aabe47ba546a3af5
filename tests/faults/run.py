"""One fault run: a system of real processes, clients who talk all the time, faults by a plan, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.checker import Verdict, judge
from tests.faults.history import History, Id
from tests.faults.load import STALE_SECONDS, Mix, Talker
from tests.faults.network import Network
from tests.faults.readback import read_folds, read_logs, read_truth
from tests.faults.wrong_sql import spoil
from tests.fixtures.system import Person, System

QUIET_SECONDS = 90.0
"""How long everything may take to come to rest once the faults are over."""

WATCH_SECONDS = 0.5
GROUP = 8


class FaultSystem(System):
    """A system whose processes carry the hooks of the fault tests; `plants` by process or kind of process."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        super().__init__(database_url, folder, **settings)
        self.plants: dict[str, Sequence[str]] = {}
        self.network: Network | None = None

    def binds(self, broker: str) -> str:
        return super().binds(broker) if self.network is None else self.network.listens(broker)

    def reaches(self, peer: str) -> list[str]:
        return super().reaches(peer) if self.network is None else self.network.leads(peer)

    def start(self, name: str, **settings: str) -> None:
        """As always; its sessions in the database are known by its name."""
        settings.setdefault("DATABASE_URL", f"{self._env['DATABASE_URL']}&application_name={name}")
        super().start(name, **settings)

    def command(self, name: str, module: str) -> list[str]:
        return [sys.executable, "-m", "tests.faults.process", module, *self.planted(name)]

    def planted(self, name: str) -> Sequence[str]:
        """What this process carries: by its own name, else by its kind."""
        return self.plants.get(name) or self.plants.get(name.partition("-")[0], ())


@dataclass
class Run:
    """What goes on: the system, who talks, and what is recorded. `acks` are times, for gaps between them."""

    system: System
    database_url: str
    seed: int
    history: History = field(default_factory=History)
    talkers: list[Talker] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    rooms: list[Id] = field(default_factory=list)

    async def populate(self, *, clients: int, rooms: int) -> None:
        """Make people (every fifth of them staff), conversations of eight, and a client for each."""
        random = Random(self.seed)
        self.people = [Person(f"p{n}", "agent" if n % 5 == 0 else "client") for n in range(clients)]
        staff = [person for person in self.people if person.role == "agent"]
        others = [person for person in self.people if person.role != "agent"]
        for number in range(rooms):
            founder = staff[number % len(staff)]
            members = [other for other in random.sample(staff, min(2, len(staff))) if other is not founder]
            members += random.sample(others, min(GROUP - 2, len(others)))
            self.rooms.append(await self.system.conversation(founder, *members, subject=f"Room {number}"))
        urls = [f"http://127.0.0.1:{port}" for port in self.system.ports.values()]
        for person in self.people:
            self.talkers.append(Talker(person, person.name, self.history, urls, Random(random.random())))

    async def talk(self, seconds: float, rate: float, mix: Mix) -> None:
        """Wish `rate` things a second in all, at an even rhythm, for so long."""
        random = Random(self.seed + 1)
        tasks: set[asyncio.Task[bool]] = set()
        began = time.monotonic()
        wished = 0
        while (now := time.monotonic()) - began < seconds:
            while wished < (now - began) * rate:
                wished += 1
                task = random.choice(self.talkers).wish(mix, self.people)
                if task is not None:
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.01)
        if tasks:
            await asyncio.wait(list(tasks))

    async def watch(self) -> None:
        """Note every connected client that stays behind what was acknowledged for longer than it may."""
        told: set[tuple[str, Id]] = set()
        behind: dict[tuple[str, Id], float] = {}
        while True:
            now = time.monotonic()
            heads: dict[Id, int] = {}
            for talker in self.talkers:
                for room, fold in talker.client.conversations.items():
                    heads[room] = max(heads.get(room, 0), fold.cursor)
            for talker in self.talkers:
                for room, fold in talker.client.conversations.items():
                    key = (talker.name, room)
                    if talker.live_since is None or not fold.member or fold.cursor >= heads[room]:
                        behind.pop(key, None)
                        continue
                    since = max(behind.setdefault(key, now), talker.live_since)
                    if now - since > STALE_SECONDS and key not in told:
                        told.add(key)
                        self.history.stale.append(f"{talker.name} is at {fold.cursor} of {heads[room]} in {room}")
            await asyncio.sleep(WATCH_SECONDS)

    async def rest(self) -> dict[Id, set[Id]]:
        """Wait until every command is answered and everybody has everything; who is a member of what then."""
        deadline = time.monotonic() + QUIET_SECONDS
        await self.system.ready(QUIET_SECONDS)
        for talker in self.talkers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await talker.client.until(lambda waiting=talker.client.outbox: not waiting)
        self.history.logs.clear()
        members = await asyncio.to_thread(read_logs, self.database_url, self.history)
        heads = {room: len(log) for room, log in self.history.logs.items()}
        left = time.monotonic() + STALE_SECONDS
        while late := list(self._late(members, heads)):
            if time.monotonic() > left:
                self.history.stale += [
                    f"{name} never got beyond {at} of {heads[room]} in {room}" for name, room, at in late
                ]
                break
            await asyncio.sleep(0.1)
        return members

    def _late(self, members: dict[Id, set[Id]], heads: dict[Id, int]) -> list[tuple[str, Id, int]]:
        found = []
        for talker in self.talkers:
            for room, present in members.items():
                if talker.person.id in present:
                    fold = talker.client.conversations.get(room)
                    if fold is None or fold.cursor < heads[room]:
                        found.append((talker.name, room, 0 if fold is None else fold.cursor))
        return found

    async def judge(self) -> Verdict:
        """Read everything back and compare; the run is over."""
        members = await self.rest()
        logs = {room: await self._whole(room, members[room]) for room in self.rooms if members.get(room)}
        read_truth(self.history, logs)
        read_folds(self.talkers, members)
        return judge(self.history)

    async def _whole(self, room: Id, members: set[Id]) -> list[dict[str, Any]]:
        reader = next(person for person in self.people if person.id in members)
        items: list[dict[str, Any]] = []
        while True:
            after = items[-1]["seq"] if items else 0
            path = f"/api/v1/conversations/{room}/events?after={after}&limit=500"
            status, page = await self.system.http("GET", path, reader)
            assert status == 200, page
            items += page["items"]
            if page["next"] is None:
                return items


Plan = Callable[[Run], Awaitable[None]]
"""The faults of a run, and their repair: everything runs again when it returns."""


@asynccontextmanager
async def running(
    database_url: str,
    *,
    seed: int,
    clients: int = 50,
    rooms: int = 20,
    of_each: int = 2,
    plants: Mapping[str, Sequence[str]] = {},
    bug: str | None = None,
    lines: bool = False,
    **settings: str,
) -> AsyncIterator[Run]:
    """A system with so many of each process, and clients that are connected to it.

    With `lines`, peers reach the brokers by lines of TCP that can be cut. What is planted (`plants` by process or kind
    of process, `bug` in the append function) is planted then.
    """
    folder = Path(tempfile.mkdtemp(prefix="parley-faults-"))
    system = FaultSystem(database_url, folder, **settings)
    system.brokers = of_each
    run = Run(system, database_url, seed)
    stack = AsyncExitStack()
    try:
        if lines:
            peers = [name for kind in ("persistence", "fanout", "edge") for name in several(kind, of_each)]
            system.network = Network(peers, several("broker", of_each))
            await stack.enter_async_context(system.network.laid())
        for kind in ("broker", "persistence", "fanout", "edge"):
            for name in several(kind, of_each):
                system.start(name)
        await system.ready()
        await run.populate(clients=clients, rooms=rooms)
        system.plants = dict(plants)
        for name in [name for name in system.processes if system.planted(name)]:
            await system.restart(name)
        await system.ready()
        if bug is not None:
            spoil(database_url, bug)
        async with connected(run):
            yield run
    finally:
        system.stop()
        await stack.aclose()
        shutil.rmtree(folder, ignore_errors=True)


def several(kind: str, number: int) -> list[str]:
    """The names of so many processes of a kind."""
    return [kind if which == 1 else f"{kind}-{which}" for which in range(1, number + 1)]


@asynccontextmanager
async def connected(run: Run) -> AsyncIterator[None]:
    """Everybody's client is live at the beginning, and hangs up in the end."""
    try:
        await asyncio.gather(*(talker.client.__aenter__() for talker in run.talkers))
        await asyncio.gather(
            *(talker.client.until(lambda t=talker: t.client.state == "live") for talker in run.talkers)
        )  # type: ignore[misc]  # bound now
        yield
    finally:
        await asyncio.gather(*(talker.client.close() for talker in run.talkers), return_exceptions=True)


async def under_load(run: Run, plan: Plan, *, seconds: float, rate: float = 200.0, mix: Mix | None = None) -> Verdict:
    """Talk for so long while the plan does its worst, then judge."""
    watching = asyncio.create_task(run.watch())
    talking = asyncio.create_task(run.talk(seconds, rate, mix or Mix()))
    try:
        await plan(run)
        await talking
        return await run.judge()
    finally:
        watching.cancel()
        talking.cancel()
        await asyncio.gather(watching, talking, return_exceptions=True)

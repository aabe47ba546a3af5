"""One schedule: a system, its clients, what they wish and what goes wrong, all from a seed; and the verdict."""

from __future__ import annotations

import asyncio
import os
import random as chance
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import structlog

import bench.client
import broker.link.client
from bench.fold import Fold
from edge.socket.session import Session
from storage.log import NewEvent, _event
from tests.faults.checker import Verdict, judge
from tests.faults.history import History, Stored
from tests.faults.load import Mix
from tests.faults.readback import KEPT, messages_of, read_folds
from tests.simulation import faults
from tests.simulation.lines import Line
from tests.simulation.people import Person, SimulatedApi, SimulatedConnection, SimulatedTalker
from tests.simulation.system import System
from tests.simulation.world import Process, Runaway, World

LOAD_SECONDS = 2.0
ANSWER_SECONDS = 60.0
"""When everything runs again, every command is answered within this."""
CATCH_UP_SECONDS = 10.0
"""And then everybody has everything within this: by what the server repairs, since heartbeats come every 25 s."""
LOOK_SECONDS = 0.25
MIX = Mix(send=60, edit=10, delete=5, react=15, membership=10)


@dataclass
class Outcome:
    """What became of a schedule."""

    seed: int
    steps: int = 0
    digest: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    acked: int = 0
    heard: int = 0
    seconds: float = 0.0
    caught_up_after: float = 0.0


class Schedule:
    """Everything that a seed decides."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        random = self.random = self.world.random
        self.history = History()
        self.outcome = Outcome(seed)
        self.system = System(
            self.world,
            brokers=random.choice((1, 2, 2, 2)),
            edges=2,
            persistence=random.choice((1, 2, 2)),
            fanout=random.choice((1, 2, 2)),
        )
        SimulatedApi.system = SimulatedConnection.system = self.system
        Line.backbone = self.system.backbone
        self.people = [Person(self._id(), "agent" if one < 3 else "client") for one in range(random.choice((5, 5, 6)))]
        self.system.roles.update({person.id: person.role for person in self.people})
        self.rooms = [self._id() for _ in range(random.randint(1, 3))]
        for room in self.rooms:
            self._found(room)
        edges = [name for name in self.system.names if name.startswith("edge")]
        self.talkers = [
            SimulatedTalker(
                self.system, self.world.process(f"client-{at}"), person, f"client-{at}", self.history, edges
            )
            for at, person in enumerate(self.people)
        ]
        faults.PEOPLE[:] = self.talkers

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _found(self, room: str) -> None:
        """A conversation that was there before anything went wrong."""
        staff = self.people[0]
        members = tuple(person.id for person in self.random.sample(self.people[1:], self.random.randint(3, 4)))
        data: dict[str, Any] = {"subject": "x", "project": None, "members": members}
        first = NewEvent(room, staff.id, self._id(), "create", b"", None, data)
        log = self.system.server.log
        assert log.append([first], self.system.server.now(), 0)[0].code == ""

    def run(self) -> Outcome:
        """Go through it; the outcome."""
        try:
            self._play()
        except Runaway as fault:
            self.outcome.wrong.append(str(fault))
        outcome = self.outcome
        outcome.steps, outcome.digest = self.world.steps, self.world.digest
        outcome.seconds = self.world.now - 1000.0
        outcome.wrong += [f"not caught: {fault}" for fault in self.system.faults]
        return outcome

    def _play(self) -> None:
        world, random = self.world, self.random
        for talker in self.talkers:
            world.after(random.uniform(0.0, 0.5), talker.process.call_soon, talker.begin)
        began = world.now + 0.5
        for _ in range(random.randint(8, 18)):
            talker = random.choice(self.talkers)
            at = began + random.uniform(0.0, LOAD_SECONDS)
            for _ in range(random.choice((1, 1, 1, 5))):
                world.at(at, talker.process.call_soon, talker.talk, MIX, self.people)
        healed = began
        for _ in range(random.randint(3, 5)):
            kind = random.choice(list(faults.KINDS))
            seconds = random.choice((random.uniform(0.05, 1.0), random.uniform(1.0, 4.0)))
            at = began + random.uniform(0.0, LOAD_SECONDS)
            healed = max(healed, at + seconds)
            world.at(at, self._go_wrong, kind, seconds)
        world.run(min(healed, began + LOAD_SECONDS + 5.0) + 0.1)
        faults.heal(self.system)
        self._rest()

    def _go_wrong(self, kind: str, seconds: float) -> None:
        self.outcome.faults[kind] += 1
        faults.KINDS[kind](self.system, seconds)

    def _rest(self) -> None:
        """Until everything is answered and everybody has everything; then the verdict."""
        world = self.world
        healed = world.now
        while not all(talker.quiet for talker in self.talkers):
            if world.now - healed > ANSWER_SECONDS:
                left = [f"{talker.name}: {len(talker.client.outbox)}" for talker in self.talkers if not talker.quiet]
                self.outcome.wrong.append(f"open: without an answer {ANSWER_SECONDS:g} s after all was well: {left}")
                break
            world.run(world.now + LOOK_SECONDS)
        answered = world.now
        while late := self._late():
            if world.now - answered > CATCH_UP_SECONDS:
                self.history.stale += late
                break
            world.run(world.now + LOOK_SECONDS)
        self.outcome.caught_up_after = world.now - answered
        verdict = self._judge()
        self.outcome.acked, self.outcome.heard = verdict.acked, verdict.heard
        for kind, found in verdict.faults.items():
            self.outcome.wrong += [f"{kind}: {words}" for words in found]

    def _late(self) -> list[str]:
        found = []
        for room in self.system.server.log.rooms.values():
            for talker in self.talkers:
                if room.has(talker.person.id):
                    fold = talker.client.conversations.get(room.id)
                    at = 0 if fold is None else fold.cursor
                    if at < room.head:
                        found.append(f"{talker.name} is at {at} of {room.head} in {room.id}")
        return found

    def _judge(self) -> Verdict:
        members: dict[str, set[str]] = {}
        for room in self.system.server.log.rooms.values():
            members[room.id] = set(room.present())
            fold = Fold(room.id, 0, keep=KEPT)
            for row in room.events:
                data = row.data or {}
                present = frozenset(data.get("members") or ())
                told = Stored(row.seq, row.kind, row.actor, row.id, data.get("account"), present)
                self.history.logs.setdefault(room.id, []).append(told)
                fold.apply(_event(room.id, (None, *row.columns())))
            self.history.truth[room.id] = messages_of(fold)
        read_folds(self.talkers, members)  # talkers with another way to the edges
        return judge(self.history)


@contextmanager
def inhabited(seed: int) -> Iterator[None]:
    """Within it time is the world's, chance the seed's, and sockets are simulated: for one schedule at a time."""
    bytes_of = chance.Random(seed + 1)
    kept = [
        (time, "monotonic", time.monotonic),
        (os, "urandom", os.urandom),
        (broker.link.client, "Line", broker.link.client.Line),
        (broker.link.client, "zmq", broker.link.client.zmq),
        (bench.client, "Connection", bench.client.Connection),
        (bench.client, "Api", bench.client.Api),
        (Session, "__hash__", Session.__hash__),
    ]

    def monotonic() -> float:
        process = asyncio._get_running_loop()
        assert isinstance(process, Process), "only processes have clocks here"
        return process.clock()

    state = chance.getstate()
    chance.seed(seed)
    time.monotonic = monotonic
    os.urandom = bytes_of.randbytes
    broker.link.client.Line = Line
    broker.link.client.zmq = SimpleNamespace(Context=lambda: SimpleNamespace(destroy=lambda linger: None))
    bench.client.Connection = SimulatedConnection
    bench.client.Api = SimulatedApi
    Session.__hash__ = lambda session: hash(session.id)  # by address it would be by chance
    try:
        yield
    finally:
        for where, name, before in kept:
            setattr(where, name, before)
        chance.setstate(state)


def play(seed: int) -> Outcome:
    """The schedule of this seed, from beginning to end. Needs PYTHONHASHSEED=0 to be the same everywhere."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=True)
    with inhabited(seed):
        schedule = Schedule(seed)
        outcome = schedule.run()
        for process in schedule.world.processes:
            process.kill()
        for process in schedule.world.processes:
            process.take_down()
        faults.PEOPLE.clear()
    return outcome

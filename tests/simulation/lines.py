"""The backbone's transport: ZeroMQ between peers and brokers, as messages in virtual time.

What the real one does, this does: messages of one connection arrive whole and in order, or are lost with it; a peer
finds a broker that is not there by EAGAIN, a broker a peer that is gone by EHOSTUNREACH; a cut line holds what was sent
until it is mended, and ends by ZMTP's heartbeats if that takes too long; a process that is stopped still has its
kernel take what comes. Beyond the real one a line can be made to lose, double and reorder single messages: more than
promise 6 has to bear.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from broker.link.connection import Connection
from broker.routing.roster import Roster
from broker.routing.router import Router
from tests.simulation.world import Process, World

HIGH_WATER = 2000
"""Messages on their way to one end, ZeroMQ's two queues together."""
ZMTP_TIMEOUT = 4.0
RECONNECT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
TICK_SECONDS = 0.1
WINDOW = 4 * 1024 * 1024


@dataclass
class Weather:
    """What a line does to messages in one direction: chances, and whether it is cut."""

    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    cut: bool = False


@dataclass
class Pipe:
    """One connection between a peer's socket and a broker's; `to_broker` and `to_peer` hold what is on its way."""

    identity: bytes
    line: Line
    broker: BrokerProcess
    open: bool = True
    waiting: dict[str, int] = field(default_factory=lambda: {"in": 0, "out": 0})
    arrives: dict[str, float] = field(default_factory=lambda: {"in": 0.0, "out": 0.0})
    held: dict[str, list[bytes]] = field(default_factory=lambda: {"in": [], "out": []})


class Backbone:
    """All lines and brokers of a world. Directions are the broker's: "in" is from the peer to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.brokers: dict[str, BrokerProcess] = {}
        self.lines: list[Line] = []
        self._weather: dict[tuple[str, str, str], Weather] = {}
        self.lost = 0

    def weather(self, process: str, address: str, direction: str) -> Weather:
        """What the line of this process to that broker does to what goes in this direction."""
        return self._weather.setdefault((process, address, direction), Weather())

    def cut(self, process: str, address: str, directions: tuple[str, ...] = ("in", "out")) -> None:
        """Cut the line: nothing passes, and nobody is told."""
        for direction in directions:
            self.weather(process, address, direction).cut = True
        self.world.after(ZMTP_TIMEOUT, self._give_up, process, address)

    def mend(self, process: str, address: str) -> None:
        """Nothing is wrong with the line any more; what TCP held passes now."""
        for direction in ("in", "out"):
            self._weather.pop((process, address, direction), None)
        for line in self.lines:
            if line.process.name == process and line.connection.address == address and line.pipe is not None:
                for direction in ("in", "out"):
                    held, line.pipe.held[direction] = line.pipe.held[direction], []
                    for data in held:
                        line.pipe.waiting[direction] -= 1
                        self.carry(line.pipe, direction, data)

    def mend_all(self) -> None:
        """Every line is as it should be."""
        for process, address, _ in list(self._weather):
            self.mend(process, address)

    def _give_up(self, process: str, address: str) -> None:
        """ZMTP's heartbeats have had no answer."""
        if any(self.weather(process, address, direction).cut for direction in ("in", "out")):
            for line in self.lines:
                if line.process.name == process and line.connection.address == address and line.pipe is not None:
                    self.end(line.pipe)

    def carry(self, pipe: Pipe, direction: str, data: bytes) -> bool:
        """Put a message on its way; False when as many wait as may."""
        if pipe.waiting[direction] >= HIGH_WATER:
            return False
        weather = self.weather(pipe.line.process.name, pipe.line.connection.address, direction)
        random = self.world.random
        if weather.cut:
            pipe.waiting[direction] += 1
            pipe.held[direction].append(data)
            return True
        if weather.lose and random.random() < weather.lose:
            self.lost += 1
            return True
        for _ in range(2 if weather.double and random.random() < weather.double else 1):
            late = random.uniform(0.05, 0.5) if weather.reorder and random.random() < weather.reorder else 0.0
            arrives = self.world.now + random.uniform(0.0001, 0.002)
            if late:
                arrives += late
            else:
                arrives = pipe.arrives[direction] = max(arrives, pipe.arrives[direction])
            pipe.waiting[direction] += 1
            self.world.at(arrives, self._arrive, pipe, direction, data)
        return True

    def _arrive(self, pipe: Pipe, direction: str, data: bytes) -> None:
        if not pipe.open:
            return
        if direction == "in":
            pipe.broker.deliver(pipe, data)
        else:
            pipe.line.deliver(pipe, data)

    def end(self, pipe: Pipe) -> None:
        """The connection is gone, and all that was on it."""
        if pipe.open:
            pipe.open = False
            pipe.broker.pipes.pop(pipe.identity, None)
            pipe.line.ended(pipe)


class Line:
    """In the place of `broker.link.line.Line`: the same way in and out, over a simulated socket."""

    backbone: Backbone
    """Set by the system that is simulated; `Link` makes its lines itself."""

    def __init__(
        self,
        context: object,
        node: str,
        connection: Connection,
        receive: Callable[[Connection, list[bytes]], None],
        after: Callable[[], None],
        keys: Path | None = None,
    ) -> None:
        self.connection = connection
        self.pipe: Pipe | None = None
        process = asyncio.get_running_loop()
        assert isinstance(process, Process)
        self.process = process
        self._node = node
        self._identity = node.encode()
        self._receive = receive
        self._after = after
        self._renewals = 0
        self._attempts = 0
        self._closed = False
        self._socket = 0
        self._inbox: deque[bytes] = deque()
        self._reading = False
        self.backbone.lines.append(self)
        self._connect_later(0.001)

    def _connect_later(self, seconds: float) -> None:
        self.backbone.world.after(seconds, self._connect, self._socket)

    def _connect(self, socket: int) -> None:
        """ZeroMQ's own threads connect, whether or not the process runs."""
        if self._closed or socket != self._socket or self.pipe is not None or not self.process.alive:
            return
        broker = self.backbone.brokers.get(self.connection.address)
        here, there = self.process.name, self.connection.address
        cut = any(self.backbone.weather(here, there, direction).cut for direction in ("in", "out"))
        if broker is None or not broker.process.alive or cut or self._identity in broker.pipes:
            pause = RECONNECT_SECONDS[min(self._attempts, len(RECONNECT_SECONDS) - 1)]
            self._attempts += 1
            self._connect_later(pause)
            return
        self._attempts = 0
        self.pipe = broker.pipes[self._identity] = Pipe(self._identity, self, broker)

    def deliver(self, pipe: Pipe, data: bytes) -> None:
        """A message is here."""
        if pipe is self.pipe and self.process.alive:
            self._inbox.append(data)
            if not self._reading:
                self._reading = True
                self.process.call_soon(self._read)
        else:
            pipe.waiting["out"] -= 1

    def _read(self) -> None:
        self._reading = False
        inbox, self._inbox = self._inbox, deque()
        for data in inbox:
            if self._closed:
                return
            if self.pipe is not None:
                self.pipe.waiting["out"] -= 1
            self._receive(self.connection, [data])
        self._after()

    def ended(self, pipe: Pipe) -> None:
        """The connection is lost; with IMMEDIATE what was not read is, too."""
        if pipe is self.pipe:
            self.pipe = None
            self._inbox.clear()
            self._connect_later(RECONNECT_SECONDS[0])

    def renew(self) -> None:
        """Another socket, under an identity that was never used."""
        if self.pipe is not None:
            pipe, self.pipe = self.pipe, None
            self.backbone.end(pipe)
        self._renewals += 1
        self._socket += 1
        self._identity = f"{self._node}#{self._renewals}".encode()
        self._attempts = 0
        self._connect_later(0.001)

    def flush(self, now: float) -> None:
        """Send what may leave."""
        while (batch := self.connection.batch(now)) is not None:
            if self.pipe is None or not self.backbone.carry(self.pipe, "in", batch):
                self.connection.unsent()
                return

    def close(self) -> None:
        """The process leaves in order: what was sent lingers, and arrives."""
        self._closed = True
        if self.pipe is not None:
            self.backbone.world.after(0.05, self.backbone.end, self.pipe)


class BrokerProcess:
    """A broker: the real `Router` behind a simulated socket."""

    def __init__(self, backbone: Backbone, address: str, process: Process) -> None:
        self.backbone = backbone
        self.address = address
        self.process = process
        self.pipes: dict[bytes, Pipe] = {}
        name = f"{process.name}-{backbone.world.random.randrange(10**6)}"
        self.router = Router(name, Roster(), window=WINDOW, limit=2 * WINDOW)
        self._inbox: deque[tuple[Pipe, bytes]] = deque()
        self._reading = False
        backbone.brokers[address] = self
        process.call_soon(self._tick)

    def deliver(self, pipe: Pipe, data: bytes) -> None:
        """A message is here."""
        if self.process.alive:
            self._inbox.append((pipe, data))
            if not self._reading:
                self._reading = True
                self.process.call_soon(self._read)

    def _read(self) -> None:
        self._reading = False
        inbox, self._inbox = self._inbox, deque()
        for pipe, data in inbox:
            pipe.waiting["in"] -= 1
            self.router.receive(pipe.identity, data, self.process.clock())
        self._flush()

    def _tick(self) -> None:
        self.router.tick(self.process.clock())
        self._flush()
        self.process.call_later(TICK_SECONDS, self._tick)

    def _flush(self) -> None:
        router = self.router
        for identity, batch in router.strangers():
            self._send(identity, batch)
        for peer, batch in router.outgoing(self.process.clock()):
            sent = self._send(peer.identity, batch)
            if sent is None:
                router.unreachable(peer)
            elif not sent:
                router.clogged(peer)

    def _send(self, identity: bytes, batch: bytes) -> bool | None:
        """False: ZeroMQ's queue is full. None: it knows nobody of that name."""
        pipe = self.pipes.get(identity)
        return None if pipe is None else self.backbone.carry(pipe, "out", batch)

    def leave(self) -> None:
        """SIGTERM: tell everybody, then be gone."""
        for identity, batch in self.router.farewells():
            self._send(identity, batch)
        self.backbone.world.after(0.1, self.kill)

    def kill(self) -> None:
        """SIGKILL: the kernel ends its connections."""
        if self.process.alive:
            self.process.kill()
            if self.backbone.brokers.get(self.address) is self:
                del self.backbone.brokers[self.address]
            for pipe in list(self.pipes.values()):
                self.backbone.world.after(0.001, self.backbone.end, pipe)


def close_lines(backbone: Backbone, process: Process) -> None:
    """The process was killed: the kernel ends its connections, what it had handed over arrives or not."""
    for line in [line for line in backbone.lines if line.process is process]:
        backbone.lines.remove(line)
        if line.pipe is not None:
            backbone.world.after(backbone.world.random.uniform(0.0, 0.01), backbone.end, line.pipe)

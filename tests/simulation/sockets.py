"""WebSockets between clients and edges, in virtual time: TCP's order, and TCP's ways to end.

`Port` stands where uvicorn's protocol stands, `Socket` where aiohttp's does; what passes between them is what the
edge wrote, frame by frame, and what the client wrote. A connection can be cut (both ends learn of it, what was on its
way is lost), or fall silent (nobody learns of it until somebody asks).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.simulation.world import Process, World

HIGH_WATER = 64 * 1024


@dataclass(frozen=True)
class Message:
    """What a client's `receive` returns."""

    type: aiohttp.WSMsgType
    data: Any = None


CLOSED = Message(aiohttp.WSMsgType.CLOSED)


class Wire:
    """One TCP connection: in order in each direction, with a delay."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open = True
        self.silent = False
        self._arrives = {"up": 0.0, "down": 0.0}

    def carry(self, direction: str, call: Callable[..., None], *args: Any) -> None:
        """Have `call` happen at the other end, unless the connection has ended by then."""
        if not self.open or self.silent:
            return
        arrives = max(self._arrives[direction], self.world.now + self.world.random.uniform(0.0002, 0.003))
        self._arrives[direction] = arrives
        self.world.at(arrives, self._arrive, call, args)

    def _arrive(self, call: Callable[..., None], args: tuple[Any, ...]) -> None:
        if self.open and not self.silent:
            call(*args)


class Port:
    """The edge's end: what `edge.socket.transport.SocketPort` offers."""

    def __init__(self, wire: Wire, process: Process, client: Socket) -> None:
        self.on_message: Callable[[bytes, bool], None] | None = None
        self.on_part: Callable[[], None] | None = None
        self.on_gone: Callable[[], None] | None = None
        self.written = 0
        self.taken = 0
        self.wire = wire
        self.process = process
        self._client = client
        self._closed = False
        self._held = False
        self._inbox: deque[tuple[bytes, bool]] = deque()
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def paused(self) -> bool:
        return self.backlog() > HIGH_WATER

    @property
    def open(self) -> bool:
        return not self._closed

    def write(self, frame: bytes) -> None:
        if not self._closed:
            self.written += len(frame)
            self.wire.carry("down", self._client.deliver, frame)

    def backlog(self) -> int:
        return 0 if self._closed else self.written - self._client.taken

    async def drained(self) -> None:
        """The simulated clients take what comes."""

    def hold_reading(self, hold: bool) -> None:
        self._held = hold
        if not hold and self._inbox:
            self.process.call_soon(self._read)

    def close(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            self.wire.carry("down", self._client.closed_by_server, int(code))

    def deliver(self, data: bytes, binary: bool) -> None:
        """A frame of the client is here."""
        if self.process.alive and not self._closed:
            self._inbox.append((data, binary))
            self.process.call_soon(self._read)

    def _read(self) -> None:
        while self._inbox and not self._held and self.on_message is not None:
            self.on_message(*self._inbox.popleft())

    def gone(self) -> None:
        """The connection ended."""
        self.wire.open = False
        if self.process.alive and not self._closed:
            self._closed = True
            self.process.call_soon(self._tell_gone)

    def _tell_gone(self) -> None:
        if self.on_gone is not None:
            self.on_gone()


class Socket:
    """The client's end: what `bench.connection` needs of aiohttp's."""

    def __init__(self, wire: Wire, process: Process) -> None:
        self.close_code: int | None = None
        self.taken = 0
        self.wire = wire
        self.port: Port
        self._process = process
        self._inbox: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None

    async def receive(self) -> Message:
        """The next message, or that there is none any more."""
        while not self._inbox:
            self._waiter = self._process.create_future()
            await self._waiter
        message = self._inbox.popleft()
        if message is CLOSED:
            self._inbox.append(CLOSED)
        return message

    async def send_bytes(self, data: bytes) -> None:
        self.wire.carry("up", self.port.deliver, data, True)

    async def send_str(self, data: str) -> None:
        self.wire.carry("up", self.port.deliver, data.encode(), False)

    async def close(self) -> None:
        if self.wire.open:
            self.wire.carry("up", self.port.gone)
            self._end()

    def deliver(self, data: bytes) -> None:
        """What the edge wrote at once: one frame or several."""
        self.taken += len(data)
        for payload, binary in frames_of(data):
            kind = aiohttp.WSMsgType.BINARY if binary else aiohttp.WSMsgType.TEXT
            self._put(Message(kind, payload))

    def closed_by_server(self, code: int) -> None:
        """A close frame."""
        self.close_code = code
        self._end()
        self.wire.open = False

    def cut(self) -> None:
        """The connection ended; each end learns of it by itself."""
        if self.wire.open:
            self.wire.open = False
            self.port.gone()
            self._end()

    def _end(self) -> None:
        self._put(CLOSED)

    def _put(self, message: Message) -> None:
        if self._process.alive:
            self._inbox.append(message)
            if self._waiter is not None:
                self._process.call_soon(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._waiter = None


def frames_of(data: bytes) -> list[tuple[bytes, bool]]:
    """The payloads of unmasked WebSocket frames (RFC 6455, 5.2), and whether each is binary."""
    found: list[tuple[bytes, bool]] = []
    at = 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        found.append((data[start : start + size], data[at] == 0x82))
        at = start + size
    return found


class Reception:
    """Where clients reach edges, by name; `edges` maps a name to who takes its sockets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.edges: dict[str, tuple[Process, Callable[[Port, bool], None]]] = {}
        self.sockets: list[Socket] = []

    async def dial(self, process: Process, edge: str, *, binary: bool) -> Socket:
        """A connection to the edge; raises OSError when nobody listens there."""
        await asyncio.sleep(self.world.random.uniform(0.0005, 0.004))
        if edge not in self.edges or not self.edges[edge][0].alive:
            raise ConnectionRefusedError(edge)
        serving, opened = self.edges[edge]
        wire = Wire(self.world)
        socket = Socket(wire, process)
        socket.port = Port(wire, serving, socket)
        self.sockets = [one for one in self.sockets if one.wire.open]
        self.sockets.append(socket)
        serving.call_soon(opened, socket.port, binary)
        return socket

    def of(self, process: Process) -> list[Socket]:
        """The open sockets that have an end in this process."""
        return [one for one in self.sockets if one.wire.open and process in (one.port.process, one._process)]

    def close(self, process: Process) -> None:
        """The process was killed: the kernel ends its connections."""
        for socket in self.of(process):
            self.world.after(self.world.random.uniform(0.0, 0.01), socket.cut)

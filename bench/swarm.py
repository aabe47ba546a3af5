"""Many users on few microseconds: raw WebSockets that write messages and note deliveries.

Every delivery is checked, none is fully decoded: a typed struct takes seq and id out of the frame. A user
whose connection ends comes back with its cursor at once, as a client would.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from bench.dial import dial
from bench.frames import Acked, Delivered, Failed, Frame, Greeted, Hello, Ping, decode, encode
from bench.ledger import Ledger, Reader

CONNECTING_AT_ONCE = 32
READY_SECONDS = 30.0
RECONNECT_SECONDS = 0.2


class User(WSListener):
    """One account's connection."""

    def __init__(self, swarm: Swarm, reader: Reader, token: str, conversation: str) -> None:
        self.reader = reader
        self.token = token
        self.conversation = conversation
        self.epoch: str | None = None
        self.ready = asyncio.Event()
        self.transport: WSTransport | None = None
        self.close_code = ""
        self._swarm = swarm

    def write(self, frame: Frame | Ping | Hello) -> bool:
        """False when there is no connection to write to."""
        if self.transport is None:
            return False
        self.transport.send(WSMsgType.BINARY, encode(frame))
        return True

    def heads(self) -> dict[str, int]:
        """What this user has."""
        return {self.conversation: self.reader.cursor}

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet; with the cursor when this is a return."""
        self.transport = transport
        cursors = self.heads() if self.epoch is not None else {}
        self.write(Hello(self.token, "firehose/1", cursors, self.epoch))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """The hot path."""
        if frame.msg_type is not WSMsgType.BINARY:
            if frame.msg_type is WSMsgType.CLOSE:
                self.close_code = str(frame.get_close_code())
                transport.disconnect()
            return
        try:
            heard = decode(frame.get_payload_as_memoryview())
        except msgspec.ValidationError:
            return  # a type that says nothing to a load generator
        now = time.monotonic()
        swarm = self._swarm
        if type(heard) is Delivered:
            if heard.conversation != self.conversation:
                swarm.ledger.foreign += 1
                return
            number = int(heard.id[24:], 16) if heard.id.startswith(swarm.run) else -1
            swarm.ledger.received(self.reader, heard.seq, number, now)
        elif type(heard) is Acked:
            swarm.ledger.acked(int(heard.id[24:], 16), heard.seq, now)
        elif type(heard) is Failed:
            if heard.id is not None and heard.id.startswith(swarm.run):
                swarm.ledger.refused(int(heard.id[24:], 16), heard.code)
            else:
                swarm.ledger.errors[heard.code] += 1
        elif type(heard) is Greeted:
            self.epoch = heard.epoch
            swarm.heartbeat = heard.heartbeat
            self.ready.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Come back, unless the run is over."""
        self.transport = None
        if self.ready.is_set():  # else whoever brings it up hears of it
            self.ready.clear()
            self._swarm.gone(self)


class Swarm:
    """All users of a run. `body` makes the text of a message from its number."""

    def __init__(self, urls: list[str], ledger: Ledger, *, body: Callable[[int], str] = "message {}".format) -> None:
        self.ledger = ledger
        self.users: list[User] = []
        self.heartbeat = 25.0
        self.run = f"{uuid.uuid4().hex[:8]}-0000-4000-8000-"
        self.closes: Counter[str] = Counter()
        self.reconnects = 0
        self._urls = urls
        self._body = body
        self._gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def connect(self, tokens: list[str], conversations: list[str], head: int) -> None:
        """Bring all users up; `head` is where the conversations stand. Raises OSError."""
        for reader, token in zip(self.ledger.readers, tokens, strict=True):
            reader.next = head + 1
            self.users.append(User(self, reader, token, conversations[reader.conversation]))
        await asyncio.gather(*(self._bring_up(user) for user in self.users))

    def send(self, number: int, intended: float) -> None:
        """Message `number`, due at `intended`, goes out now."""
        _, sender = self.ledger.place(number)
        user = self.users[sender]
        self.ledger.sending(intended, time.monotonic())
        if not user.write(Frame(f"{self.run}{number:012x}", user.conversation, self._body(number))):
            self.ledger.refused(number, "not_connected")

    def ping(self) -> None:
        """Every user tells what it has, so that the server sends what is missing."""
        for user in self.users:
            user.write(Ping(user.heads()))

    async def beat(self) -> None:
        """Ping as often as the server asked for; until cancelled."""
        while True:
            await asyncio.sleep(self.heartbeat)
            self.ping()

    async def settle(self, seconds: float) -> None:
        """Wait until all is settled, `seconds` at most; halfway, ask once for what is missing."""
        deadline = time.monotonic() + seconds
        asked = False
        while not self.ledger.settled and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            if not asked and time.monotonic() > deadline - seconds / 2:
                asked = True
                self.ping()
        await asyncio.sleep(0.2)  # a duplicate would come last

    async def close(self) -> None:
        """Hang up everywhere."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        leaving = [user.transport for user in self.users if user.transport is not None]
        for transport in leaving:
            transport.send_close()
            transport.disconnect()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(*(transport.wait_disconnected() for transport in leaving))

    def gone(self, user: User) -> None:
        """A connection ended."""
        if not self._closing:
            self.closes[user.close_code or "no close frame"] += 1
            task = asyncio.create_task(self._return(user))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _return(self, user: User) -> None:
        while not self._closing:
            await asyncio.sleep(RECONNECT_SECONDS)
            with suppress(OSError, TimeoutError, msgspec.MsgspecError):
                await self._bring_up(user)
                self.reconnects += 1
                return

    async def _bring_up(self, user: User) -> None:
        url = self._urls[user.reader.user % len(self._urls)]
        async with self._gate:
            transport = await dial(user, url)
            ready = asyncio.create_task(user.ready.wait())
            ended = asyncio.create_task(transport.wait_disconnected())
            try:
                await asyncio.wait({ready, ended}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not ready.done():
                    transport.disconnect(graceful=False)
                    raise ConnectionError(f"closed ({user.close_code}) or silent before ready")
            finally:
                ready.cancel()
                ended.cancel()

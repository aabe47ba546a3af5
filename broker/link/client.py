"""`Link`: a peer's end of the backbone, to every broker there is.

A frame goes through the live broker that rendezvous hashing picks for its key, among those that know a live peer for
it. What is queued within one loop turn leaves as one ZeroMQ message per broker. Sends are hints in themselves: who
needs more resends (`broker.link.resend`), or reads the log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple
from uuid import uuid4

import msgspec
import structlog
import zmq

from broker.flow.shards import Shards, owner
from broker.link.connection import Connection, Received, State
from broker.link.drain import Drain
from broker.link.sockets import LINGER_MS, dealer_socket
from broker.wire.envelope import cost
from broker.wire.limits import PAYLOAD_BYTES

__all__ = ["Link", "LinkDown", "LinkError", "LinkFull", "LinkSettings", "Received", "RosterChange", "Way"]

log = structlog.get_logger()

TICK_SECONDS = 0.1
GOODBYE_SECONDS = 0.5


class LinkError(Exception):
    """The backbone does not take this now."""


class LinkDown(LinkError):
    """No broker is reachable."""


class LinkFull(LinkError):
    """As much waits for the broker as may."""


class LinkSettings(msgspec.Struct, frozen=True):
    """`brokers` are all their addresses; window and waiting as in the broker's settings, for the other direction."""

    brokers: tuple[str, ...]
    window_bytes: int = 4 * 1024 * 1024
    waiting_bytes: int = 8 * 1024 * 1024


class Way(NamedTuple):
    """By which broker (its address) a frame left, and to which node, as far as the roster tells."""

    broker: str
    node: str | None


class RosterChange(NamedTuple):
    """Nodes (and brokers, by address) that came, that are avoided from now on, and that are gone."""

    joined: frozenset[str]
    suspected: frozenset[str]
    gone: frozenset[str]


class Link:
    """Open it with `async with`; callbacks run in the event loop, one frame after another.

    `manual_credit`: a frame counts as used up only when `consumed` is called for it, so that what a worker has
    queued holds its senders back.
    """

    def __init__(
        self,
        role: str,
        settings: LinkSettings,
        *,
        on_frame: Callable[[Received], None],
        on_undeliverable: Callable[[int, str], None] = lambda tag, reason: None,
        on_roster: Callable[[RosterChange], None] = lambda change: None,
        on_overrun: Callable[[], None] = lambda: None,
        manual_credit: bool = False,
    ) -> None:
        if not settings.brokers:
            raise ValueError("a link needs the address of at least one broker")
        self.role = role
        self.node = f"{role}-{uuid4().hex[:12]}"
        self._settings = settings
        self._on_frame = on_frame
        self._on_undeliverable = on_undeliverable
        self._on_roster = on_roster
        self._on_overrun = on_overrun
        self._manual_credit = manual_credit
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._connections: dict[str, Connection] = {}
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._drains: dict[str, Drain] = {}
        self._known: dict[str, tuple[str, bool]] = {}
        self._shards: dict[str, Shards] = {}
        self._ways: dict[tuple[str, str], Way | None] = {}
        self._flushing = False
        self._ticking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    # Life -------------------------------------------------------------------

    async def __aenter__(self) -> Link:
        for address in self._settings.brokers:
            # A routing id is never used twice (libzmq 2892): one for each broker, with the node's own nonce in it.
            socket = dealer_socket(self._context, address, self.node)
            self._sockets[address] = socket
            connection = Connection(address, self.node, self.role, self._settings, manual=self._manual_credit)
            self._connections[address] = connection

            def receive(parts: list[bytes], connection: Connection = connection) -> None:
                self._receive(connection, parts)

            self._drains[address] = Drain(socket, receive, self._flush)
        self._ticking = asyncio.create_task(self._tick_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._ticking is not None
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        deadline = time.monotonic() + GOODBYE_SECONDS
        self._flush()
        while any(c.queued for c in self._connections.values() if c.live) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            self._flush()
        for connection in self._connections.values():
            connection.goodbye()
        self._flush()
        for drain in self._drains.values():
            drain.close()
        await asyncio.to_thread(self._context.destroy, LINGER_MS)

    @property
    def ready(self) -> bool:
        """Is at least one broker live?"""
        return any(connection.state is State.LIVE for connection in self._connections.values())

    async def wait_ready(self, seconds: float) -> None:
        """Return when a broker is live; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.ready:
                self._changed.clear()
                await self._changed.wait()

    # Who is there -----------------------------------------------------------

    def peers(self, role: str) -> frozenset[str]:
        """The live nodes of a role, as any live broker tells; those suspect everywhere are left out."""
        return frozenset(n for n, (named, suspect) in self._known.items() if named == role and not suspect)

    def owns(self, key: str) -> bool:
        """Is this node the owner of `key` among the live nodes of its own role?"""
        return self._owner(self.role, key) == self.node

    def _owner(self, role: str, key: str) -> str | None:
        shards = self._shards.get(role)
        if shards is None:
            nodes = self.peers(role) | ({self.node} if role == self.role else frozenset())
            shards = self._shards[role] = Shards()
            shards.change(nodes)
        return shards.owner(key)

    def way(self, role: str, key: str) -> Way | None:
        """By which broker, and to whom, a frame for the owner of `key` would go now; None when no broker is live."""
        try:
            return self._ways[role, key]
        except KeyError:
            live = [c for c in self._connections.values() if c.state is State.LIVE]
            able = [c for c in live if c.knows_role(role)] or live
            address = owner(key, (c.address for c in able))
            found = None if address is None else Way(address, self._connections[address].owner(role, key))
            if len(self._ways) >= 100_000:
                self._ways.clear()
            self._ways[role, key] = found
            return found

    # Out --------------------------------------------------------------------

    def send(self, role: str, key: str, payload: bytes, *, tag: int = 0, ttl: float | None = None) -> Way:
        """Queue a frame for the owner of `key`; with `ttl` seconds to live it is a command, without it a hint.

        Raises `LinkDown` when no broker is live, `LinkFull` when too much waits for it.
        """
        way = self.way(role, key)
        if way is None:
            raise LinkDown("no broker is live")
        self._offer(self._connections[way.broker], True, role, key, payload, tag, ttl)
        return way

    def send_to(self, node: str, payload: bytes, *, tag: int = 0, ttl: float | None = None, key: str = "") -> Way:
        """Queue a frame for one node, through a broker that knows it if there is one."""
        way = self._ways.get(("", node))
        if way is None:
            live = [c for c in self._connections.values() if c.state is State.LIVE]
            able = [c for c in live if c.knows(node)] or live
            address = owner(node, (c.address for c in able))
            if address is None:
                raise LinkDown("no broker is live")
            way = self._ways["", node] = Way(address, node)
        self._offer(self._connections[way.broker], False, node, key, payload, tag, ttl)
        return way

    def _offer(
        self,
        connection: Connection,
        by_key: bool,
        to: str,
        key: str,
        payload: bytes,
        tag: int,
        ttl: float | None,
    ) -> None:
        if len(payload) > PAYLOAD_BYTES:
            raise ValueError(f"a payload has at most {PAYLOAD_BYTES} bytes, this one {len(payload)}")
        deadline = float("inf") if ttl is None else time.monotonic() + ttl
        if not connection.gate.offer((by_key, tag, to, key, deadline, payload), cost(payload)):
            raise LinkFull(f"too much waits for {connection.address}")
        self._flush_soon()

    def consumed(self, received: Received) -> None:
        """With `manual_credit`: this frame is used up."""
        received.ledger.release(received.cost)
        if received.ledger.due:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        now = time.monotonic()
        for address, connection in self._connections.items():
            sent = False
            while (batch := connection.batch(now)) is not None:
                try:
                    self._sockets[address].send(batch, zmq.DONTWAIT)
                except zmq.Again:
                    # No connection, or libzmq's own queue is full. What was in the batch is lost like any hint;
                    # commands are reported, so their senders try again.
                    for tag in connection.unsent():
                        self._on_undeliverable(tag, "gone")
                    break
                sent = True
            if sent:
                self._drains[address].look()

    # In ---------------------------------------------------------------------

    def _receive(self, connection: Connection, parts: list[bytes]) -> None:
        roster = False
        for event in connection.receive(parts, time.monotonic()):
            if isinstance(event, Received):
                self._on_frame(event)
                if not self._manual_credit:
                    event.ledger.release(event.cost)
            elif event == "roster":
                roster = True
            elif event == "overrun":
                self._on_overrun()
            else:
                self._on_undeliverable(*event)
        if roster:
            self._roster_changed(frozenset(), frozenset())

    def _roster_changed(self, suspected_brokers: frozenset[str], gone_brokers: frozenset[str]) -> None:
        """Compare what all live brokers tell with what was known; tell the owner of this link what is different."""
        known: dict[str, tuple[str, bool]] = {}
        for connection in self._connections.values():
            if not connection.live:
                continue
            for node, (role, suspect) in connection.nodes.items():
                known[node] = (role, suspect and known.get(node, (role, True))[1])
        before, self._known = self._known, known
        self._shards.clear()
        self._ways.clear()
        self._changed.set()
        trusted = {node for node, (_, suspect) in known.items() if not suspect}
        trusted_before = {node for node, (_, suspect) in before.items() if not suspect}
        change = RosterChange(
            frozenset(trusted - trusted_before),
            frozenset((trusted_before - trusted) & known.keys()) | suspected_brokers,
            frozenset(before.keys() - known.keys()) | gone_brokers,
        )
        if any(change):
            self._on_roster(change)

    async def _tick_for_ever(self) -> None:
        while True:
            now = time.monotonic()
            suspected, gone = set(), set()
            for connection in self._connections.values():
                match connection.tick(now):
                    case "suspect":
                        log.warning("link.suspect", broker=connection.address)
                        suspected.add(connection.address)
                    case "gone":
                        log.warning("link.gone", broker=connection.address)
                        gone.add(connection.address)
            for connection in self._connections.values():
                if connection.address in suspected | gone:
                    for tag in connection.abandon():
                        self._on_undeliverable(tag, "gone")
            if suspected or gone:
                self._roster_changed(frozenset(suspected), frozenset(gone))
            self._flush()
            await asyncio.sleep(TICK_SECONDS)

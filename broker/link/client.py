"""`Link`: a peer's end of the backbone, to every broker there is.

A frame goes through the live broker that rendezvous hashing picks for its key, among those that know a live peer for
it. What is queued within one loop turn leaves as one ZeroMQ message per broker. Sends are hints in themselves: who
needs more resends (`broker.link.resend`), or reads the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from uuid import uuid4

import structlog
import zmq

from broker.flow.shards import CACHED_KEYS, Shards, owner
from broker.link.connection import Connection, Received, State
from broker.link.line import Line
from broker.link.needs import LinkSettings
from broker.link.sockets import LINGER_MS
from broker.wire.envelope import cost
from broker.wire.limits import KEY_BYTES, PAYLOAD_BYTES

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

    `undeliverable` (by reason), `overruns` and `refused` (frames that it did not take) are counted for metrics.
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
        self._lines: dict[str, Line] = {}
        self._known: dict[str, tuple[str, bool]] = {}
        self._shards: dict[str, Shards] = {}
        self._ways: dict[tuple[str | None, str], Way | None] = {}
        self._flushing = False
        self._ticking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.undeliverable: Counter[str] = Counter()
        self.overruns = 0
        self.refused = 0

    # Life -------------------------------------------------------------------

    async def __aenter__(self) -> Link:
        keys = Path(self._settings.keys) if self._settings.keys else None
        for address in self._settings.brokers:
            connection = Connection(address, self.node, self.role, self._settings, manual=self._manual_credit)
            self._lines[address] = Line(self._context, self.node, connection, self._receive, self._flush, keys)
        self._ticking = asyncio.create_task(self._tick_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._ticking is not None
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        try:
            deadline = time.monotonic() + GOODBYE_SECONDS
            self._flush()
            while any(connection.queued for connection in self.connections) and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
                self._flush()
            for connection in self.connections:
                connection.goodbye()
            self._flush()
        finally:
            for line in self._lines.values():
                line.close()
            await asyncio.to_thread(self._context.destroy, LINGER_MS)

    async def leave(self, seconds: float) -> None:
        """Give up our role, and go on: when this returns, nothing more comes by key, and what had left is here.

        What is for us by name still comes, and we may send. Waits for the word of every live broker, but no longer
        than `seconds`: then one that is slow may still give us something.
        """
        for connection in self.connections:
            connection.retire()
        self._flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(connection.gives for connection in self._live()):
                    self._changed.clear()
                    await self._changed.wait()

    @property
    def connections(self) -> Iterator[Connection]:
        """One to each broker, in whatever state it is."""
        return (line.connection for line in self._lines.values())

    def _live(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.state is State.LIVE]

    @property
    def ready(self) -> bool:
        """Is at least one broker live?"""
        return bool(self._live())

    @property
    def brokers(self) -> int:
        """How many brokers are live."""
        return len(self._live())

    async def wait_ready(self, seconds: float) -> None:
        """Return when a broker is live; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.ready:
                self._changed.clear()
                await self._changed.wait()

    # Who is there -----------------------------------------------------------

    def peers(self, role: str) -> frozenset[str]:
        """The live nodes of a role, as any live broker tells, but for those that leave or are suspect everywhere."""
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
            live = self._live()
            able = [connection for connection in live if connection.knows_role(role)] or live
            address = owner(key, (connection.address for connection in able))
            to = None if address is None else self._lines[address].connection.owner(role, key)
            return self._remember((role, key), address, to)

    def way_to(self, node: str) -> Way | None:
        """By which broker a frame for `node` would go now, one that knows it if there is any."""
        try:
            return self._ways[None, node]
        except KeyError:
            live = self._live()
            able = [connection for connection in live if connection.knows(node)] or live
            address = owner(node, (connection.address for connection in able))
            return self._remember((None, node), address, node)

    def heard_by(self, brokers: frozenset[str]) -> bool:
        """Did others reach this node by one of these brokers, which are lost now? They choose as `way_to` does."""
        before = {connection.address for connection in self._live()} | (brokers & self._lines.keys())
        return owner(self.node, before) in brokers

    def _remember(self, question: tuple[str | None, str], address: str | None, node: str | None) -> Way | None:
        if len(self._ways) >= CACHED_KEYS:
            self._ways.clear()
        way = self._ways[question] = None if address is None else Way(address, node)
        return way

    # Out --------------------------------------------------------------------

    def send(self, role: str, key: str, payload: bytes, *, tag: int = 0, ttl: float | None = None) -> Way:
        """Queue a frame for the owner of `key`; with `ttl` seconds to live it is a command, without it a hint.

        Raises `LinkDown` when no broker is live, `LinkFull` when too much waits for it, ValueError for a key of more
        than 512 bytes or a payload of more than 2 MiB.
        """
        return self._offer(self.way(role, key), True, role, key, payload, tag, ttl)

    def send_to(self, node: str, payload: bytes, *, tag: int = 0, ttl: float | None = None, key: str = "") -> Way:
        """Queue a frame for one node, through a broker that knows it if there is one. Raises as `send` does."""
        return self._offer(self.way_to(node), False, node, key, payload, tag, ttl)

    def _offer(
        self,
        way: Way | None,
        by_key: bool,
        to: str,
        key: str,
        payload: bytes,
        tag: int,
        ttl: float | None,
    ) -> Way:
        if len(payload) > PAYLOAD_BYTES:
            raise ValueError(f"a payload has at most {PAYLOAD_BYTES} bytes, this one {len(payload)}")
        if max(len(to.encode()), len(key.encode())) > KEY_BYTES:
            raise ValueError(f"keys and names have at most {KEY_BYTES} bytes")
        if way is None:
            self.refused += 1
            raise LinkDown("no broker is live")
        deadline = float("inf") if ttl is None else time.monotonic() + ttl
        gate = self._lines[way.broker].connection.gate
        if not gate.offer((by_key, tag, to, key, deadline, payload), cost(payload)):
            self.refused += 1
            raise LinkFull(f"too much waits for {way.broker}")
        self._flush_soon()
        return way

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
        for line in self._lines.values():
            line.flush(now)

    # In ---------------------------------------------------------------------

    def _receive(self, connection: Connection, parts: list[bytes]) -> None:
        for event in connection.receive(parts, time.monotonic()):
            if isinstance(event, Received):
                self._call(self._on_frame, event)
            elif isinstance(event, tuple):
                self.undeliverable[event[1]] += 1
                self._call(self._on_undeliverable, *event)
            elif event == "overrun":
                self.overruns += 1
                self._call(self._on_overrun)
            elif event == "ended":
                log.warning("link.ended", broker=connection.address)
                self._roster_changed(gone=frozenset({connection.address}))
            else:
                self._roster_changed()

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        """A fault in what our owner does with one frame must not cost the frames behind it, or the heartbeat."""
        try:
            callback(*arguments)
        except Exception:
            log.exception("link.fault", callback=callback.__name__)

    def _roster_changed(
        self, suspected: frozenset[str] = frozenset[str](), gone: frozenset[str] = frozenset[str]()
    ) -> None:
        """Compare what the brokers tell with what was known; tell the owner of this link what is different.

        What live brokers tell counts; the roster of a suspect one only as long as there is no live one.
        """
        suspect_ones = [connection for connection in self.connections if connection.state is State.SUSPECT]
        known: dict[str, tuple[str, bool]] = {}
        for connection in self._live() or suspect_ones:
            for node, (role, suspect) in connection.nodes.items():
                named, avoided = known.get(node, (role, True))
                # Leaving (no role) is what a node says itself, and some brokers hear it later than others.
                known[node] = (role and named, suspect and avoided)
        before, self._known = self._known, known
        self._shards.clear()
        self._ways.clear()
        self._changed.set()
        trusted = {node for node, (_, suspect) in known.items() if not suspect}
        trusted_before = {node for node, (_, suspect) in before.items() if not suspect}
        change = RosterChange(
            frozenset(trusted - trusted_before),
            frozenset((trusted_before - trusted) & known.keys()) | suspected,
            frozenset(before.keys() - known.keys()) | gone,
        )
        if any(change):
            self._call(self._on_roster, change)

    # Time -------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while True:
            self._tick(time.monotonic())
            self._flush()
            await asyncio.sleep(TICK_SECONDS)

    def _tick(self, now: float) -> None:
        suspected, gone = set(), set()
        tags: list[int] = []
        for line in self._lines.values():
            connection = line.connection
            match connection.tick(now):
                case "suspect":
                    log.warning("link.suspect", broker=connection.address)
                    suspected.add(connection.address)
                    tags += connection.abandon(hints=False)
                case "gone":
                    log.warning("link.gone", broker=connection.address)
                    gone.add(connection.address)
                    tags += connection.abandon(hints=True)
                case "deaf":
                    line.renew()
        if suspected or gone:
            self._roster_changed(frozenset(suspected), frozenset(gone))
        for tag in tags:
            self.undeliverable["gone"] += 1
            self._call(self._on_undeliverable, tag, "gone")

"""The broker process's loop: a ROUTER socket around the pure `Router`. Thin."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import structlog
import zmq

from broker.gatekeeper import Gatekeeper, Handshakes
from broker.link.curve import KeyFault
from broker.link.drain import DONTWAIT, SNDMORE, Drain
from broker.link.sockets import LINGER_MS, curve_keys, router_socket
from broker.routing.roster import Roster
from broker.routing.router import Router
from broker.settings import BrokerSettings

log = structlog.get_logger()

TICK_SECONDS = 0.1
FAREWELL_SECONDS = 0.1


class Broker:
    """One broker on one address; `open_broker` makes it."""

    def __init__(
        self, settings: BrokerSettings, socket: zmq.Socket[bytes], gatekeeper: Gatekeeper | None = None
    ) -> None:
        self.router = Router(
            f"broker-{uuid4().hex[:8]}",
            Roster(settings.suspect_seconds, settings.gone_seconds),
            window=settings.window_bytes,
            limit=settings.waiting_bytes,
        )
        self._socket = socket
        self._gatekeeper = gatekeeper
        self.handshakes = Handshakes(socket)
        self._drain = (
            Drain(socket, self._receive, self._flush)
            if gatekeeper is None
            else Drain(socket, self._receive_named, self._flush, copy=False)
        )
        self._faulty_keys = False
        self._ticking = asyncio.create_task(self._tick_for_ever())

    def _receive(self, parts: list[bytes]) -> None:
        if len(parts) == 2:
            self.router.receive(parts[0], parts[1], time.monotonic())
        else:
            self.router.counts.malformed += 1

    def _receive_named(self, parts: list[zmq.Frame]) -> None:
        """As `_receive`, where each message tells under whose key it came."""
        if len(parts) == 2:
            user = parts[1].get("User-Id")
            self.router.receive(parts[0].bytes, parts[1].bytes, time.monotonic(), str(user))
        else:
            self.router.counts.malformed += 1

    def _send(self, identity: bytes, batch: bytes) -> None:
        # What send_multipart does, without looking at each part's type first: this runs for every batch.
        self._socket.send(identity, DONTWAIT | SNDMORE)
        self._socket.send(batch, DONTWAIT)

    def _flush(self) -> None:
        router = self.router
        for identity, batch in router.strangers():
            with contextlib.suppress(zmq.ZMQError):
                self._send(identity, batch)
        for peer, batch in router.outgoing(time.monotonic()):
            try:
                self._send(peer.identity, batch)
            except zmq.Again:
                router.clogged(peer)
            except zmq.ZMQError as fault:
                if fault.errno != zmq.EHOSTUNREACH:
                    raise
                log.info("broker.unreachable", node=peer.name)
                router.unreachable(peer)
        self._drain.look()

    async def serve(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises the fault of a broker that can no longer judge who is silent."""
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, self._ticking}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._ticking.done():
            self._ticking.result()

    async def _tick_for_ever(self) -> None:
        """Judge the silent, ten times a second."""
        while True:
            suspected, gone = self.router.tick(time.monotonic())
            for name in suspected:
                log.warning("broker.suspect", node=name)
            for name in gone:
                log.warning("broker.gone", node=name)
            self._flush()
            self._look_who_may_connect()
            await asyncio.sleep(TICK_SECONDS)

    def _look_who_may_connect(self) -> None:
        if self._gatekeeper is None:
            return
        try:
            self._gatekeeper.look()
            self._faulty_keys = False
        except KeyFault as fault:
            if not self._faulty_keys:
                log.error("broker.keys_unusable", reason=str(fault))
            self._faulty_keys = True

    async def close(self) -> None:
        """Stop reading and tell everyone; what was sent lingers a second."""
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        self._drain.close()
        await self.handshakes.close()
        for identity, batch in self.router.farewells():
            with contextlib.suppress(zmq.ZMQError):
                self._send(identity, batch)
        # A DEALER with IMMEDIATE=1 throws away what it has not read when its connection ends (0 of 20 farewells were
        # heard without a pause, 20 of 20 with 20 ms), and no LINGER on this side helps.
        await asyncio.sleep(FAREWELL_SECONDS)


@contextlib.asynccontextmanager
async def open_broker(settings: BrokerSettings) -> AsyncIterator[Broker]:
    """A broker that routes as long as the context is open."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gatekeeper: Gatekeeper | None = None
    try:
        keys = Path(settings.keys) if settings.keys else None
        if (used := curve_keys(settings.bind, keys)) is not None:
            gatekeeper = Gatekeeper(context, used)
        broker = Broker(settings, router_socket(context, settings.bind, keys), gatekeeper)
        log.info("broker.started", broker=broker.router.name, bind=settings.bind, curve=gatekeeper is not None)
        try:
            yield broker
        finally:
            await broker.close()
            refused = sum(broker.handshakes.failed.values())
            counts = vars(broker.router.counts)
            log.info("broker.stopped", broker=broker.router.name, handshakes_refused=refused, **counts)
    finally:
        if gatekeeper is not None:
            gatekeeper.close()
        context.destroy(linger=LINGER_MS)

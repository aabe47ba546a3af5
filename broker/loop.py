"""The broker process's loop: a ROUTER socket around the pure `Router`. Thin."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import structlog
import zmq

from broker.link.drain import DONTWAIT, SNDMORE, Drain
from broker.link.sockets import LINGER_MS, router_socket
from broker.routing.roster import Roster
from broker.routing.router import Router
from broker.settings import BrokerSettings

log = structlog.get_logger()

TICK_SECONDS = 0.1
FAREWELL_SECONDS = 0.1


class Broker:
    """One broker on one address; `open_broker` makes it."""

    def __init__(self, settings: BrokerSettings, socket: zmq.Socket[bytes]) -> None:
        self.router = Router(
            f"broker-{uuid4().hex[:8]}",
            Roster(settings.suspect_seconds, settings.gone_seconds),
            window=settings.window_bytes,
            limit=settings.waiting_bytes,
        )
        self._socket = socket
        self._drain = Drain(socket, self._receive, self._flush)
        self._ticking = asyncio.create_task(self._tick_for_ever())

    def _receive(self, parts: list[bytes]) -> None:
        if len(parts) == 2:
            self.router.receive(parts[0], parts[1], time.monotonic())
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
            await asyncio.sleep(TICK_SECONDS)

    async def close(self) -> None:
        """Stop reading and tell everyone; what was sent lingers a second."""
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        self._drain.close()
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
    try:
        broker = Broker(settings, router_socket(context, settings.bind))
        log.info("broker.started", broker=broker.router.name, bind=settings.bind)
        try:
            yield broker
        finally:
            await broker.close()
            log.info("broker.stopped", broker=broker.router.name, **vars(broker.router.counts))
    finally:
        context.destroy(linger=LINGER_MS)

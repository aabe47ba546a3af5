"""One WebSocket: writes what its session has due, hands on what the server's frames mean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import msgspec

from bench.effects import Effect
from bench.outbox import Frame
from bench.session import Phase, Session, Timing

CLOSE_SECONDS = 0.5
DRAIN_SECONDS = 2.0
"""After `bye`, how long answers that are on their way are waited for."""


class Connection:
    """Thin: every decision is the session's. Poke `work` when the session may have something to write."""

    def __init__(
        self,
        session: Session,
        timing: Timing,
        *,
        packed: bool,
        hear: Callable[[Frame], None],
        act: Callable[[Effect], None],
    ) -> None:
        self.session = session
        self.work = asyncio.Event()
        self._timing = timing
        self._packed = packed
        self._codec = msgspec.msgpack if packed else msgspec.json
        self._hear = hear
        self._act = act

    async def run(self, url: str, hello: Frame) -> int | None:
        """Connect, greet, and live until either side hangs up; returns the close code, if any.

        Raises aiohttp.ClientError, OSError or TimeoutError when the connection fails, and msgspec.DecodeError
        when the server writes what is no frame.
        """
        async with self._dial(url) as ws:
            async with asyncio.timeout(self._timing.ready):
                await self._write(ws, hello)
            writer = asyncio.create_task(self._write_what_is_due(ws))
            try:
                return await self._read(ws)
            finally:
                writer.cancel()
                # Not `suppress(CancelledError)`: who cancels us at this moment would be ignored, and wait for ever.
                await asyncio.gather(writer, return_exceptions=True)
                await _hang_up(ws)

    @asynccontextmanager
    async def _dial(self, url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        encoding = "parley.v1.msgpack" if self._packed else "parley.v1.json"
        address = f"{url.rstrip('/')}/ws"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
            async with asyncio.timeout(self._timing.ready):
                ws = await http.ws_connect(address, protocols=(encoding,), max_msg_size=1 << 20)
            yield ws

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> int | None:
        while True:
            message = await ws.receive()
            if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                return ws.close_code
            frame = self._codec.decode(message.data)
            if not isinstance(frame, dict) or "type" not in frame:
                raise msgspec.DecodeError("A frame is a map with a type.")
            self._hear(frame)
            for effect in self.session.receive(frame, time.monotonic()):
                self._act(effect)
            self.work.set()

    async def _write_what_is_due(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Returns, having hung up, when the server is silent, drains, or cannot be written to."""
        drained_at = float("inf")
        with suppress(aiohttp.ClientError, OSError):
            while self.session.phase is not Phase.DEAD:
                now = time.monotonic()
                self.work.clear()
                for frame in self.session.due(now):
                    await self._write(ws, frame)
                wake = self.session.wake(now)
                if self.session.phase is Phase.DRAINING:
                    drained_at = min(drained_at, now + DRAIN_SECONDS)
                    if now >= drained_at or not self.session.outbox.flying:
                        break
                    wake = min(wake, drained_at)
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, wake - now)):
                        await self.work.wait()
        await _hang_up(ws)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
        packed = self._codec.encode(frame)
        if self._packed:
            await ws.send_bytes(packed)
        else:
            await ws.send_str(packed.decode())


async def _hang_up(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Close politely, but wait no longer than CLOSE_SECONDS for a peer that may be gone."""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await ws.close()

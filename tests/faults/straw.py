"""A relay of TCP to an edge, through which answers come slowly while it is narrow: a client who reads 1 KB a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 65536
SIP = 1024
SIP_SECONDS = 1.0
KERNEL_BYTES = 65536
"""As much as a system keeps for who does not read; ours would take megabytes of it."""


class Straw:
    """Wide until it is told to be narrow; then 1 KB a second comes down. What goes up always does so at once."""

    def __init__(self, target: int) -> None:
        self.wide = asyncio.Event()
        self.wide.set()
        self.url = ""
        self._target = target
        self._relays: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Straw]:
        """While this lasts, it listens at `url`."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for relay in self._relays:
                relay.cancel()
            await asyncio.gather(*self._relays, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with socket.socket() as edge:
            edge.setblocking(False)
            edge.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
            ways: list[asyncio.Task[None]] = []
            try:
                await asyncio.get_running_loop().sock_connect(edge, ("127.0.0.1", self._target))
                ways = [asyncio.create_task(self._up(reader, edge)), asyncio.create_task(self._down(edge, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            except OSError:
                pass
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                writer.close()

    async def _up(self, reader: asyncio.StreamReader, edge: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await asyncio.get_running_loop().sock_sendall(edge, data)

    async def _down(self, edge: socket.socket, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await asyncio.get_running_loop().sock_recv(edge, CHUNK if self.wide.is_set() else SIP):
                writer.write(data)
                await writer.drain()
                if not self.wide.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.wide.wait(), SIP_SECONDS)

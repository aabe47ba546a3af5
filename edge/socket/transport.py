"""The two protocols of uvicorn, bounded where its defaults are not, and with a direct way to the socket.

`WebSocketProtocol` hands the application a `SocketPort` in the ASGI scope (`scope["extensions"]["parley.socket"]`):
ready-made WebSocket frames are written straight to the transport, the same bytes to every recipient, and incoming
messages are given to a callback in the loop turn in which they arrived. A frame built once and written so reaches
four times as many sockets per second as one built for each (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

EXTENSION = "parley.socket"
HEADER_SECONDS = 10.0
CLOSE_SECONDS = 5.0
KERNEL_BYTES = 128 * 1024


class SocketPort:
    """One client's socket as the application sees it: write frames, know the backlog, close.

    `paused` is true while more than the transport's high-water mark (64 KiB) waits: the cheap first question.
    """

    __slots__ = ("_protocol", "on_message", "paused", "written")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol
        self.written = 0
        self.paused = False
        self.on_message: Callable[[bytes, bool], None] | None = None

    def write(self, frame: bytes) -> None:
        """Queue finished WebSocket frames; nothing after a close."""
        protocol = self._protocol
        if not protocol.close_sent and not protocol.disconnected:
            self.written += len(frame)
            protocol.transport.write(frame)

    def backlog(self) -> int:
        """Bytes accepted from us that the client's side has not yet taken from the kernel's buffer."""
        protocol = self._protocol
        return 0 if protocol.disconnected else protocol.transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Wait until the backlog fell below the transport's low-water mark, or the socket is gone."""
        await self._protocol.writable.wait()

    @property
    def open(self) -> bool:
        return not self._protocol.close_sent and not self._protocol.disconnected

    def hold_reading(self, hold: bool) -> None:
        """Stop or go on reading from the client."""
        protocol = self._protocol
        if not protocol.disconnected and protocol.read_paused != hold:
            protocol.read_paused = hold
            if hold:
                protocol.transport.pause_reading()
            else:
                protocol.transport.resume_reading()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye behind what is queued; a client that does not take it is cut after 5 s."""
        self._protocol.close(code, reason)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-IO WebSocket protocol, with a `SocketPort` in the scope."""

    port: SocketPort | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.port = SocketPort(self)
            # The kernel would take megabytes for a client that reads nothing, and hide from us that it does not.
            kernel = self.transport.get_extra_info("socket")
            if kernel is not None:
                kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self.port

    def send_receive_event_to_app(self) -> None:
        port = self.port
        if port is None or port.on_message is None:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if not self.close_sent:
            port.on_message(data, self.curr_msg_data_type == "bytes")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.port is not None:
            self.port.paused = True

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.port is not None:
            self.port.paused = False

    def close(self, code: int, reason: str) -> None:
        """Close from our side, also when the client reads nothing: uvicorn's own way waits for it without limit."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # The port and the protocol hold each other; let reference counting free ten thousand of them at once.
        if self.port is not None:
            self.port.on_message = None


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a limit on how long a request's head may take (uvicorn has none)."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self._head_is_late)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_SECONDS, self._head_is_late)

    def on_headers_complete(self) -> None:
        self._cancel_head_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_head_timer()
        super().connection_lost(exc)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        self.transport.close()

"""The two protocols of uvicorn, bounded where its defaults are not, and with a direct way to the socket.

`WebSocketProtocol` is no ASGI server: it hands each open socket to a `Reception` as a `SocketPort`. Ready-made
WebSocket frames are written straight to the transport, the same bytes to every recipient, and incoming messages are
given to a callback in the loop turn in which they arrived. A frame built once and written so reaches four times as
many sockets per second as one built for each; and a quiet socket keeps no task, no queue and no stack of middleware
alive, which were two thirds of its memory (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
CLOSE_SECONDS = 5.0
SLICE_BYTES = 4096
"""So much is parsed at a time: whoever sends thousands of tiny frames is stopped before all of them are parsed."""
LATE_BYTES = 128 * 1024
"""So much is still parsed behind our close, to find the client's; what follows is dropped unread."""
KERNEL_BYTES = 128 * 1024
SUBPROTOCOL = "Sec-WebSocket-Protocol"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class SocketPort:
    """One client's socket as the application sees it: write frames, know the backlog, close.

    `paused` is true while more than the transport's high-water mark (64 KiB) waits: the cheap first question.
    `on_message` gets each message and whether it is binary, `on_part` hears of each frame that is none (a ping, a pong,
    a fragment that others follow), `on_gone` hears once that the socket is gone or going.
    """

    __slots__ = ("_protocol", "on_gone", "on_message", "on_part", "paused", "written")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol
        self.written = 0
        self.paused = False
        self.on_message: Callable[[bytes, bool], None] | None = None
        self.on_part: Callable[[], None] | None = None
        self.on_gone: Callable[[], None] | None = None

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


class Reception(Protocol):
    """Where sockets are received."""

    def choose(self, path: str, offered: Sequence[str]) -> str | None:
        """The subprotocol to agree on, None for none; raises LookupError where no socket is to be had."""

    def opened(self, port: SocketPort, headers: Headers, subprotocol: str | None) -> None:
        """The handshake is through: `port` is the client's. The headers are gone when this returns."""


class _Nowhere:
    """Where uvicorn puts what an ASGI application would read; there is none, and one is enough for all sockets."""

    def put_nowait(self, message: object) -> None:
        """Dropped."""


NOWHERE: Any = _Nowhere()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-IO WebSocket protocol, with a reception instead of an ASGI application."""

    port: SocketPort | None = None
    _fragments: bytearray
    _answers: deque[bytes]
    _late = 0

    def __init__(self, *, reception: Reception, **given: Any) -> None:
        super().__init__(**given)
        self._reception = reception
        self.queue = NOWHERE

    def data_received(self, data: bytes) -> None:
        """Parse, a little at a time; what came before a fault is heard, as it would be in a segment of its own."""
        for start in range(0, len(data), SLICE_BYTES):
            if self.transport.is_closing():
                return
            piece = data[start : start + SLICE_BYTES]
            if self.close_sent:
                self._late += len(piece)
                if self._late > LATE_BYTES:
                    return
            self.conn.receive_data(piece)
            # The parser's answers, in the order of what they answer: pongs first, a close last. Each is written when
            # its turn comes, so that what the application says to a message is not overtaken by a close behind it.
            self._answers = deque(self.conn.data_to_send())
            self.handle_events()
            if self.conn.handshake_exc is not None and not self.handshake_complete:
                self._refuse_handshake()
            elif self.conn.parser_exc is not None and not self.transport.is_closing():
                self.handle_parser_exception()

    def _refuse_handshake(self) -> None:
        """What httptools took for a request is none to websockets, which is stricter; uvicorn would wait for ever."""
        self.handshake_complete = self.close_sent = True
        self.transport.write(b"".join(self._answers) or BAD_REQUEST)
        self.transport.close()

    def handle_connect(self, event: Request) -> None:
        self.handshake_initiated = True
        response = self.conn.accept(event)
        subprotocol: str | None = None
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            offered = [one.strip() for line in event.headers.get_all(SUBPROTOCOL) for one in line.split(",")]
            try:
                subprotocol = self._reception.choose(event.path.partition("?")[0], offered)
            except LookupError:
                response = self.conn.reject(HTTPStatus.NOT_FOUND, "No WebSocket here.\n")
        self.handshake_complete = True
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.close_sent = True
        elif subprotocol is not None:
            response.headers[SUBPROTOCOL] = subprotocol
        self.conn.send_response(response)
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.close_sent:
            self.transport.close()
            return
        self.start_keepalive()
        # The kernel would take megabytes for a client that reads nothing, and hide from us that it does not.
        kernel = self.transport.get_extra_info("socket")
        if kernel is not None:
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self.port = SocketPort(self)
        self._reception.opened(self.port, event.headers, subprotocol)
        event.headers.clear()  # websockets' parser holds the request for as long as the connection lives

    def handle_text(self, event: Frame) -> None:
        self._begin(event, "text")

    def handle_bytes(self, event: Frame) -> None:
        self._begin(event, "bytes")

    def _begin(self, event: Frame, kind: Literal["text", "bytes"]) -> None:
        self.curr_msg_data_type = kind
        if event.fin:
            self._message(bytes(event.data))
        else:
            self._fragments = bytearray(event.data)
            self._part()

    def handle_cont(self, event: Frame) -> None:
        # In one buffer: of fragments kept in a list, empty ones would take memory that no limit of size counts.
        self._fragments += event.data
        if event.fin:
            data = bytes(self._fragments)
            del self._fragments
            self._message(data)
        else:
            self._part()

    def _message(self, data: bytes) -> None:
        is_binary = self.curr_msg_data_type == "bytes"
        if self.port is None or self.port.on_message is None or self.close_sent:
            return
        if not is_binary and not _is_utf8(data):
            self.conn.fail(CloseCode.INVALID_DATA, "a text that is no UTF-8")  # RFC 6455, 8.1
            self.handle_parser_exception()
            return
        self.port.on_message(data, is_binary)

    def _part(self) -> None:
        if self.port is not None and self.port.on_part is not None and not self.close_sent:
            self.port.on_part()

    def handle_ping(self) -> None:
        pong = self._answers.popleft() if self._answers else b""
        if self.port is not None and not self.close_sent:
            self.port.write(pong)
            self._part()

    def handle_pong(self, event: Frame) -> None:
        super().handle_pong(event)
        self._part()

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
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def handle_close(self, event: Frame) -> None:
        self._write_answers()
        super().handle_close(event)
        self._gone()

    def handle_parser_exception(self) -> None:
        self._write_answers()
        super().handle_parser_exception()
        self._gone()

    def _write_answers(self) -> None:
        if not self.close_sent:
            self.transport.write(b"".join(self._answers))
        self._answers.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone()

    def _gone(self) -> None:
        """The port and the protocol hold each other; let reference counting free ten thousand of them at once."""
        if self.port is not None:
            self.port.on_message = self.port.on_part = None
            told, self.port.on_gone = self.port.on_gone, None
            if told is not None:
                told()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits on how long and how large a request's head may be (uvicorn has none)."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

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

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # as uvicorn's own connection_lost: the two hold each other

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._head_bytes = 0

    def _head_is_late(self) -> None:
        self._head_timer = None
        self.transport.close()

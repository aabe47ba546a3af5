"""One WebSocket on a green thread's socket: the handshake, binary messages, the close. No decisions.

The protocol itself is websockets' sans-IO `ClientProtocol`; Locust has replaced the sockets by gevent's.
"""

from __future__ import annotations

import socket
import ssl

from gevent.lock import RLock
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from bench.frames import SUBPROTOCOL

READ_BYTES = 65_536
MOST_BYTES = 1 << 20
CLOSE_SECONDS = 1.0


class Wire:
    """`Wire(url)` connects and shakes hands. Raises OSError, also when the server does not want a WebSocket."""

    def __init__(self, url: str, *, seconds: float = 10.0, source: tuple[str, int] | None = None) -> None:
        uri = parse_uri(url.replace("http", "ws", 1).rstrip("/") + "/ws")
        self._protocol = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=MOST_BYTES)
        self._turn = RLock()
        self._messages: list[bytes] = []
        self._parts = b""
        plain = socket.create_connection((uri.host, uri.port), timeout=seconds, source_address=source)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = ssl.create_default_context() if uri.secure else None
            self._socket = context.wrap_socket(plain, server_hostname=uri.host) if context else plain
            self._protocol.send_request(self._protocol.connect())
            self._flush()
            while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
                self._take()
            if self._protocol.handshake_exc is not None:
                raise ConnectionError(f"no WebSocket: {self._protocol.handshake_exc}")
            self._socket.settimeout(None)
        except BaseException:
            plain.close()
            raise

    @property
    def code(self) -> int | None:
        """With which code the server closed, if it did."""
        return self._protocol.close_code

    def send(self, message: bytes) -> None:
        """One binary message. Raises OSError when the connection is gone."""
        try:
            self._protocol.send_binary(message)
        except InvalidState as fault:
            raise ConnectionError(str(fault)) from fault
        self._flush()

    def receive(self) -> list[bytes]:
        """Wait for messages; none when the connection has ended. Raises OSError."""
        while not self._messages and self._protocol.state is State.OPEN:
            self._take()
        taken, self._messages = self._messages, []
        return taken

    def close(self) -> None:
        """Say goodbye and hang up, without waiting for the answer."""
        try:
            self._socket.settimeout(CLOSE_SECONDS)
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
                self._flush()
        except OSError:
            pass
        finally:
            self._socket.close()

    def _take(self) -> None:
        data = self._socket.recv(READ_BYTES)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Response) or not isinstance(event, Frame):
                continue
            if event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                self._parts += event.data
                if event.fin:
                    self._messages.append(self._parts)
                    self._parts = b""
        self._flush()

    def _flush(self) -> None:
        """Write what the protocol has to say; one thread at a time, or frames would be torn."""
        with self._turn:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)

"""A line: the socket to one broker, and the connection that speaks through it. Thin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog
import zmq

from broker.link.connection import Connection
from broker.link.drain import DONTWAIT, Drain
from broker.link.sockets import dealer_socket

log = structlog.get_logger()


class Line:
    """Connects when made; `after` is called when a turn's messages are handed to `receive`."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        node: str,
        connection: Connection,
        receive: Callable[[Connection, list[bytes]], None],
        after: Callable[[], None],
        keys: Path | None = None,
    ) -> None:
        self.connection = connection
        self._context = context
        self._node = node
        self._receive = receive
        self._after = after
        self._keys = keys
        self._renewals = 0
        self._open(node)

    def _open(self, identity: str) -> None:
        self._socket = dealer_socket(self._context, self.connection.address, identity, self._keys)
        self._drain = Drain(self._socket, lambda parts: self._receive(self.connection, parts), self._after)

    def renew(self) -> None:
        """Connect anew under a routing id that was never used.

        A broker that has not noticed the end of our last connection refuses a second one under the same id in
        silence (libzmq 4407), and does not read it even when the first is gone.
        """
        log.warning("link.renewed", broker=self.connection.address)
        self.close()
        self._socket.close(linger=0)
        self._renewals += 1
        self._open(f"{self._node}#{self._renewals}")

    def flush(self, now: float) -> None:
        """Send what may leave."""
        sent = False
        while (batch := self.connection.batch(now)) is not None:
            try:
                self._socket.send(batch, DONTWAIT)
            except zmq.Again:
                self.connection.unsent()
                break
            sent = True
        if sent:
            self._drain.look()

    def close(self) -> None:
        """Stop reading."""
        self._drain.close()

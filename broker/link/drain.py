"""The only place where a ZeroMQ file descriptor meets an event loop.

The descriptor is edge-triggered: one wake-up may stand for many messages, and none follows for those left unread
(zmq_getsockopt(3), ZMQ_FD; one receive per wake-up delivered 1 message of 500). So it is drained until libzmq says that
none waits, at most 256 messages a turn so that others get theirs, and looked at again after every send, because a send
processes libzmq's commands too and may swallow the edge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import zmq

MESSAGES_PER_TURN = 256

# Plain numbers: pyzmq's are enums, whose arithmetic costs more than the call.
DONTWAIT, SNDMORE = int(zmq.DONTWAIT), int(zmq.SNDMORE)
EVENTS, RCVMORE, POLLIN = int(zmq.EVENTS), int(zmq.RCVMORE), int(zmq.POLLIN)


class Drain:
    """Hands every message of `socket` to `receive`, as its parts; calls `after` when a turn's are handed out."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        receive: Callable[[list[Any]], None],
        after: Callable[[], None],
        *,
        copy: bool = True,
    ) -> None:
        """The parts are bytes, or with `copy` off frames, which know more than their bytes."""
        self._socket = socket
        self._receive = receive
        self._after = after
        self._copy = copy
        self._loop = asyncio.get_running_loop()
        self._scheduled: asyncio.Handle | None = None
        self._fd: int = socket.getsockopt(zmq.FD)  # type: ignore[assignment]  # an int on every system we run on
        self._loop.add_reader(self._fd, self._turn)
        self.look()

    def look(self) -> None:
        """Something was sent: if messages wait, make sure that they are read."""
        if self._scheduled is None and self._waits():
            self._scheduled = self._loop.call_soon(self._turn)

    def _waits(self) -> bool:
        """Is there a message? Asking costs half of being refused one."""
        events: int = self._socket.get(EVENTS)  # type: ignore[assignment]  # an int as well
        return events & POLLIN != 0

    def _turn(self) -> None:
        self._scheduled = None
        socket, receive, copy = self._socket, self._receive, self._copy
        more = True
        try:
            for _ in range(MESSAGES_PER_TURN):
                if not self._waits():
                    more = False
                    break
                parts = [socket.recv(DONTWAIT, copy)]
                while socket.get(RCVMORE):
                    parts.append(socket.recv(DONTWAIT, copy))
                receive(parts)
        finally:
            # Also when `receive` raised: no edge follows for the messages behind the one that it could not take.
            if more and self._scheduled is None:
                self._scheduled = self._loop.call_soon(self._turn)
        self._after()

    def close(self) -> None:
        """Stop reading."""
        self._loop.remove_reader(self._fd)
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None

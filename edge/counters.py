"""What an edge counts; plain numbers, written where things happen, read by `edge.metrics` when somebody asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from broker.node.histogram import Histogram
from broker.wire.payloads import Logged


class _Stamped(msgspec.Struct):
    """An event, as far as it tells when it was committed."""

    at: datetime


_stamp_of = msgspec.msgpack.Decoder(_Stamped).decode


class SocketCounters:
    """Of WebSockets. `closed` is by close code ("client" where the client left), `errors` by code.

    `delivery_seconds` is from an event's `at`, which the database sets within its append, to the moment in which the
    event was handed to the sockets' transports: commit, answer, fanout, both ways through a broker, and this edge. It
    is the difference of two machines' clocks where there are two, in steps of the millisecond that `at` has. The last
    event of what is forwarded at once stands for all of it.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.closed: Counter[str] = Counter()
        self.frames = 0
        self.errors: Counter[str] = Counter()
        self.events = 0
        self.deliveries = 0
        self.delivery_seconds = Histogram()

    def forwarded(self, events: Sequence[Logged], sockets: int) -> None:
        """These events, in order, were written to so many sockets."""
        self.events += len(events)
        self.deliveries += len(events) * sockets
        if sockets:
            self.delivery_seconds.observe(time.time() - _stamp_of(events[-1].event).at.timestamp())


class HttpCounters:
    """Of HTTP requests: by method and status, and how long they took, the answer's last byte included."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.seconds = Histogram()

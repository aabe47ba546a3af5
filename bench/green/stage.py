"""What the users of one generator process share: the server, the seats, the audit, and the end of the test."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent

from bench.crowd import memory_of_edges
from bench.green.audit import Audit
from bench.green.person import Person
from bench.green.record import Record
from bench.green.seats import Seats, residents
from bench.green.verdict import AUDIT
from bench.groups import secret

SETTLE_SECONDS = 15.0
TICK_SECONDS = 0.05


class Stage:
    """`options` are the command line's; `fire` tells Locust of a request, in its own words. Raises SetupError."""

    def __init__(self, options: argparse.Namespace, env: Mapping[str, str], fire: Callable[..., None]) -> None:
        self.options = options
        self.hosts: list[str] = [one.rstrip("/") for one in options.hosts]
        self.audit = Audit()
        self.times = Record()
        self.closing = False
        self.connected = 0
        self.readers: list[Person] = []
        self.typed_at: dict[str, float] = {}
        self._fire = fire
        self._key = "" if options.accounts else secret(options, env)
        self._known = residents(options.accounts, self.hosts, self.record) if options.accounts else []
        self._seats: dict[str, Seats] = {}
        self._edge_bytes = 0
        self._words: list[str] = []
        self._ticker: gevent.Greenlet | None = None

    def begin(self) -> None:
        """A test starts, perhaps not the first of this process: books and seats are new."""
        self.audit, self.closing, self.connected = Audit(), False, 0
        self.readers.clear()
        self.typed_at.clear()
        self.times.clear()
        self._seats.clear()
        self._words.clear()
        self._edge_bytes = memory_of_edges(self.options.data_dir)
        if self._ticker is None:
            self._ticker = gevent.spawn(self._tick)

    def _tick(self) -> None:
        """How late this very process is: where that is much, the test measures its generator."""
        while True:
            due = time.monotonic() + TICK_SECONDS
            gevent.sleep(TICK_SECONDS)
            self.times.add("generator", "lag", time.monotonic() - due)

    def seats(self, kind: str, size: int, each: int = 1) -> Seats:
        """The seats of one class of users."""
        if kind not in self._seats:
            known = self._known
            self._seats[kind] = Seats(self.hosts, size, each, key=self._key, known=known, record=self.record)
        return self._seats[kind]

    def record(self, kind: str, name: str, seconds: float, fault: Exception | None = None) -> None:
        """Something took so long, or failed."""
        if fault is None:
            self.times.add(kind, name, seconds)
        self._fire(
            request_type=kind,
            name=name,
            response_time=1000 * seconds,
            response_length=0,
            exception=fault,
            context={},
        )

    def settle(self) -> None:
        """Nobody says anything new; wait until all is answered and with everybody, then close the books."""
        self.closing = True
        deadline = time.monotonic() + SETTLE_SECONDS
        asked = False
        while time.monotonic() < deadline and not self._settled():
            if not asked and time.monotonic() > deadline - SETTLE_SECONDS / 2:
                asked = True
                for person in self.readers:
                    person.compare()
            gevent.sleep(0.1)
        unanswered = sum(len(person.outbox) for person in self.readers)
        faults = self.audit.close([person.folds for person in self.readers])
        faults["unanswered"] += unanswered
        for name, count in (+faults).items():
            for _ in range(count):
                self.record(AUDIT, name, 0.0, AssertionError(name))
        self._words.append(
            f"{self.audit.acks:,} messages acknowledged, {self.audit.deliveries:,} deliveries measured,"
            f" {sum(fold.duplicates for person in self.readers for fold in person.folds.values()):,} came twice"
        )
        if (lag := self.times.percentiles("generator", "lag")) is not None:
            self._words.append(f"the generator itself was late by {lag.p50:.1f} ms (p50), {lag.p99:.1f} ms (p99)")
        now = memory_of_edges(self.options.data_dir)
        if self._edge_bytes and now and self.connected and not self.audit.acks:
            each = (now - self._edge_bytes) / self.connected / 1000
            self._words.append(f"edge memory: {each:.1f} KB more for each of {self.connected:,} connections")

    def _settled(self) -> bool:
        return all(
            not person.outbox and not any(self.audit.behind(one, fold) for one, fold in person.folds.items())
            for person in self.readers
        )

    @property
    def words(self) -> list[str]:
        """What else is worth telling of the test."""
        return self._words


def add_options(parser: Any) -> None:
    """Our own options beside Locust's; a test of a hundred users for a minute unless told otherwise."""
    parser.set_defaults(num_users=100, spawn_rate=50.0, run_time="60s")
    ours = parser.add_argument_group("Parley")
    ours.add_argument("--hosts", nargs="+", default=["http://127.0.0.1:8000"], metavar="URL", help="the edges")
    ours.add_argument("--group", type=int, default=10, help="members of a conversation (default 10)")
    ours.add_argument("--data-dir", type=Path, default=Path(".parley"), help="of the instance, if it runs here")
    ours.add_argument("--secret-file", type=Path, help="default: $AUTH_JWT_SECRET, else DATA_DIR/jwt.secret")
    ours.add_argument("--accounts", type=Path, help="a file of accounts that sign in, a line `email,password` for each")
    ours.add_argument("--results", type=Path, help="folder for JSON and HTML (default bench/results)")
    ours.add_argument("--room-rate", type=float, default=20.0, help="messages a second in a room (default 20)")
    ours.add_argument("--cursors", type=int, default=20, help="conversations of one who comes back (default 20)")
    ours.add_argument("--behind", type=int, default=50, help="events that one who comes back lacks there (default 50)")

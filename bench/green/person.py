"""One account, connected: green threads around the pure client (`bench.session`), and nothing decided here."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
import msgspec
from gevent.event import Event

from bench.effects import Bye, Effect, Ready
from bench.fold import Folds, Id
from bench.green.wire import Wire
from bench.markers import Markers
from bench.outbox import Frame, Outbox
from bench.session import Phase, Session, Timing

READY_SECONDS = 30.0
NAME = "locust/1"


class Person:
    """At most one connection at a time; `folds` and `outbox` outlive it.

    `hear` gets every frame as it comes, `act` every effect. `turn` is set whenever something happened, so that a
    waiting user can look. `source` is the address to connect from.
    """

    def __init__(
        self,
        url: str,
        *,
        hear: Callable[[Frame], None],
        act: Callable[[Effect], None],
        pipeline: int = 1,
        source: tuple[str, int] | None = None,
    ) -> None:
        self.url = url
        self.folds = Folds()
        self.outbox = Outbox(pipeline=pipeline)
        self.markers = Markers()
        self.turn = Event()
        self.session: Session | None = None
        self.away_seconds = 0.0
        self.code: int | None = None
        self._hear = hear
        self._act = act
        self._source = source
        self._timing = Timing()
        self._hints: list[Frame] = []
        self._work = Event()
        self._threads: list[gevent.Greenlet] = []
        self._wire: Wire | None = None

    @property
    def live(self) -> bool:
        """Is there a connection that the server greeted and that still stands?"""
        return self.session is not None and self.session.phase is Phase.LIVE and self._wire is not None

    @property
    def caught_up(self) -> bool:
        """Is all known that the server had when we came?"""
        return self.live and self.session is not None and not self.session.replaying and not self._gaps()

    def _gaps(self) -> bool:
        return any(fold.gap or fold.stale for fold in self.folds.values() if fold.member)

    def connect(self, token: str) -> None:
        """Connect and greet; returns when the server is ready for us. Raises OSError."""
        self.disconnect()
        now = time.monotonic()
        self.session = Session(self.folds, self.outbox, self._timing, now=now, markers=self.markers)
        self.away_seconds, self.code = 0.0, None
        self._hints.clear()
        wire = self._wire = Wire(self.url, source=self._source)
        wire.send(msgspec.msgpack.encode(self.session.hello(token, NAME, now)))
        self._threads = [gevent.spawn(self._read, wire, self.session), gevent.spawn(self._write, wire, self.session)]
        deadline = now + READY_SECONDS
        while not self.live:
            if self._wire is None or time.monotonic() > deadline:
                self.disconnect()
                raise ConnectionError(f"closed ({self.code}) or silent before ready")
            self.turn.clear()
            self.turn.wait(deadline - time.monotonic())

    def disconnect(self) -> None:
        """Hang up; what is unanswered stays in the outbox."""
        wire, self._wire = self._wire, None
        self.session = None
        threads, self._threads = self._threads, []
        gevent.killall([thread for thread in threads if thread is not gevent.getcurrent()], block=False)
        if wire is not None:
            wire.close()

    def post(self, frame: Frame) -> None:
        """Queue a command with an id."""
        self.outbox.add(frame)
        self._work.set()

    def read(self, conversation: Id, seq: int) -> None:
        """Everything up to `seq` is read: told until its receipt comes."""
        self.markers.want("read", conversation, seq)
        self._work.set()

    def hint(self, frame: Frame) -> None:
        """Say something that nobody answers; lost when there is no connection."""
        if self.live:
            self._hints.append(frame)
            self._work.set()

    def compare(self) -> None:
        """Compare heads with the server now rather than at the next heartbeat."""
        if self.session is not None:
            self.session.hurry()
            self._work.set()

    def _read(self, wire: Wire, session: Session) -> None:
        try:
            while messages := wire.receive():
                for message in messages:
                    frame = msgspec.msgpack.decode(message)
                    self._hear(frame)
                    for effect in session.receive(frame, time.monotonic()):
                        if isinstance(effect, Bye):
                            self.away_seconds = effect.reconnect_after
                        self._act(effect)
                        if isinstance(effect, Ready):
                            self.turn.set()
                self._work.set()
                self.turn.set()
        except (OSError, msgspec.DecodeError):
            pass
        self._over(wire)

    def _write(self, wire: Wire, session: Session) -> None:
        try:
            while session.phase is not Phase.DEAD:
                now = time.monotonic()
                self._work.clear()
                hints, self._hints = self._hints, []
                for frame in (*session.due(now), *hints):
                    wire.send(msgspec.msgpack.encode(frame))
                self._work.wait(max(0.0, session.wake(now) - now))
        except OSError:
            pass
        self._over(wire)

    def _over(self, wire: Wire) -> None:
        """The connection ended by itself."""
        if self._wire is wire:
            self._wire = None
            self.code = wire.code
            wire.close()
            self._work.set()
            self.turn.set()

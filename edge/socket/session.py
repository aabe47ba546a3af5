"""One client's session: what it is allowed to hear now, and what must wait. No I/O but writes to its port.

```
GREETING ──hello──▶ OPENING ──ready sent──▶ LIVE
    └──────────────────┴───────close─────────┴──▶ CLOSED
```
While a session is opening, or one of its logs is being replayed, live events of that log are not written: the
session notes how far they reached, and the replay reads that far from the log before it lets the live stream go on.
So a replay needs no buffer, and what a client sees of one log is in order.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from broker.wire.payloads import Id, Logged
from edge.socket.frames import as_json, packed, websocket_frame
from edge.socket.transport import SocketPort

SLOW_BYTES = 1024 * 1024
SLOW_SECONDS = 10.0


class State(enum.Enum):
    GREETING = "greeting"
    OPENING = "opening"
    LIVE = "live"
    CLOSED = "closed"


class Event(enum.Enum):
    HELLO = "hello"
    READY = "ready"
    CLOSE = "close"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.GREETING: {Event.HELLO: State.OPENING, Event.CLOSE: State.CLOSED},
    State.OPENING: {Event.READY: State.LIVE, Event.CLOSE: State.CLOSED},
    State.LIVE: {Event.CLOSE: State.CLOSED},
    State.CLOSED: {Event.CLOSE: State.CLOSED},
}


class CloseCode(enum.IntEnum):
    """Why the edge closes a WebSocket (docs/protocol.md says what the client then does)."""

    BAD_FRAME = 4400
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    SLOW_CONSUMER = 4408
    TOO_LARGE = 4413
    RATE = 4429
    DRAINING = 4503
    ORIGIN = 1008


class Prepared:
    """Events of one conversation as WebSocket frames, made once per encoding, when the first session asks."""

    __slots__ = ("_binary", "_text", "conversation", "events", "seq")

    def __init__(self, conversation: Id, events: Sequence[Logged]) -> None:
        self.conversation = conversation
        self.events = events
        self.seq = events[-1].seq
        self._binary: bytes | None = None
        self._text: bytes | None = None

    def frames(self, binary: bool) -> bytes:
        if binary:
            if self._binary is None:
                self._binary = b"".join([websocket_frame(e.event, binary=True) for e in self.events])
            return self._binary
        if self._text is None:
            self._text = b"".join([websocket_frame(as_json(e.event), binary=False) for e in self.events])
        return self._text


class Session:
    """A WebSocket from hello to goodbye. `seen` maps each log under replay to the last live seq held back.

    `replayed` is how far what was written is replay: a client that asked for much is not slow because it gets much.
    `errors` counts what was said by `error`, of all sessions together.
    """

    __slots__ = (
        "account", "binary", "drained_bytes", "errors", "expires_at", "frames_due", "hello_timer", "id", "jti",
        "looks_due", "pipelined", "port", "replayed", "role", "seen", "stalled_since", "state", "syncs", "typing",
    )  # fmt: skip

    def __init__(self, id: Id, port: SocketPort, *, binary: bool, errors: Counter[str] | None = None) -> None:
        self.id = id
        self.port = port
        self.binary = binary
        self.state = State.GREETING
        self.account: Id = ""
        self.role = ""
        self.jti = ""
        self.expires_at = 0.0
        self.seen: dict[Id, int] = {}
        self.pipelined: list[bytes] = []
        self.syncs = 0
        self.frames_due = 0.0
        self.drained_bytes = 0
        self.replayed = 0
        self.stalled_since: float | None = None
        self.hello_timer: Any = None
        self.typing: dict[Id, tuple[float, bool]] = {}
        self.looks_due = 0.0
        self.errors = errors

    def step(self, event: Event) -> None:
        """Go where the table says; a step that it does not know is our bug, raises KeyError and changes nothing."""
        self.state = TRANSITIONS[self.state][event]

    def say(self, frame: dict[str, Any]) -> None:
        """Write one frame of ours."""
        self.port.write(packed((frame,), binary=self.binary))

    def hear(self, prepared: Prepared) -> bool:
        """A live event: written, or noted for the replay. False when the client is too slow and must be cut."""
        if self.state is State.LIVE and (not self.seen or prepared.conversation not in self.seen):
            port = self.port
            port.write(prepared.frames(self.binary))
            return not port.paused or not self.deaf()
        if self.state is not State.CLOSED:
            seen = self.seen.get(prepared.conversation, 0)
            self.seen[prepared.conversation] = max(seen, prepared.seq)
        return True

    def deaf(self) -> bool:
        """Does more than 1 MiB wait for the client, replays not counted?"""
        return self.port.paused and self._late_bytes() > SLOW_BYTES

    def _late_bytes(self) -> int:
        """The backlog behind the last replay."""
        written = self.port.written
        return written - max(written - self.port.backlog(), self.replayed)

    def stalled(self, now: float) -> bool:
        """Asked every second: has the client taken nothing of its backlog for 10 s?"""
        backlog = self.port.backlog()
        drained = self.port.written - backlog
        if backlog == 0 or drained != self.drained_bytes:
            self.drained_bytes = drained
            self.stalled_since = None
            return False
        if self.stalled_since is None:
            self.stalled_since = now
        return now - self.stalled_since >= SLOW_SECONDS

    def error(self, code: str, message: str, *, id: str | None = None, **more: Any) -> None:
        """Say what was wrong; `more` are `field` and `retry_after`, left out when None."""
        if self.errors is not None:
            self.errors[code] += 1
        frame: dict[str, Any] = {"type": "error", "code": code, "message": message}
        if id is not None:
            frame["id"] = id
        frame.update((name, value) for name, value in more.items() if value is not None)
        self.say(frame)


def tell(said: Sequence[dict[str, Any]], sessions: Iterable[Session]) -> None:
    """Frames to many sessions, in one write each, built once for each encoding. Who is slow gets none of it."""
    built: dict[bool, bytes] = {}
    for session in sessions:
        if session.state is State.LIVE and not session.port.paused:
            if session.binary not in built:
                built[session.binary] = packed(said, binary=session.binary)
            session.port.write(built[session.binary])

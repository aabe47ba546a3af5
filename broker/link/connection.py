"""One link's connection to one broker. Pure: bytes and the time in, events and bytes out; no socket, no clock.

```
GREETING ──WELCOME──▶ LIVE ──1.5 s silent──▶ SUSPECT ──3 s──▶ GREETING
    ▲                   │ ◀──────heard──────────┘
    └───────WHO─────────┘
```
A link greets until it is welcomed, and again whenever the broker asks who it is: after the broker's own restart, or
after a silence in which it was forgotten. Counts start anew then; what waits goes on waiting.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import msgspec

from broker.flow.ages import Ages
from broker.flow.credit import Gate, Ledger
from broker.flow.shards import Shards
from broker.wire.envelope import HINT, Frame, Op, cost, pack, unpack
from broker.wire.errors import WireError
from broker.wire.limits import BATCH_BYTES, BATCH_FRAMES

HEARTBEAT_SECONDS = 0.5
SUSPECT_SECONDS = 1.5
GONE_SECONDS = 3.0
STALL_SECONDS = 1.0
NO_ROSTER = 0


class State(enum.Enum):
    GREETING = "greeting"
    LIVE = "live"
    SUSPECT = "suspect"


class Received(msgspec.Struct, frozen=True):
    """A frame for this node. `deadline`: the monotonic time at which it dies (infinity: a hint); `cost`: its credit."""

    source: str
    tag: int
    key: str
    deadline: float
    payload: bytes
    cost: int
    ledger: Ledger


class Bounds(Protocol):
    """What a connection needs of the link's settings."""

    @property
    def window_bytes(self) -> int: ...
    @property
    def waiting_bytes(self) -> int: ...


Outgoing: TypeAlias = tuple[bool, int, str, str, float, bytes]
"""by_key, tag, role or node, key, deadline, payload."""

Event: TypeAlias = Received | str | tuple[int, str]
"""A frame; "roster" or "overrun"; or the tag and reason of an undeliverable one."""


class Connection:
    """`nodes` is the broker's roster: role and suspicion by name."""

    def __init__(self, address: str, node: str, role: str, bounds: Bounds, *, manual: bool = False) -> None:
        self.address = address
        self.state = State.GREETING
        self.nodes: dict[str, tuple[str, bool]] = {}
        self.malformed = 0
        self.expired = 0
        self._node = node
        self._role = role
        self._bounds = bounds
        self.gate: Gate[Outgoing] = Gate(bounds.window_bytes, bounds.waiting_bytes)
        self._ledger = Ledger(bounds.window_bytes)
        self._ages = Ages()
        self._control: list[Frame] = []
        self._shards: dict[str, Shards] = {}
        self._roster_version = NO_ROSTER
        self._heard = 0.0
        self._spoke = float("-inf")
        self._looked = float("-inf")
        self._in_batch: list[Outgoing] = []

    @property
    def live(self) -> bool:
        """Is what its roster says worth anything?"""
        return self.state is not State.GREETING

    @property
    def queued(self) -> bool:
        """Does anything wait to be sent?"""
        return bool(self._control) or self.gate.ready

    def knows(self, node: str) -> bool:
        """Does the broker have this node, and trust it?"""
        return self.nodes.get(node, ("", True))[1] is False

    def knows_role(self, role: str) -> bool:
        """Does the broker have a trusted node of this role?"""
        return any(named == role and not suspect for named, suspect in self.nodes.values())

    def owner(self, role: str, key: str) -> str | None:
        """To whom the broker gives frames with this key, as far as its roster tells."""
        shards = self._shards.get(role)
        if shards is None:
            named = {node: suspect for node, (of, suspect) in self.nodes.items() if of == role}
            trusted = [node for node, suspect in named.items() if not suspect]
            shards = self._shards[role] = Shards()
            shards.change(trusted or named)
        return shards.owner(key)

    # In ---------------------------------------------------------------------

    def receive(self, parts: list[bytes], now: float) -> Iterator[Event]:
        """A message from the broker; what it means, in order. What is malformed is counted and changes nothing."""
        try:
            batch = unpack(parts[0]) if len(parts) == 1 else None
        except WireError:
            batch = None
        if batch is None:
            self.malformed += 1
            return
        self._heard = now
        frames = batch.frames
        if frames and frames[0][0] == Op.WHO:
            yield from self._greet_again()
            return
        if frames and frames[0][0] == Op.WELCOME:
            self.state = State.LIVE
            frames = frames[1:]
            yield "roster"
        elif self.state is State.SUSPECT:
            self.state = State.LIVE
            yield "roster"
        if self.state is State.GREETING:
            # From before the greeting: its counts belong to another life of this connection.
            return
        age = self._ages.age(batch.clock, now * 1000)
        self._ledger.received(batch.sent)
        self.gate.granted(batch.consumed)
        for frame in frames:
            yield from self._frame(frame, age, now)

    def _greet_again(self) -> Iterator[Event]:
        self.state = State.GREETING
        self._spoke = float("-inf")
        self._forget()
        yield "roster"

    def _forget(self) -> None:
        self.gate.restart()
        self._ledger = Ledger(self._bounds.window_bytes)
        self._ages = Ages()
        self._control.clear()
        self.nodes = {}
        self._shards.clear()
        self._roster_version = NO_ROSTER

    def _frame(self, frame: Frame, age: float, now: float) -> Iterator[Event]:
        op = frame[0]
        if op == Op.DELIVER:
            _, source, tag, key, ttl, payload = frame
            deadline = float("inf") if ttl == HINT else now + (ttl - age) / 1000
            if deadline <= now:
                self.expired += 1
                return
            spent = cost(payload)
            self._ledger.hold(spent)
            yield Received(source, tag, key, deadline, payload, spent, self._ledger)
        elif op == Op.UNDELIVERABLE:
            yield frame[1], frame[2]
        elif op == Op.ROSTER:
            self._roster_version = frame[1]
            self.nodes = {node: (role, suspect) for node, role, suspect in frame[2]}
            self._shards.clear()
            yield "roster"
        elif op == Op.OVERRUN:
            yield "overrun"
        elif op != Op.PONG:
            self.malformed += 1

    # Time -------------------------------------------------------------------

    def tick(self, now: float) -> str | None:
        """Heartbeats, greetings, and what the broker's silence means: "suspect", "gone" or None."""
        stalled = now - self._looked > STALL_SECONDS and self._looked > float("-inf")
        self._looked = now
        if stalled:
            # We were stopped ourselves: the broker's answers wait unread, so its silence says nothing yet.
            self._heard = now
        if now - self._spoke >= HEARTBEAT_SECONDS:
            self._spoke = now
            if self.state is State.GREETING:
                self._control = [(int(Op.HELLO), self._role, self._node)]
            else:
                self._control.append((int(Op.PING), self._roster_version))
        silent = now - self._heard
        if self.state is State.LIVE and silent >= SUSPECT_SECONDS:
            self.state = State.SUSPECT
            return "suspect"
        if self.state is State.SUSPECT and silent >= GONE_SECONDS:
            self.state = State.GREETING
            self._forget()
            return "gone"
        return None

    def abandon(self) -> list[int]:
        """Give up what waits for this broker; the tags of the commands among it."""
        return [item[1] for item in self.gate.clear() if item[4] != float("inf")]

    def goodbye(self) -> None:
        """Leave in order: the last word, if there is anyone to hear it."""
        if self.live:
            self._control.append((int(Op.BYE),))

    # Out --------------------------------------------------------------------

    def batch(self, now: float) -> bytes | None:
        """The next message for the broker, None when there is nothing that may leave."""
        frames: list[Any] = self._control
        self._control = []
        self._in_batch = []
        if self.state is State.LIVE:
            self._in_batch = self.gate.take(BATCH_FRAMES, BATCH_BYTES)
        for by_key, tag, to, key, deadline, payload in self._in_batch:
            ttl = HINT if deadline == float("inf") else max(0, int((deadline - now) * 1000))
            frames.append((int(Op.TO_KEY if by_key else Op.TO_NODE), tag, to, key, ttl, payload))
        if not frames and not (self._ledger.due and self.live):
            return None
        return pack(int(now * 1000), self.gate.sent, self._ledger.tell(), frames)

    def unsent(self) -> list[int]:
        """The last batch could not be sent: the tags of the commands in it."""
        tags = [item[1] for item in self._in_batch if item[4] != float("inf")]
        self._in_batch = []
        return tags

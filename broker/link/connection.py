"""One link's connection to one broker. Pure: bytes and the time in, events and bytes out; no socket, no clock.

```
GREETING ──WELCOME──▶ LIVE ──1.5 s silent──▶ SUSPECT ──3 s──▶ GREETING
    ▲                   │ ◀──────heard──────────┘
    └─────WHO, BYE──────┘
```
A link greets until it is welcomed, and again whenever the broker asks who it is (after its own restart, or after a
silence in which it forgot us) or says goodbye. Each time a new life of the connection begins: counts start anew, and
what belongs to an earlier life is not listened to. What waits goes on waiting, for 3 s.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import msgspec

from broker.flow.ages import Ages
from broker.flow.credit import Gate, Ledger
from broker.flow.shards import Shards
from broker.wire.envelope import HINT, Batch, Frame, Nodes, Op, cost, pack, unpack, unpack_roster
from broker.wire.errors import WireError
from broker.wire.limits import BATCH_BYTES, BATCH_FRAMES

HEARTBEAT_SECONDS = 0.5
SUSPECT_SECONDS = 1.5
GONE_SECONDS = 3.0
UNHEARD_SECONDS = 2.0
"""A broker that speaks, but has seen nothing of ours for so long, does not hear us: its echo tells."""
STALL_SECONDS = 1.0
RENEW_SECONDS = 5.0
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
"""A frame; "roster", "ended" (this life of the connection) or "overrun"; or tag and reason of an undeliverable one."""


class Connection:
    """`nodes` is the broker's roster: role and suspicion by name."""

    def __init__(self, address: str, node: str, role: str, bounds: Bounds, *, manual: bool = False) -> None:
        self.address = address
        self.state = State.GREETING
        self.nodes: dict[str, tuple[str, bool]] = {}
        self.malformed = 0
        self.expired = 0
        self.life = 1
        self.gate: Gate[Outgoing] = Gate(bounds.window_bytes, bounds.waiting_bytes)
        self._node = node
        self._role = role
        self._bounds = bounds
        self._manual = manual
        self._was_live = False
        self._ledger = Ledger(bounds.window_bytes)
        self._ages = Ages()
        self._shards: dict[str, Shards] = {}
        self._roster_version = NO_ROSTER
        self._heard = float("-inf")
        self._echoed = float("-inf")
        self._spoke = float("-inf")
        self._looked = float("-inf")
        self._greeting_since: float | None = None
        self._speak = True
        self._leave = False
        self._retired = False
        self._doubt = False
        self._in_batch: list[Outgoing] = []

    @property
    def queued(self) -> bool:
        """Could anything that waits leave now?"""
        return self.state is State.LIVE and self.gate.ready

    def knows(self, node: str) -> bool:
        """Does the broker have this node, and trust it?"""
        return self.nodes.get(node, ("", True))[1] is False

    def knows_role(self, role: str) -> bool:
        """Does the broker have a trusted node of this role?"""
        return any(named == role and not suspect for named, suspect in self.nodes.values())

    @property
    def gives(self) -> bool:
        """May the broker still give us what is for our role? Until its roster tells otherwise, it may."""
        return self.nodes.get(self._node, (self._role, False))[0] != ""

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
            batch, nodes = _read(parts)
        except WireError:
            self.malformed += 1
            return
        first = batch.frames[0] if batch.frames else ()
        self._heard = now
        self._doubt = False
        if self.state is State.GREETING:
            if not first or first[0] != Op.WELCOME or first[2] != self.life:
                # From before the greeting: it belongs to another life of this connection.
                return
            self.state = State.LIVE
            self._speak = True
            self._echoed = now
            yield "roster"
            if self._was_live:
                # Nobody can tell what was lost between the lives.
                yield "overrun"
            self._was_live = True
        elif first and first[0] in (Op.WHO, Op.BYE):
            self._end_life()
            self._speak = first[0] == Op.WHO
            yield "ended"
            return
        self._echoed = max(self._echoed, min(batch.echo / 1000, now))
        if self.state is State.SUSPECT and now - self._echoed < UNHEARD_SECONDS:
            self.state = State.LIVE
            yield "roster"
        age = self._ages.age(batch.clock, batch.echo, now * 1000)
        self._ledger.received(batch.sent)
        self.gate.granted(batch.consumed)
        for frame in batch.frames:
            if frame[0] == Op.ROSTER:
                self._roster_version = frame[1]
                self.nodes = {node: (role, suspect) for node, role, suspect in nodes}
                self._shards.clear()
                yield "roster"
            else:
                yield from self._frame(frame, age, now)

    def _frame(self, frame: Frame, age: float, now: float) -> Iterator[Event]:
        op = frame[0]
        if op == Op.DELIVER:
            _, source, tag, key, ttl, payload = frame
            deadline = float("inf") if ttl == HINT else now + (ttl - age) / 1000
            if deadline <= now:
                self.expired += 1
                return
            received = Received(source, tag, key, deadline, payload, cost(payload), self._ledger)
            if self._manual:
                self._ledger.hold(received.cost)
            yield received
        elif op == Op.UNDELIVERABLE:
            yield frame[1], frame[2]
        elif op == Op.OVERRUN:
            yield "overrun"
        elif op not in (Op.PONG, Op.WELCOME):
            self.malformed += 1

    def _end_life(self) -> None:
        self.state = State.GREETING
        self.life += 1
        self.gate.restart()
        self.nodes = {}
        self._ledger = Ledger(self._bounds.window_bytes)
        self._ages = Ages()
        self._shards.clear()
        self._roster_version = NO_ROSTER
        self._greeting_since = None
        self._speak = True

    # Time -------------------------------------------------------------------

    def tick(self, now: float) -> str | None:
        """Heartbeats, greetings, and what the broker's silence means.

        "suspect" and "gone" are what they say; "deaf": nobody has answered our greeting for 5 s, so connect anew.
        """
        stalled = now - self._looked > STALL_SECONDS and self._looked > float("-inf")
        self._looked = now
        self.gate.look(now)
        if stalled:
            # We were stopped ourselves: the broker's answers wait unread, so its silence says nothing yet.
            self._heard = self._echoed = now
        if now - self._spoke >= HEARTBEAT_SECONDS:
            self._speak = True
        silent = now - self._heard
        # One way may be broken alone: then it is as far from us as one that is silent, half a second later.
        lost = max(silent, now - self._echoed - UNHEARD_SECONDS + SUSPECT_SECONDS)
        if self.state is State.LIVE and lost >= SUSPECT_SECONDS:
            self.state = State.SUSPECT
            return "suspect"
        if self.state is State.SUSPECT and lost >= GONE_SECONDS:
            self._end_life()
            return "gone"
        if self.state is State.GREETING:
            if self._greeting_since is None:
                self._greeting_since = now
            if silent >= GONE_SECONDS and len(self.gate):
                return "gone"
            if now - self._greeting_since >= RENEW_SECONDS:
                self._greeting_since = now
                return "deaf"
        return None

    def abandon(self, *, hints: bool) -> list[int]:
        """Give up the commands that wait for this broker, and, if so asked, the hints; the tags of the commands."""
        dropped = self.gate.drop(lambda item: hints or item[4] != float("inf"))
        return [item[1] for item in dropped if item[4] != float("inf")]

    def retire(self) -> None:
        """Give up our role; said with every heartbeat, in every life, until the roster shows that it was heard."""
        self._retired = True
        self._speak = True

    def goodbye(self) -> None:
        """Leave in order: the last word follows what may still leave."""
        self._leave = self.state is not State.GREETING

    # Out --------------------------------------------------------------------

    def batch(self, now: float) -> bytes | None:
        """The next message for the broker, None when there is nothing that may leave."""
        frames: list[Any] = []
        if self._speak:
            self._speak = False
            self._spoke = now
            greeting = (int(Op.HELLO), self._role, self._node, self.life)
            frames.append(greeting if self.state is State.GREETING else (int(Op.PING), self._roster_version))
            if self._retired and self.gives and self.state is not State.GREETING:
                frames.append((int(Op.LEAVING),))
        self._in_batch = []
        if self.state is State.LIVE and not self._doubt:
            self._in_batch = self.gate.take(BATCH_FRAMES, BATCH_BYTES)
        for by_key, tag, to, key, deadline, payload in self._in_batch:
            ttl = HINT if deadline == float("inf") else max(0, int((deadline - now) * 1000))
            frames.append((int(Op.TO_KEY if by_key else Op.TO_NODE), tag, to, key, ttl, payload))
        if self._leave and not self.queued:
            self._leave = False
            frames.append((int(Op.BYE),))
        if not frames and not (self._ledger.due and self.state is not State.GREETING):
            return None
        return pack(int(now * 1000), self._ages.newest, self.gate.sent, self._ledger.tell(), frames)

    def unsent(self) -> None:
        """ZeroMQ did not take the last batch: no connection, or its queue is full. What was in it waits, in front.

        The broker may have been restarted meanwhile, so a heartbeat goes ahead, and the rest follows its answer.
        """
        self.gate.put_back([(item, cost(item[5])) for item in self._in_batch])
        self._in_batch = []
        self._speak = True
        self._doubt = True


def _read(parts: list[bytes]) -> tuple[Batch, Nodes]:
    """The one part of a message as a batch, and the nodes of the newest roster in it."""
    if len(parts) != 1:
        raise WireError("a batch has one part")
    batch = unpack(parts[0])
    rosters = [frame[2] for frame in batch.frames if frame[0] == Op.ROSTER]
    return batch, unpack_roster(rosters[-1]) if rosters else ()

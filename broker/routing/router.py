"""The router's decisions. Pure: batches and the time go in, batches to send come out; no socket, no clock.

It looks into a frame no deeper than its address. A command (a frame with a time to live) that it cannot pass on is
reported to its sender; a hint is dropped, and the log's feed or the heads repair it. All its state is soft: a broker
that starts anew asks everyone who they are, and knows as much as before within a heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from broker.flow.ages import Ages
from broker.flow.credit import Gate, Ledger
from broker.flow.shards import Shards
from broker.routing.roster import Roster
from broker.wire.envelope import HINT, Frame, Op, cost, pack, unpack
from broker.wire.errors import WireError
from broker.wire.limits import BATCH_BYTES, BATCH_FRAMES, NAME_CHARACTERS

EDGE = "edge"


class Waiting(NamedTuple):
    """A frame for a peer. `deadline` is when it dies (infinity: a hint)."""

    source: str
    tag: int
    key: str
    deadline: float
    payload: bytes


class Peer:
    """One connected peer: what it is owed and what it told."""

    __slots__ = ("ages", "control", "gate", "identity", "ledger", "name", "role", "roster_told")

    def __init__(self, identity: bytes, name: str, role: str, window: int, limit: int) -> None:
        self.identity = identity
        self.name = name
        self.role = role
        self.ages = Ages()
        self.gate: Gate[Waiting] = Gate(window, limit)
        self.ledger = Ledger(window)
        self.control: list[Frame] = []
        self.roster_told = 0


class Counts:
    """What happened, for logs and metrics."""

    def __init__(self) -> None:
        self.frames = 0
        self.batches = 0
        self.malformed = 0
        self.strangers = 0
        self.impostors = 0
        self.undeliverable = 0
        self.expired = 0
        self.dropped_hints = 0
        self.overruns = 0
        self.unreachable = 0


class Router:
    """`window` is the credit of each peer, `limit` what may wait for one, both in cost (bytes, and 128 a frame)."""

    def __init__(self, name: str, roster: Roster, *, window: int, limit: int) -> None:
        self.name = name
        self.roster = roster
        self.counts = Counts()
        self._window = window
        self._limit = limit
        self._peers: dict[bytes, Peer] = {}
        self._by_name: dict[str, Peer] = {}
        self._shards: dict[str, Shards] = {}
        self._dirty: dict[bytes, Peer] = {}
        self._strangers: list[bytes] = []

    # In ---------------------------------------------------------------------

    def receive(self, identity: bytes, data: bytes, now: float) -> None:
        """A batch from the peer whose routing id is `identity`. What is malformed is counted and changes nothing."""
        try:
            batch = unpack(data)
        except WireError:
            self.counts.malformed += 1
            return
        peer = self._peers.get(identity)
        frames = batch.frames
        if frames and frames[0][0] == Op.HELLO:
            peer = self._hello(identity, frames[0], now)
            if peer is None:
                return
            frames = frames[1:]
        if peer is None:
            self.counts.strangers += 1
            if len(self._strangers) < 1000:
                self._strangers.append(identity)
            return
        self.counts.batches += 1
        self.counts.frames += len(frames)
        self.roster.heard(peer.name, now)
        age = peer.ages.age(batch.clock, now * 1000)
        peer.ledger.received(batch.sent)
        peer.gate.granted(batch.consumed)
        if peer.gate.ready or peer.ledger.due:
            self._dirty[identity] = peer
        for frame in frames:
            self._frame(peer, frame, age, now)
        if peer.ledger.due:
            self._dirty[identity] = peer

    def _hello(self, identity: bytes, frame: Frame, now: float) -> Peer | None:
        _, role, name = frame
        if identity != name.encode() or not role or max(len(role), len(name)) > NAME_CHARACTERS:
            self.counts.impostors += 1
            return None
        peer = Peer(identity, name, role, self._window, self._limit)
        before = self._peers.get(identity)
        if before is not None:
            self._report(before, "gone")
        self._peers[identity] = peer
        self._by_name[name] = peer
        self.roster.introduce(name, role, now)
        self._reshard()
        peer.control.append((int(Op.WELCOME), self.name))
        self._dirty[identity] = peer
        return peer

    def _frame(self, peer: Peer, frame: Frame, age: float, now: float) -> None:
        op = frame[0]
        if op == Op.TO_KEY:
            _, tag, role, key, ttl, payload = frame
            shards = self._shards.get(role)
            to = shards.owner(key) if shards is not None else None
            self._pass(peer, to, tag, key, ttl, age, payload, now)
        elif op == Op.TO_NODE:
            _, tag, to, key, ttl, payload = frame
            self._pass(peer, to, tag, key, ttl, age, payload, now)
        elif op == Op.PING:
            peer.roster_told = frame[1]
            peer.control.append((int(Op.PONG),))
            self._dirty[peer.identity] = peer
        elif op == Op.BYE:
            self._gone(peer.name, now)
            self.roster.leave(peer.name)
            self._reshard()
        else:
            self.counts.malformed += 1

    def _pass(
        self,
        source: Peer,
        to: str | None,
        tag: int,
        key: str,
        ttl: int,
        age: float,
        payload: bytes,
        now: float,
    ) -> None:
        peer = self._by_name.get(to) if to is not None else None
        command = ttl != HINT
        deadline = now + (ttl - age) / 1000 if command else float("inf")
        if peer is None:
            self._refuse(source.name, tag, command, "no_peer")
        elif deadline <= now:
            self.counts.expired += 1
            self._refuse(source.name, tag, command, "expired")
        elif peer.gate.offer(Waiting(source.name, tag, key, deadline, payload), cost(payload)):
            self._dirty[peer.identity] = peer
        elif command or peer.role != EDGE:
            self._refuse(source.name, tag, command, "full")
        else:
            self._overrun(peer)

    def _overrun(self, peer: Peer) -> None:
        """An edge that takes less than it is sent loses what waits, and is told so: it compares heads with the log."""
        self.counts.overruns += 1
        self._report(peer, "full")
        peer.control.append((int(Op.OVERRUN),))
        self._dirty[peer.identity] = peer

    def _refuse(self, source: str, tag: int, command: bool, reason: str) -> None:
        if not command:
            self.counts.dropped_hints += 1
            return
        self.counts.undeliverable += 1
        peer = self._by_name.get(source)
        if peer is not None:
            peer.control.append((int(Op.UNDELIVERABLE), tag, reason))
            self._dirty[peer.identity] = peer

    def _report(self, peer: Peer, reason: str) -> None:
        """Empty a peer's queue: commands are reported to their senders, hints dropped."""
        for waiting in peer.gate.clear():
            self._refuse(waiting.source, waiting.tag, waiting.deadline != float("inf"), reason)

    # Time -------------------------------------------------------------------

    def tick(self, now: float) -> tuple[list[str], list[str]]:
        """Judge the silent; returns who became suspect and who is gone, for the log."""
        suspected, gone = self.roster.look(now)
        for name in suspected:
            # What waits for it has not left yet: its senders may try the next owner at once.
            self._report(self._by_name[name], "gone")
        for name in gone:
            self._gone(name, now)
        if suspected or gone:
            self._reshard()
        return suspected, gone

    def _gone(self, name: str, now: float) -> None:
        peer = self._by_name.pop(name, None)
        if peer is not None:
            self._peers.pop(peer.identity, None)
            self._dirty.pop(peer.identity, None)
            self._report(peer, "gone")

    def _reshard(self) -> None:
        for role in {node.role for node in self.roster.nodes.values()} | self._shards.keys():
            self._shards.setdefault(role, Shards()).change(self.roster.of_role(role))

    # Out --------------------------------------------------------------------

    def strangers(self) -> Iterator[tuple[bytes, bytes]]:
        """Who spoke without having said hello, and the batch that asks who they are."""
        while self._strangers:
            yield self._strangers.pop(), pack(0, 0, 0, [(int(Op.WHO),)])

    def outgoing(self, now: float) -> Iterator[tuple[Peer, list[Waiting], bytes]]:
        """The batches that may leave now. The frames of one that cannot are given back by `unsent`."""
        version = self.roster.version
        while self._dirty:
            _, peer = self._dirty.popitem()
            while (batch := self._batch(peer, version, now)) is not None:
                yield peer, *batch

    def roster_due(self) -> None:
        """Have everyone told who has an older roster than ours."""
        for identity, peer in self._peers.items():
            if peer.roster_told != self.roster.version:
                self._dirty[identity] = peer

    def _batch(self, peer: Peer, version: int, now: float) -> tuple[list[Waiting], bytes] | None:
        frames: list[Any] = peer.control
        peer.control = []
        if peer.roster_told != version:
            peer.roster_told = version
            nodes = tuple((node.name, node.role, node.suspect) for node in self.roster.nodes.values())
            frames.append((int(Op.ROSTER), version, nodes))
        taken = peer.gate.take(BATCH_FRAMES, BATCH_BYTES)
        if not frames and not taken and not peer.ledger.due:
            return None
        for waiting in taken:
            if waiting.deadline == float("inf"):
                ttl = HINT
            elif (ttl := int((waiting.deadline - now) * 1000)) <= 0:
                self.counts.expired += 1
                self._refuse(waiting.source, waiting.tag, True, "expired")
                continue
            frames.append((int(Op.DELIVER), waiting.source, waiting.tag, waiting.key, ttl, waiting.payload))
        return taken, pack(int(now * 1000), peer.gate.sent, peer.ledger.tell(), frames)

    def unreachable(self, peer: Peer, lost: list[Waiting], now: float) -> None:
        """ZeroMQ has no such peer any more (EHOSTUNREACH): it is gone, and what was for it is reported."""
        self.counts.unreachable += 1
        if self._by_name.get(peer.name) is peer:
            self._gone(peer.name, now)
            self.roster.leave(peer.name)
            self._reshard()
        self._lost(lost, "gone")

    def clogged(self, peer: Peer, lost: list[Waiting]) -> None:
        """ZeroMQ's own queue to the peer is full (EAGAIN): what was not queued is reported; credit heals itself."""
        self._lost(lost, "full")
        if peer.role == EDGE and any(waiting.deadline == float("inf") for waiting in lost):
            self._overrun(peer)

    def _lost(self, lost: list[Waiting], reason: str) -> None:
        for waiting in lost:
            self._refuse(waiting.source, waiting.tag, waiting.deadline != float("inf"), reason)

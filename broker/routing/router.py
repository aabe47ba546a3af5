"""The router's decisions. Pure: batches and the time go in, batches to send come out; no socket, no clock.

It looks into a frame no deeper than its address. A command (a frame with a time to live) that it cannot pass on is
reported to its sender; a hint is dropped, and the log's feed or the heads repair it. All its state is soft: a broker
that starts anew asks everyone who they are, and knows as much as before within a heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from broker.flow.shards import Shards
from broker.routing.peer import Peer, Waiting
from broker.routing.roster import Roster
from broker.wire.envelope import HINT, Frame, Op, cost, pack, pack_roster, unpack
from broker.wire.errors import WireError
from broker.wire.limits import NAME_BYTES, ROSTER_NODES, TTL_MS

EDGE = "edge"
STRANGERS = 1000
SWEEP_SECONDS = 1.0


class Counts:
    """What happened, for logs and metrics."""

    def __init__(self) -> None:
        self.frames = 0
        self.batches = 0
        self.malformed = 0
        self.strangers = 0
        self.impostors = 0
        self.crowded = 0
        self.undeliverable = 0
        self.expired = 0
        self.dropped_hints = 0
        self.dropped_reports = 0
        self.overruns = 0
        self.clogged = 0
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
        self._sharded = 0
        self._dirty: dict[bytes, Peer] = {}
        self._strangers: set[bytes] = set()
        self._packed: tuple[int, Frame] = (0, ())
        self._swept = float("-inf")

    # In ---------------------------------------------------------------------

    def receive(self, identity: bytes, data: bytes, now: float, user: str = "") -> None:
        """A batch from the peer whose routing id is `identity`. What is malformed is counted and changes nothing.

        `user` is whose key it came under, where there are keys: a routing id says who somebody wants to be, and
        whoever has another key is not heard under it.
        """
        try:
            batch = unpack(data)
        except WireError:
            self.counts.malformed += 1
            return
        frames = batch.frames
        greets = bool(frames) and frames[0][0] == Op.HELLO
        if greets:
            if not self._hello(identity, frames[0], now, user):
                return
            frames = frames[1:]
        peer = self._peers.get(identity)
        if peer is None:
            self.counts.strangers += 1
            if len(self._strangers) < STRANGERS:
                self._strangers.add(identity)
            return
        if peer.user != user:
            self.counts.impostors += 1
            return
        self.counts.batches += 1
        self.counts.frames += len(frames)
        if greets:
            self.roster.greeted(peer.name, now)
        else:
            self.roster.heard(peer.name, now)
        age = peer.ages.age(batch.clock, batch.echo, now * 1000)
        peer.ledger.received(batch.sent)
        peer.gate.granted(batch.consumed)
        for frame in frames:
            if frame[0] == Op.BYE:
                self._leave(peer)
                return
            self._frame(peer, frame, age, now)
        if peer.gate.ready or peer.ledger.due:
            self._dirty[identity] = peer

    def _hello(self, identity: bytes, frame: Frame, now: float, user: str) -> bool:
        _, role, name, life = frame
        # A link that gets no answer connects anew, under its name and a number: ZeroMQ may hold its old id for taken.
        if identity.partition(b"#")[0] != name.encode() or not role or max(len(role.encode()), len(name)) > NAME_BYTES:
            self.counts.impostors += 1
            return False
        peer = self._by_name.get(name)
        if peer is not None and peer.user != user:
            self.counts.impostors += 1
            return False
        if peer is None and len(self._by_name) >= ROSTER_NODES:
            self.counts.crowded += 1
            return False
        if peer is None or (peer.identity, peer.role, peer.life) != (identity, role, life):
            before, peer = peer, Peer(identity, name, role, life, self._window, self._limit, user)
            if before is not None:
                self._forget(before)
                # Reports of commands outlive the connection, its counts and its queue do not.
                peer.control = [frame for frame in before.control if frame[0] == Op.UNDELIVERABLE]
            self._peers[identity] = self._by_name[name] = peer
            self.roster.introduce(name, role, now)
        peer.control.insert(0, (int(Op.WELCOME), self.name, life))
        self._dirty[identity] = peer
        return True

    def _frame(self, peer: Peer, frame: Frame, age: float, now: float) -> None:
        op = frame[0]
        if op == Op.TO_KEY:
            _, tag, role, key, ttl, payload = frame
            self._pass(self.owner(role, key), Waiting(peer.name, tag, key, _deadline(ttl, age, now), payload), now)
        elif op == Op.TO_NODE:
            _, tag, to, key, ttl, payload = frame
            self._pass(to, Waiting(peer.name, tag, key, _deadline(ttl, age, now), payload), now)
        elif op == Op.PING:
            peer.roster_told = frame[1]
            self._tell(peer, (int(Op.PONG),))
        elif op == Op.LEAVING:
            if self.roster.retire(peer.name):
                # As with a suspect: it has not left yet, so the senders may try the next owner at once.
                self._refuse(peer.gate.drop(_is_command), "gone")
        else:
            self.counts.malformed += 1

    def _pass(self, to: str | None, frame: Waiting, now: float) -> None:
        peer = self._by_name.get(to) if to is not None else None
        if peer is None:
            self._refuse([frame], "no_peer")
        elif frame.deadline <= now:
            self._refuse([frame], "expired")
        elif peer.gate.offer(frame, cost(frame.payload)):
            self._dirty[peer.identity] = peer
        elif frame.command or peer.role != EDGE:
            self._refuse([frame], "full")
        else:
            # An edge that takes less than it is sent loses what waits, and is told: it compares heads with the log.
            self.counts.overruns += 1
            self._refuse([*peer.gate.drop(), frame], "full")
            self._tell(peer, (int(Op.OVERRUN),))

    def _refuse(self, frames: Iterable[Waiting], reason: str) -> None:
        """These are not delivered: commands are reported to their senders, hints dropped."""
        for frame in frames:
            if not frame.command:
                self.counts.dropped_hints += 1
                continue
            self.counts.undeliverable += 1
            self.counts.expired += reason == "expired"
            peer = self._by_name.get(frame.source)
            if peer is not None:
                self._tell(peer, (int(Op.UNDELIVERABLE), frame.tag, reason))

    def _tell(self, peer: Peer, frame: Frame) -> None:
        if not peer.tell(frame):
            self.counts.dropped_reports += 1
        self._dirty[peer.identity] = peer

    # Who is there -----------------------------------------------------------

    def peers(self) -> Iterable[Peer]:
        """Everyone who is known, for metrics."""
        return self._by_name.values()

    def tick(self, now: float) -> tuple[list[str], list[str]]:
        """Judge the silent; returns who became suspect and who is gone, for the log."""
        suspected, gone = self.roster.look(now)
        for name in suspected:
            # What waits for it has not left yet: the senders may try the next owner at once. Hints may still arrive.
            self._refuse(self._by_name[name].gate.drop(_is_command), "gone")
        for name in gone:
            self._forget(self._by_name[name])
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            for peer in self._by_name.values():
                self._refuse(peer.gate.drop(lambda frame: frame.deadline <= now), "expired")
        for peer in self._by_name.values():
            peer.gate.look(now)
            if peer.clogged:
                self._dirty[peer.identity] = peer
        return suspected, gone

    def unreachable(self, peer: Peer) -> None:
        """ZeroMQ has no such peer any more (EHOSTUNREACH): it is gone, and what was for it is reported."""
        self.counts.unreachable += 1
        peer.put_back()
        self._leave(peer)

    def clogged(self, peer: Peer) -> None:
        """ZeroMQ's own queue to the peer is full (EAGAIN): the batch waits for the next tick, or the peer's word."""
        self.counts.clogged += 1
        peer.put_back()
        peer.clogged = True

    def _leave(self, peer: Peer) -> None:
        self._forget(peer)
        self.roster.leave(peer.name)

    def _forget(self, peer: Peer) -> None:
        del self._by_name[peer.name]
        del self._peers[peer.identity]
        self._dirty.pop(peer.identity, None)
        self._refuse(peer.gate.drop(), "gone")

    def owner(self, role: str, key: str) -> str | None:
        """The node of `role` that frames with this key go to."""
        if self._sharded != self.roster.version:
            self._sharded = self.roster.version
            roles = {node.role for node in self.roster.nodes.values() if node.role}
            for lost in self._shards.keys() - roles:
                del self._shards[lost]
            for named in roles:
                self._shards.setdefault(named, Shards()).change(self.roster.of_role(named))
        shards = self._shards.get(role)
        return shards.owner(key) if shards is not None else None

    # Out --------------------------------------------------------------------

    def strangers(self) -> Iterator[tuple[bytes, bytes]]:
        """Who spoke without having said hello, and the batch that asks who they are."""
        while self._strangers:
            yield self._strangers.pop(), pack(0, 0, 0, 0, [(int(Op.WHO),)])

    def farewells(self) -> Iterator[tuple[bytes, bytes]]:
        """The broker stops: what tells everyone to go by another."""
        for identity in self._peers:
            yield identity, pack(0, 0, 0, 0, [(int(Op.BYE),)])

    def outgoing(self, now: float) -> Iterator[tuple[Peer, bytes]]:
        """The batches that may leave now. Say `clogged` or `unreachable` of one that cannot, before the next."""
        self._tell_roster()
        while self._dirty:
            identity, peer = self._dirty.popitem()
            peer.clogged = False
            while not peer.clogged and self._peers.get(identity) is peer:
                expired, batch = peer.batch(now)
                self._refuse(expired, "expired")
                if batch is None:
                    break
                yield peer, batch

    def _tell_roster(self) -> None:
        """Everyone who has another roster than ours gets ours."""
        version = self.roster.version
        changed = self._packed[0] != version
        if changed:
            nodes = [(node.name, node.role, node.suspect) for node in self.roster.nodes.values()]
            self._packed = version, (int(Op.ROSTER), version, pack_roster(nodes))
        for peer in self._by_name.values() if changed else list(self._dirty.values()):
            if peer.roster_told != version:
                peer.roster_told = version
                self._tell(peer, self._packed[1])


def _deadline(ttl: int, age: float, now: float) -> float:
    return float("inf") if ttl == HINT else now + (min(ttl, TTL_MS) - age) / 1000


def _is_command(frame: Waiting) -> bool:
    return frame.command

"""One connected peer, as a router sees it: what it told, and what it is owed. Pure."""

from __future__ import annotations

from typing import NamedTuple

from broker.flow.ages import Ages
from broker.flow.credit import Gate, Ledger
from broker.wire.envelope import HINT, Frame, Op, cost, pack
from broker.wire.limits import BATCH_BYTES, BATCH_FRAMES, CONTROL_FRAMES

SHORTEST_TTL = 0.001
"""Seconds; the wire knows whole milliseconds."""


class Waiting(NamedTuple):
    """A frame for a peer. `deadline` is when it dies (infinity: a hint)."""

    source: str
    tag: int
    key: str
    deadline: float
    payload: bytes

    @property
    def command(self) -> bool:
        """Must its sender be told if it is not delivered?"""
        return self.deadline != float("inf")


class Peer:
    """`life` is the number that its HELLO bore, `user` whose key it came under where there are keys.

    `clogged`: ZeroMQ did not take the last batch for it.
    """

    __slots__ = (
        *("ages", "clogged", "control", "gate", "identity", "ledger", "life", "name", "role", "roster_told", "user"),
        *("_control_sent", "_frames_sent"),
    )

    def __init__(
        self, identity: bytes, name: str, role: str, life: int, window: int, limit: int, user: str = ""
    ) -> None:
        self.identity = identity
        self.name = name
        self.role = role
        self.life = life
        self.user = user
        self.ages = Ages()
        self.gate: Gate[Waiting] = Gate(window, limit)
        self.ledger = Ledger(window)
        self.control: list[Frame] = []
        self.roster_told = 0
        self.clogged = False
        self._control_sent: list[Frame] = []
        self._frames_sent: list[Waiting] = []

    def tell(self, frame: Frame) -> bool:
        """Queue a control frame, which waits for no credit; False when far too many wait already."""
        if len(self.control) >= CONTROL_FRAMES:
            return False
        self.control.append(frame)
        return True

    def batch(self, now: float) -> tuple[list[Waiting], bytes | None]:
        """What may leave now as one batch, None if nothing; and the commands that died before they could."""
        control, self.control = self.control[:BATCH_FRAMES], self.control[BATCH_FRAMES:]
        taken = self.gate.take(BATCH_FRAMES, BATCH_BYTES)
        dead = now + SHORTEST_TTL
        expired = [waiting for waiting in taken if waiting.deadline < dead]
        if expired:
            # Their cost stays counted as sent: the peer's next count heals that, as it heals what ZeroMQ loses.
            taken = [waiting for waiting in taken if waiting.deadline >= dead]
        if not control and not taken and not expired and not self.ledger.due:
            return [], None
        self._control_sent, self._frames_sent = control, taken
        frames = [*control, *(_deliver(waiting, now) for waiting in taken)]
        told = self.ledger.tell()
        return expired, pack(int(now * 1000), self.ages.newest, self.gate.sent, told, frames)

    def put_back(self) -> list[Waiting]:
        """The last batch could not leave: it waits again, in front. What was in it."""
        frames = self._frames_sent
        self.control[:0] = [frame for frame in self._control_sent if frame[0] != Op.ROSTER]
        self.roster_told = 0
        self.gate.put_back([(waiting, cost(waiting.payload)) for waiting in frames])
        self._control_sent, self._frames_sent = [], []
        return frames


def _deliver(waiting: Waiting, now: float) -> Frame:
    ttl = int((waiting.deadline - now) * 1000) if waiting.command else HINT
    return (int(Op.DELIVER), waiting.source, waiting.tag, waiting.key, ttl, waiting.payload)

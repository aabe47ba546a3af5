"""Credit: how much may be on its way to a peer, and what waits until there is more. Pure.

The sender counts what it sent, the receiver what it used up; each batch carries both counts, so credit needs no
messages of its own while traffic flows. The receiver's count starts from the sender's own number in the newest batch,
less what it still holds: so what the transport lost is not missed for ever, but given back by the next batch.
(TCP's window, RFC 9293, 3.8.6, in units of cost instead of bytes.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


LEAST_BYTES = 64 * 1024


def check_bounds(window_bytes: int, waiting_bytes: int) -> None:
    """Raises ValueError for settings with which the largest frames would never leave."""
    if min(window_bytes, waiting_bytes) < LEAST_BYTES:
        raise ValueError("BROKER_WINDOW_BYTES and BROKER_WAITING_BYTES must be at least 65536")


class Gate(Generic[T]):
    """The way out to one peer: what leaves, and what waits in order, bounded by `limit`, until credit comes."""

    __slots__ = ("_consumed", "_first", "_first_since", "_limit", "_waiting", "_window", "sent", "waiting_cost")

    def __init__(self, window: int, limit: int) -> None:
        self._window = window
        self._limit = limit
        self._waiting: deque[tuple[T, int]] = deque()
        self._consumed = 0
        self._first: T | None = None
        self._first_since = 0.0
        self.sent = 0
        self.waiting_cost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, item: T, cost: int) -> bool:
        """Queue `item`; False, and nothing has changed, when that would exceed the bound."""
        if self.waiting_cost + cost > self._limit:
            return False
        self._waiting.append((item, cost))
        self.waiting_cost += cost
        return True

    def granted(self, consumed: int) -> None:
        """The peer has used up so much in all. Counts only rise, and never beyond what was sent."""
        if self._consumed < consumed <= self.sent:
            self._consumed = consumed

    @property
    def credit(self) -> int:
        """How much more may leave now."""
        return self._window - (self.sent - self._consumed)

    @property
    def ready(self) -> bool:
        """Is there something that may leave? An item larger than the whole window goes when nothing else is out."""
        return bool(self._waiting) and (self._waiting[0][1] <= self.credit or self.sent == self._consumed)

    def take(self, most_items: int, most_cost: int) -> list[T]:
        """What leaves now, in order: within credit, and within the bounds of one batch."""
        taken: list[T] = []
        room = most_cost
        while len(taken) < most_items and self.ready:
            cost = self._waiting[0][1]
            if taken and cost > room:
                break
            room -= cost
            self.sent += cost
            self.waiting_cost -= cost
            taken.append(self._waiting.popleft()[0])
        return taken

    def put_back(self, items: Sequence[tuple[T, int]]) -> None:
        """What was taken last could not leave: it waits again, in front, and does not count as sent."""
        self._waiting.extendleft(reversed(items))
        cost = sum(cost for _, cost in items)
        self.sent -= cost
        self.waiting_cost += cost

    def drop(self, which: Callable[[T], bool] = lambda item: True) -> list[T]:
        """Remove what waits and is `which`; it, in order. The rest keeps its order."""
        dropped = [item for item, _ in self._waiting if which(item)]
        if dropped:
            self._waiting = deque((item, cost) for item, cost in self._waiting if not which(item))
            self.waiting_cost = sum(cost for _, cost in self._waiting)
        return dropped

    def look(self, now: float) -> None:
        """Asked ten times a second, so that `age` can tell since when the first that waits has been the first."""
        first = self._waiting[0][0] if self._waiting else None
        if first is not self._first:
            self._first = first
            self._first_since = now

    def age(self, now: float) -> float:
        """For how long nothing has left though something waits; 0 when nothing waits, or what is first is new."""
        if not self._waiting or self._waiting[0][0] is not self._first:
            return 0.0
        return now - self._first_since

    def restart(self) -> None:
        """The connection starts anew: counts begin at zero; what waits goes on waiting."""
        self.sent = 0
        self._consumed = 0


class Ledger:
    """What came in from one peer, and how much of it is used up. A connection that starts anew gets a new one."""

    __slots__ = ("_received", "_told", "_window", "held")

    def __init__(self, window: int) -> None:
        self._window = window
        self._received = 0
        self._told = 0
        self.held = 0

    def received(self, sent: int) -> None:
        """A batch said that the peer has sent so much in all."""
        self._received = max(self._received, sent)

    def hold(self, cost: int) -> None:
        """A frame came in that is not used up yet."""
        self.held += cost

    def release(self, cost: int) -> None:
        """It is now."""
        self.held = max(0, self.held - cost)

    @property
    def consumed(self) -> int:
        """What is used up in all."""
        return max(0, self._received - self.held)

    def tell(self) -> int:
        """`consumed`, about to be told to the peer."""
        self._told = max(self._told, self.consumed)
        return self._told

    @property
    def due(self) -> bool:
        """Has so much been used up since the peer was last told that it is worth a batch of its own?"""
        return self.consumed - self._told >= self._window // 4

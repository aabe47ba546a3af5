"""The book of a load run: what was sent, answered and delivered, and whether it adds up. Pure.

Messages are numbers 0, 1, 2, …; users sit in groups, each group is one conversation. Message n goes to
conversation n mod C, and its sender changes from round to round.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import NamedTuple


class Reader:
    """What one user has received of its conversation: each seq once, in order."""

    __slots__ = ("conversation", "duplicated", "late", "missing", "next", "user")

    def __init__(self, user: int, conversation: int) -> None:
        self.user = user
        self.conversation = conversation
        self.next = 1
        self.missing: set[int] = set()
        self.late = 0
        self.duplicated = 0

    def take(self, seq: int) -> bool:
        """Note a delivery; True when it is the first of this seq."""
        if seq == self.next:
            self.next += 1
            return True
        if seq > self.next:
            self.missing.update(range(self.next, seq))
            self.next = seq + 1
            return True
        if seq in self.missing:
            self.missing.discard(seq)
            self.late += 1
            return True
        self.duplicated += 1
        return False

    @property
    def cursor(self) -> int:
        """Everything up to here has come."""
        return min(self.missing) - 1 if self.missing else self.next - 1

    def lacks(self, seq: int) -> bool:
        """Whether this seq has not come."""
        return seq >= self.next or seq in self.missing


class Totals(NamedTuple):
    """What a run came to. `lost` to `foreign` must be 0, and `unanswered` too."""

    sent: int
    acked: int
    refused: int
    unanswered: int
    delivered: int
    expected: int
    lost: int
    duplicated: int
    out_of_order: int
    foreign: int

    @property
    def sound(self) -> bool:
        """Everything was answered, and nothing lost, doubled, misordered or sent to a stranger."""
        faults = self.lost + self.duplicated + self.out_of_order + self.foreign + self.unanswered
        return faults == 0 and self.acked > 0


class Ledger:
    """Books for `conversations` groups of `group` users, of whom the first `senders` speak (None: all).

    Latencies count from message `measured` on.
    """

    def __init__(self, conversations: int, group: int, *, senders: int | None = None, measured: int = 0) -> None:
        self.conversations = conversations
        self.group = group
        self.senders = senders or group
        self.measured = measured
        self.readers = [Reader(user, user // group) for user in range(conversations * group)]
        self.intended = array("d")
        self.lag = array("d")
        self.seqs = array("q")
        self.acks = 0
        self.delivered = 0
        self.foreign = 0
        self.errors: Counter[str] = Counter()
        self.delivery_seconds = array("d")
        self.ack_seconds = array("d")
        self.marks: list[tuple[float, int]] = []
        self._answered = bytearray()
        self._at: list[dict[int, int]] = [{} for _ in range(conversations)]
        self._disagreed = 0

    def place(self, number: int) -> tuple[int, int]:
        """Conversation and user that say this message."""
        conversation = number % self.conversations
        return conversation, conversation * self.group + number // self.conversations % self.senders

    def sending(self, intended: float, now: float) -> None:
        """The next message goes out at `now`, having been due at `intended`."""
        self.intended.append(intended)
        self.lag.append(now - intended)
        self.seqs.append(0)
        self._answered.append(0)

    def acked(self, number: int, seq: int, now: float) -> None:
        """The server stored the message as `seq`; a second answer counts as an error."""
        if self._answered[number]:
            self.errors["answered_twice"] += 1
            return
        self._answered[number] = 1
        self.acks += 1
        self._agree(number % self.conversations, seq, number)
        if number >= self.measured:
            self.ack_seconds.append(now - self.intended[number])

    def refused(self, number: int, code: str) -> None:
        """The server answered with an error."""
        self.errors[code] += 1
        self._answered[number] = 2

    def received(self, reader: Reader, seq: int, number: int, now: float) -> None:
        """A message was delivered; `number` is -1 for events that are no messages of this run.

        Of those a second one says nothing: a conversation's `created` may come late, behind a `ready` that told of it.
        """
        if number < 0:
            if reader.lacks(seq):
                reader.take(seq)
            return
        if not reader.take(seq):
            return
        if number >= len(self.intended) or number % self.conversations != reader.conversation:
            self.foreign += 1
            return
        self.delivered += 1
        if self._at[reader.conversation].get(seq) != number:
            self._agree(reader.conversation, seq, number)
        if number >= self.measured:
            self.delivery_seconds.append(now - self.intended[number])

    def mark(self, now: float) -> None:
        """A slice of the run ends here: what is measured from now on counts to the next one."""
        self.marks.append((now, len(self.delivery_seconds)))

    @property
    def settled(self) -> bool:
        """Every message is answered and every stored one is with every reader."""
        answered = len(self._answered) - self._answered.count(0)
        return answered == len(self.intended) and self.delivered >= self._expected()

    def totals(self) -> Totals:
        """Add it all up."""
        lost = sum(reader.lacks(seq) for reader in self.readers for seq in self._at[reader.conversation])
        return Totals(
            sent=len(self.intended),
            acked=self.acks,
            refused=self._answered.count(2),
            unanswered=self._answered.count(0),
            delivered=self.delivered,
            expected=self._expected(),
            lost=lost,
            duplicated=sum(reader.duplicated for reader in self.readers) + self._disagreed,
            out_of_order=sum(reader.late for reader in self.readers) + self._inverted(),
            foreign=self.foreign,
        )

    def _expected(self) -> int:
        return self.group * sum(len(at) for at in self._at)

    def _agree(self, conversation: int, seq: int, number: int) -> None:
        """One message has one seq, one seq one message, for everybody."""
        known, holder = self.seqs[number], self._at[conversation].setdefault(seq, number)
        if known == 0:
            self.seqs[number] = seq
        if holder != number or known not in (0, seq):
            self._disagreed += 1

    def _inverted(self) -> int:
        """Messages stored before one that the same sender had sent earlier."""
        last: dict[int, int] = {}
        inverted = 0
        for number, seq in enumerate(self.seqs):
            if seq:
                _, sender = self.place(number)
                inverted += seq < last.get(sender, 0)
                last[sender] = max(seq, last.get(sender, 0))
        return inverted

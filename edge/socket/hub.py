"""Who is connected here, and how far each conversation has been forwarded. Pure: no sockets, no clock, no SQL.

The hub turns deliveries into forwards in order of seq. At or below the last seq forwarded it drops (duplicates are
harmless, so they may come from anywhere), at the next it forwards, beyond it it holds back and asks for the log to
be read once for all sockets: "lost between fanout and edge" in docs/architecture.md.

Whom an event is for is said by the newest delivery or heads, however late an older one comes in, and so by a list
at least as new as the event (promise 7: nothing after a removal).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from broker.wire.payloads import Delivery, HeadOf, Id, Logged

S = TypeVar("S")

GAP_SECONDS = 0.05
RETRY_SECONDS = 1.0
SETTLED_SECONDS = 2.0
HELD_EVENTS = 1000


class Forward(NamedTuple):
    """Write these events, in this order, to the sessions of these accounts."""

    conversation: Id
    recipients: tuple[Id, ...]
    events: Sequence[Logged]


class Repair(NamedTuple):
    """Read the log of `conversation` in (after, upto] and give it to `filled`, in as many parts as you like."""

    conversation: Id
    after: int
    upto: int


@dataclass(slots=True)
class Stream:
    """One conversation as this edge forwards it: `last`, and `settled`, the seq that it had reached two seconds ago.

    `recipients` were true as of the seq `as_of`; `newcomers` read the log themselves since then, and follow it too.
    `unshown` are named as recipients, and nothing of the stream has been forwarded to them.
    """

    last: int
    settled: int = 0
    marked: int = 0
    marked_at: float = 0.0
    last_at: float = 0.0
    recipients: tuple[Id, ...] = ()
    as_of: int = 0
    newcomers: set[Id] = field(default_factory=set)
    unshown: set[Id] = field(default_factory=set)
    wanted: int = 0
    due: float | None = None
    repairing: Repair | None = None
    held: dict[int, Logged] = field(default_factory=dict)

    def told(self, as_of: int, recipients: tuple[Id, ...]) -> None:
        """Fanout says who follows; word that is older than what is known already, having been overtaken, is none."""
        if as_of >= self.as_of:
            self.as_of = as_of
            self.recipients = recipients
            self.newcomers.clear()
            if self.unshown:
                self.unshown.intersection_update(recipients)


class Hub(Generic[S]):
    """Sessions by account, streams by conversation. `limit` bounds the streams: whose last event or new reader is
    longest ago is forgotten, and starts anew."""

    def __init__(self, limit: int = 200_000) -> None:
        self.sessions: dict[Id, set[S]] = {}
        self.streams: OrderedDict[Id, Stream] = OrderedDict()
        self._limit = limit
        self.repairs_begun = 0
        self.repaired = 0
        self.gaps: set[Id] = set()

    # Sessions ---------------------------------------------------------------

    def attach(self, account: Id, session: S) -> bool:
        """Count the session in; true when it is the account's first here."""
        sessions = self.sessions.get(account)
        if sessions is None:
            self.sessions[account] = {session}
            return True
        sessions.add(session)
        return False

    def detach(self, account: Id, session: S) -> bool:
        """Count the session out; true when it was the account's last here."""
        sessions = self.sessions.get(account)
        if sessions is None or session not in sessions:
            return False
        sessions.discard(session)
        if sessions:
            return False
        del self.sessions[account]
        return True

    def know(self, conversation: Id, head: int, account: Id) -> None:
        """A session of `account` begins at `head`, read from the log after the account was announced.

        A stream that no other session here has been following is stale and jumps to `head`; one that others follow
        is merely behind, and what it lacks is on its way to them.
        """
        stream = self.streams.get(conversation)
        if stream is None:
            stream = self._remember(conversation, Stream(head))
        else:
            self.streams.move_to_end(conversation)
        if stream.last < head and not stream.held and not self._followed(stream, account):
            stream.last = head
            if stream.wanted <= head and not stream.unshown:
                self._no_gap(conversation, stream)
        stream.newcomers.add(account)

    def _followed(self, stream: Stream, by: Id) -> bool:
        """Does any session but the newest one of `by` follow?"""
        if len(self.sessions.get(by, ())) > 1:
            return True
        followers = (*stream.recipients, *stream.newcomers)
        return any(account != by and account in self.sessions for account in followers)

    def _remember(self, conversation: Id, stream: Stream) -> Stream:
        self.streams[conversation] = stream
        if len(self.streams) > self._limit:
            forgotten, _ = self.streams.popitem(last=False)
            self.gaps.discard(forgotten)
        return stream

    # Events -----------------------------------------------------------------

    def delivered(self, delivery: Delivery, now: float) -> Forward | None:
        """Fanout's events: what can be forwarded now. A gap is noted, and `repairs` will name it when it is due."""
        if not delivery.events:
            return None
        stream = self.streams.get(delivery.conversation)
        if stream is None:
            stream = self._remember(delivery.conversation, Stream(delivery.events[0].seq - 1))
        else:
            self.streams.move_to_end(delivery.conversation)
        stream.told(delivery.events[-1].seq, delivery.recipients)
        return self._advance(delivery.conversation, stream, delivery.events, now)

    def _advance(self, conversation: Id, stream: Stream, events: Iterable[Logged], now: float) -> Forward | None:
        ready: list[Logged] = []
        self._settle(stream, now)
        for event in events:
            if event.seq == stream.last + 1:
                ready.append(event)
                stream.last = event.seq
            elif event.seq > stream.last and len(stream.held) < HELD_EVENTS:
                stream.held[event.seq] = event
                stream.wanted = max(stream.wanted, event.seq)
            elif event.seq > stream.last:
                stream.wanted = max(stream.wanted, event.seq)
        if stream.held:
            while (held := stream.held.pop(stream.last + 1, None)) is not None:
                ready.append(held)
                stream.last = held.seq
            if stream.held:
                stream.held = {seq: event for seq, event in stream.held.items() if seq > stream.last}
        if ready:
            stream.unshown.clear()
        self._note_gap(conversation, stream, now)
        return Forward(conversation, stream.recipients, ready) if ready else None

    def _note_gap(self, conversation: Id, stream: Stream, now: float) -> None:
        if stream.wanted <= stream.last and not stream.unshown:
            self._no_gap(conversation, stream)
        elif stream.due is None:
            stream.due = now + GAP_SECONDS
            self.gaps.add(conversation)

    def _no_gap(self, conversation: Id, stream: Stream) -> None:
        stream.due = None
        self.gaps.discard(conversation)

    def headed(self, head: HeadOf, now: float) -> None:
        """Fanout says how far a log reaches; what is missing here becomes a gap.

        So does what is not, to an account that follows it and was not known to: the event that the head names is then
        read for that account alone, and shows its clients their gap. No younger one: the account may be removed by now.
        """
        stream = self.streams.get(head.conversation)
        if stream is None:
            # Nobody here asked for this log yet: start at its newest event, which shows each client its own gap.
            stream = self._remember(head.conversation, Stream(head.seq - 1))
        if head.seq >= stream.as_of and head.recipients != stream.recipients:
            followed = {*stream.recipients, *stream.newcomers}
            stream.unshown.update(one for one in head.recipients if one not in followed and one in self.sessions)
        stream.told(head.seq, head.recipients)
        stream.wanted = max(stream.wanted, head.seq)
        self._note_gap(head.conversation, stream, now)

    def repairs(self, now: float) -> list[Repair]:
        """The gaps older than 50 ms, each once until `filled` or `unfilled` answers for it."""
        wanted = []
        for conversation in self.gaps:
            stream = self.streams[conversation]
            if stream.due is not None and stream.due <= now and stream.repairing is None:
                lacking = stream.wanted > stream.last
                after, upto = (stream.last, stream.wanted) if lacking else (stream.as_of - 1, stream.as_of)
                stream.repairing = Repair(conversation, after, upto)
                wanted.append(stream.repairing)
                self.repairs_begun += 1
        return wanted

    def filled(self, repair: Repair, events: Sequence[Logged], now: float) -> Forward | None:
        """A part of what the log held for a repair; the stream goes on behind it. With the last part it is over."""
        stream = self.streams.get(repair.conversation)
        if stream is None or stream.repairing is not repair:
            return None
        forward = self._advance(repair.conversation, stream, events, now)
        if forward is None and stream.unshown and events and events[-1].seq == stream.as_of:
            forward = Forward(repair.conversation, tuple(sorted(stream.unshown)), events[-1:])
            stream.unshown.clear()
            self._note_gap(repair.conversation, stream, now)
        if stream.last >= repair.upto:
            self.repaired += 1
            self._repaired(stream, now + GAP_SECONDS)
        return forward

    def unfilled(self, repair: Repair, now: float) -> None:
        """The log could not be read, or not so far: try again after a while."""
        stream = self.streams.get(repair.conversation)
        if stream is not None and stream.repairing is repair:
            self._repaired(stream, now + RETRY_SECONDS)

    @staticmethod
    def _repaired(stream: Stream, again: float) -> None:
        stream.repairing = None
        stream.due = again if stream.wanted > stream.last or stream.unshown else None

    @staticmethod
    def _settle(stream: Stream, now: float) -> None:
        if now - stream.marked_at >= SETTLED_SECONDS:
            stream.settled = stream.last if now - stream.last_at >= SETTLED_SECONDS else stream.marked
            stream.marked = stream.last
            stream.marked_at = now
        stream.last_at = now

    def behind(self, conversation: Id, cursor: int, now: float, account: Id) -> bool | None:
        """Does a client at `cursor` lack something forwarded here two seconds ago? None: only the log can tell, which
        checks membership as well; who is not known to follow the stream learns nothing of it here.

        What was forwarded since may well be on its way to the client, or its answer to us; sending it again would
        double every message of a busy conversation at each heartbeat.
        """
        stream = self.streams.get(conversation)
        if stream is None or (account not in stream.newcomers and account not in stream.recipients):
            return None
        quiet = now - stream.last_at >= SETTLED_SECONDS
        return (stream.last if quiet else stream.settled) > cursor

    def lags(self, conversation: Id, head: int) -> bool:
        """Has the stream not yet forwarded all that the log holds?"""
        stream = self.streams.get(conversation)
        return stream is not None and stream.last < head

    def followed(self) -> list[Id]:
        """The conversations whose heads are compared with the log when deliveries may have been lost."""
        return list(self.streams)

    def reset(self) -> None:
        """The database is another one (a new epoch): nothing that was forwarded counts any more."""
        self.streams.clear()
        self.gaps.clear()

"""The hub, searched for counterexamples: whatever is lost, doubled or overtaken, each stream is in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.wire.payloads import Delivery, HeadOf, Logged
from edge.socket.hub import GAP_SECONDS, RETRY_SECONDS, Forward, Hub, Repair

TALK = "talk"
ANN, BOB, EVE = "ann", "bob", "eve"


def event(seq: int, kind: str = "message", account: str | None = None) -> Logged:
    return Logged(seq, kind, account, b"%d" % seq)


CHANGES = ("message", "message", "message", "join", "leave")


def account_of(session: str) -> str:
    return session.partition("-")[0]


class HubMachine(RuleBasedStateMachine):
    """A log that grows, a channel that drops, doubles and reorders, a database that fails or answers in parts.

    What fanout says at any time is true of some moment of the log, and may arrive at any later time, or never.
    """

    @initialize()
    def begin(self) -> None:
        self.hub: Hub[str] = Hub()
        self.now = 100.0
        self.log: list[Logged] = [event(1, "created")]
        self.members: list[frozenset[str]] = [frozenset(), frozenset({ANN, BOB})]
        self.said: list[Delivery | HeadOf] = []
        self.newest = 0
        self.reached: int | None = None
        self.asked: Repair | None = None
        self.answered = 0
        self.old: list[Repair] = []
        self.forwarded: list[int] = []
        self.sessions: set[str] = set()
        self.following: dict[str, tuple[int, int]] = {}
        """Of each session of a member: the head that it read, and how much had been forwarded when it came."""

    # The world

    @rule(change=st.sampled_from(CHANGES), who=st.sampled_from([ANN, BOB, EVE]), messages=st.integers(0, 3))
    def append(self, change: str, who: str, messages: int) -> None:
        for _ in range(messages):
            self.log.append(event(len(self.log) + 1))
            self.members.append(self.members[-1])
        members = self.members[-1]
        kind = {"join": "member_joined", "leave": "member_left"}.get(change, "message")
        self.log.append(event(len(self.log) + 1, kind, who if kind != "message" else None))
        self.members.append(members | {who} if change == "join" else members - {who} if change == "leave" else members)

    def recipients(self, seq: int) -> tuple[str, ...]:
        return tuple(sorted(self.members[seq]))

    @rule(data=st.data())
    def fanout_says_events(self, data: st.DataObject) -> None:
        last = data.draw(st.integers(1, len(self.log)))
        first = data.draw(st.integers(max(1, last - 2), last))
        self.said.append(Delivery(TALK, self.recipients(last), tuple(self.log[first - 1 : last])))

    @rule(at_once=st.booleans())
    def fanout_says_its_head(self, at_once: bool) -> None:
        self.said.append(HeadOf(TALK, len(self.log), self.recipients(len(self.log))))
        if at_once:
            self.hear(self.said[-1])

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def something_arrives(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from(self.said)))

    @precondition(lambda self: self.reached is not None and self.reached < len(self.log))
    @rule()
    def something_overtaken_arrives(self) -> None:
        assert self.reached is not None
        seq = self.reached + 1
        self.hear(Delivery(TALK, self.recipients(seq), (self.log[seq - 1],)))

    def hear(self, word: Delivery | HeadOf) -> None:
        as_of = word.events[-1].seq if isinstance(word, Delivery) else word.seq
        self.newest = max(self.newest, as_of)
        for session, (head, _) in list(self.following.items()):
            if head <= self.newest and account_of(session) not in self.members[self.newest]:
                del self.following[session]
        if self.reached is None:
            self.reached = word.events[0].seq - 1 if isinstance(word, Delivery) else word.seq - 1
        if isinstance(word, HeadOf):
            self.hub.headed(word, self.now)
        else:
            self.take(self.hub.delivered(word, self.now))

    def take(self, forward: Forward | None) -> None:
        """What the hub lets through follows what it let through before, and goes to nobody of an older list."""
        if forward is None:
            return
        assert self.reached is not None
        assert forward.conversation == TALK
        if forward.events[-1].seq <= self.reached:
            self.shown(forward)
            return
        assert list(forward.events) == self.log[self.reached : self.reached + len(forward.events)]
        assert forward.events
        self.reached = forward.events[-1].seq
        assert self.reached <= self.newest
        assert set(forward.recipients) == self.members[self.newest]
        self.forwarded += [one.seq for one in forward.events]

    def shown(self, forward: Forward) -> None:
        """The event that the newest word is of, to accounts that it names and nothing was forwarded to."""
        assert list(forward.events) == [self.log[self.newest - 1]]
        assert forward.recipients
        assert set(forward.recipients) <= self.members[self.newest]

    # The database

    @rule(seconds=st.sampled_from([0.01, GAP_SECONDS, 0.5, RETRY_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for repair in self.hub.repairs(self.now):
            assert self.asked is None, "a gap is asked for once"
            assert self.reached is not None
            if repair.upto > self.reached:
                assert repair == Repair(TALK, self.reached, repair.upto)
                assert repair.upto <= len(self.log)
            else:
                assert repair == Repair(TALK, self.newest - 1, self.newest)
                assert self.hub.streams[TALK].unshown
            self.asked, self.answered = repair, repair.after

    @precondition(lambda self: self.asked)
    @rule(most=st.integers(0, 3))
    def log_answers(self, most: int) -> None:
        assert self.asked is not None
        repair, after = self.asked, self.answered
        upto = min(repair.upto, after + most)
        self.answered = upto
        self.take(self.hub.filled(repair, self.log[after:upto], self.now))
        assert self.reached is not None
        if self.reached >= repair.upto:
            self.asked = None
            self.old.append(repair)

    @precondition(lambda self: self.asked)
    @rule()
    def log_fails(self) -> None:
        assert self.asked is not None
        repair, self.asked = self.asked, None
        self.old.append(repair)
        self.hub.unfilled(repair, self.now)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def an_answer_that_nobody_waits_for_is_dropped(self, data: st.DataObject) -> None:
        repair = data.draw(st.sampled_from(self.old))
        assert self.hub.filled(repair, self.log[repair.after : repair.upto], self.now) is None
        self.hub.unfilled(repair, self.now)

    # Sessions

    @rule(account=st.sampled_from([ANN, BOB]), number=st.integers(1, 2))
    def client_comes(self, account: str, number: int) -> None:
        session = f"{account}-{number}"
        if session in self.sessions:
            return
        self.sessions.add(session)
        head = len(self.log)
        self.hub.attach(account, session)
        if account not in self.members[head]:
            return
        before = self.reached
        self.hub.know(TALK, head, account)
        self.reached = self.hub.streams[TALK].last
        if before is not None and self.reached != before:
            assert self.reached == head > before
            assert not self.owed(before, head), "a jump leaves nobody behind"
        if account in self.members[max(head, self.newest)]:
            self.following[session] = (head, len(self.forwarded))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def client_goes(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.sessions)))
        self.sessions.discard(session)
        self.following.pop(session, None)
        self.hub.detach(account_of(session), session)

    def owed(self, last: int, upto: int) -> set[int]:
        """What a jump from `last` to `upto` would withhold from those who follow."""
        return {seq for head, _ in self.following.values() for seq in range(max(head, last) + 1, upto + 1)}

    # What holds

    @invariant()
    def gap_is_noted_exactly_while_something_is_missing(self) -> None:
        for conversation, stream in self.hub.streams.items():
            missing = stream.wanted > stream.last or bool(stream.unshown)
            assert (conversation in self.hub.gaps) == missing
            assert (stream.due is not None) == missing
            assert stream.unshown <= self.members[self.newest]
            assert all(stream.last < seq <= len(self.log) for seq in stream.held)

    @invariant()
    def each_follower_got_what_was_forwarded_since_it_began(self) -> None:
        for head, before in self.following.values():
            later = [seq for seq in self.forwarded[before:] if seq > head]
            assert later == list(range(head + 1, (self.reached or 0) + 1))

    def teardown(self) -> None:
        """When the database answers again and heads arrive, all that is missing is repaired."""
        if not hasattr(self, "hub"):
            return
        head = len(self.log)
        self.hear(HeadOf(TALK, head, self.recipients(head)))
        for _ in range(5):
            self.time_passes(RETRY_SECONDS)
            if self.asked:
                self.log_answers(len(self.log))
        assert self.reached == head
        assert not self.hub.gaps
        self.each_follower_got_what_was_forwarded_since_it_began()


TestHub = HubMachine.TestCase
TestHub.settings = settings(max_examples=150, stateful_step_count=40)

"""The hub against every kind of loss between fanout and edge: each stream in order, each seq once, gaps repaired."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.wire.payloads import Delivery, HeadOf, Logged
from edge.socket import hub as hub_module
from edge.socket.hub import GAP_SECONDS, RETRY_SECONDS, SETTLED_SECONDS, Forward, Hub, Repair

TALK = "talk"
ANN, BOB, EVE = "ann", "bob", "eve"


def event(seq: int, kind: str = "message", account: str | None = None) -> Logged:
    return Logged(seq, kind, account, b"%d" % seq)


def delivery(*seqs: int, to: tuple[str, ...] = (ANN, BOB)) -> Delivery:
    return Delivery(TALK, to, tuple(event(seq) for seq in seqs))


def seqs(forward: Forward | None) -> list[int]:
    return [] if forward is None else [one.seq for one in forward.events]


@pytest.fixture
def hub() -> Hub[str]:
    """Ann follows the talk, whose head is 3."""
    hub: Hub[str] = Hub()
    hub.attach(ANN, "ann-1")
    hub.know(TALK, 3, ANN)
    return hub


# Sessions -------------------------------------------------------------------


def test_only_the_first_session_of_an_account_arrives_and_only_the_last_departs():
    hub: Hub[str] = Hub()
    assert hub.attach(ANN, "one")
    assert not hub.attach(ANN, "two")
    assert not hub.detach(ANN, "one")
    assert not hub.detach(ANN, "one")
    assert hub.detach(ANN, "two")
    assert not hub.detach(ANN, "two")
    assert hub.sessions == {}


# Order ----------------------------------------------------------------------


def test_what_follows_is_forwarded_and_what_was_is_dropped(hub: Hub[str]):
    assert hub.delivered(delivery(4, 5), 0.0) == Forward(TALK, (ANN, BOB), [event(4), event(5)])
    assert hub.delivered(delivery(4, 5), 0.0) is None
    assert seqs(hub.delivered(delivery(5, 6), 0.0)) == [6]
    assert hub.delivered(Delivery(TALK, (ANN,), ()), 0.0) is None
    assert not hub.gaps


def test_a_stream_that_nobody_asked_for_begins_with_its_first_delivery():
    hub: Hub[str] = Hub()
    assert seqs(hub.delivered(delivery(7, 8), 0.0)) == [7, 8]


def test_what_comes_early_is_held_until_what_was_before_it_came(hub: Hub[str]):
    assert hub.delivered(delivery(5), 0.0) is None
    assert hub.delivered(delivery(7), 0.0) is None
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4, 5]
    assert hub.gaps == {TALK}
    assert seqs(hub.delivered(delivery(6), 0.0)) == [6, 7]
    assert not hub.gaps


def test_what_is_held_is_bounded_and_the_rest_is_read_from_the_log(hub: Hub[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "HELD_EVENTS", 2)
    hub.delivered(delivery(5, 6, 7), 0.0)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4, 5, 6]
    assert hub.repairs(1.0) == [Repair(TALK, 6, 7)]


# Gaps -----------------------------------------------------------------------


def test_a_gap_has_fifty_milliseconds_to_close_by_itself(hub: Hub[str]):
    hub.delivered(delivery(6), 0.0)
    assert hub.repairs(GAP_SECONDS - 0.01) == []
    assert hub.repairs(GAP_SECONDS) == [Repair(TALK, 3, 6)]


def test_a_gap_is_asked_for_once_until_all_of_it_was_answered(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 8, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert hub.repairs(9.0) == []
    assert seqs(hub.filled(repair, [event(6), event(7), event(8)], 9.0)) == [6, 7, 8]
    assert not hub.gaps


def test_what_is_held_and_came_from_the_log_too_is_forwarded_once(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert not hub.streams[TALK].held


def test_a_gap_that_grew_while_it_was_read_is_asked_for_again(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.headed(HeadOf(TALK, 7, (ANN,)), 1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert hub.repairs(1.0) == []
    assert hub.repairs(1.0 + GAP_SECONDS) == [Repair(TALK, 5, 7)]


def test_a_repair_that_fails_is_tried_again_after_a_second(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.unfilled(repair, 1.0)
    assert hub.repairs(1.0 + RETRY_SECONDS / 2) == []
    assert hub.repairs(1.0 + RETRY_SECONDS) == [repair]


def test_a_repair_that_fails_after_its_gap_closed_does_not_hide_the_next_gap(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.delivered(delivery(4), 1.0)
    hub.unfilled(repair, 1.0)
    hub.delivered(delivery(7), 2.0)
    assert hub.repairs(3.0) == [Repair(TALK, 5, 7)]


def test_the_answer_to_a_repair_of_a_stream_that_is_forgotten_is_dropped(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.reset()
    assert hub.filled(repair, [event(4)], 1.0) is None
    hub.unfilled(repair, 1.0)
    hub.know(TALK, 3, ANN)
    assert hub.filled(repair, [event(4)], 1.0) is None, "of another epoch, perhaps"
    assert not hub.gaps


def test_the_head_of_an_unknown_stream_shows_its_newest_event():
    hub: Hub[str] = Hub()
    hub.headed(HeadOf(TALK, 9, (ANN,)), 0.0)
    assert hub.repairs(1.0) == [Repair(TALK, 8, 9)]


def test_a_head_that_was_reached_is_no_gap(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 3, (ANN,)), 0.0)
    assert not hub.gaps


# Recipients -----------------------------------------------------------------


def test_a_delivery_that_was_overtaken_does_not_bring_back_who_was_removed(hub: Hub[str]):
    hub.delivered(delivery(6, to=(ANN,)), 0.0)
    hub.delivered(delivery(4, to=(ANN, EVE)), 0.0)
    hub.headed(HeadOf(TALK, 5, (ANN, EVE)), 0.0)
    (repair,) = hub.repairs(1.0)
    forward = hub.filled(repair, [event(5, "member_left", EVE), event(6)], 1.0)
    assert forward is not None
    assert forward.recipients == (ANN,)


# Who begins -----------------------------------------------------------------


def test_a_stream_that_nobody_follows_jumps_to_where_its_first_follower_begins(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 9, BOB)
    assert not hub.gaps
    assert hub.repairs(9.0) == []
    assert seqs(hub.delivered(delivery(10), 9.0)) == [10]


def test_a_gap_after_a_jump_over_an_open_repair_is_repaired_too(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 9, BOB)
    assert hub.filled(repair, [event(4), event(5)], 1.0) is None
    hub.delivered(delivery(11), 2.0)
    assert hub.repairs(3.0) == [Repair(TALK, 9, 11)]


def test_a_stream_that_holds_early_events_is_repaired_instead_of_jumping(hub: Hub[str]):
    hub.delivered(delivery(6), 0.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 5, BOB)
    assert hub.repairs(1.0) == [Repair(TALK, 3, 6)]


def test_a_stream_that_someone_follows_waits_for_what_is_on_its_way_to_them(hub: Hub[str]):
    """Ann begins at 3 and nothing was delivered since; Bob reads the log when 4 has just been stored."""
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 4, BOB)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4]


def test_another_session_of_the_same_account_follows_as_well(hub: Hub[str]):
    hub.attach(ANN, "ann-2")
    hub.know(TALK, 4, ANN)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4]


# What a heartbeat asks ------------------------------------------------------


def test_who_is_not_known_to_follow_learns_nothing_from_the_stream(hub: Hub[str]):
    assert hub.behind("no such talk", 0, 9.0, ANN) is None
    assert hub.behind(TALK, 0, 9.0, EVE) is None
    assert hub.behind(TALK, 0, 9.0, ANN) is True


def test_what_was_forwarded_a_moment_ago_is_not_yet_missing(hub: Hub[str]):
    hub.delivered(delivery(4), 100.0)
    assert hub.behind(TALK, 3, 100.1, ANN) is False
    assert hub.behind(TALK, 2, 100.1, ANN) is True
    assert hub.behind(TALK, 3, 100.0 + SETTLED_SECONDS, ANN) is True
    assert hub.behind(TALK, 4, 200.0, ANN) is False


def test_in_a_busy_stream_too_what_is_missing_for_long_is_found(hub: Hub[str]):
    for at in range(4, 54):
        hub.delivered(delivery(at), 100.0 + at / 10)
    assert hub.behind(TALK, 53, 105.4, ANN) is False
    assert hub.behind(TALK, 3, 105.4, ANN) is True


def test_streams_are_compared_with_the_log_by_their_heads(hub: Hub[str]):
    assert hub.followed() == [TALK]
    assert hub.lags(TALK, 4)
    assert not hub.lags(TALK, 3)
    assert not hub.lags("no such talk", 4)


def test_beyond_the_limit_the_oldest_stream_is_forgotten_with_its_gap():
    hub: Hub[str] = Hub(limit=1)
    hub.know(TALK, 3, ANN)
    hub.delivered(delivery(5), 0.0)
    hub.know("another", 1, ANN)
    assert hub.followed() == ["another"]
    assert not hub.gaps
    assert hub.repairs(9.0) == []


# Searched for counterexamples -----------------------------------------------

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
        assert list(forward.events) == self.log[self.reached : self.reached + len(forward.events)]
        assert forward.events
        self.reached = forward.events[-1].seq
        assert self.reached <= self.newest
        assert set(forward.recipients) == self.members[self.newest]
        self.forwarded += seqs(forward)

    # The database

    @rule(seconds=st.sampled_from([0.01, GAP_SECONDS, 0.5, RETRY_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for repair in self.hub.repairs(self.now):
            assert self.asked is None, "a gap is asked for once"
            assert self.reached is not None
            assert repair == Repair(TALK, self.reached, repair.upto)
            assert self.reached < repair.upto <= len(self.log)
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
            assert (conversation in self.hub.gaps) == (stream.wanted > stream.last)
            assert (stream.due is not None) == (stream.wanted > stream.last)
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
TestHub.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

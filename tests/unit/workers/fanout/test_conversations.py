"""What fanout does with events and heads: against a log whose members come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.wire.payloads import Logged
from workers.fanout import conversations as conversations_module
from workers.fanout.conversations import Conversations, Effect, Fill, Forward, Load, Phase

TALK = "talk"
ANN, BOB, EVE = "ann", "bob", "eve"
MEMBERS = frozenset({ANN, BOB})


def event(seq: int, kind: str = "message", account: str | None = None) -> Logged:
    return Logged(seq, kind, account, b"%d" % seq)


def forward(*seqs: int, to: frozenset[str] = MEMBERS) -> Forward:
    return Forward(TALK, to, None, [event(seq) for seq in seqs])


@pytest.fixture
def known() -> Conversations:
    """The talk is loaded at head 3, with Ann and Bob in it."""
    known = Conversations()
    known.headed(TALK, 3)
    known.loaded(TALK, 3, MEMBERS)
    return known


def phase(known: Conversations) -> Phase:
    state = known.get(TALK)
    assert state is not None
    return state.phase


def test_the_first_event_of_an_unknown_conversation_waits_until_its_members_are_loaded():
    known = Conversations()
    assert known.appended(TALK, [event(3)]) == [Load(TALK)]
    assert known.appended(TALK, [event(4)]) == []
    assert known.headed(TALK, 4) == []
    assert known.loaded(TALK, 4, MEMBERS) == [forward(3, 4)]
    assert phase(known) is Phase.LIVE


def test_a_head_of_an_unknown_conversation_loads_it_and_forwards_nothing():
    known = Conversations()
    assert known.headed(TALK, 3) == [Load(TALK)]
    assert known.loaded(TALK, 3, MEMBERS) == []
    assert known.appended(TALK, [event(3), event(4)]) == [forward(4)]


def test_a_list_that_is_older_than_what_is_held_is_brought_up_to_date_first():
    """Asked before it was forgotten, answered after: the removal in between must not be missed."""
    known = Conversations()
    known.appended(TALK, [event(8)])
    assert known.loaded(TALK, 5, frozenset({ANN, EVE})) == [Fill(TALK, 5, 8)]
    left = event(6, "member_left", EVE)
    assert known.filled(Fill(TALK, 5, 8), [left, event(7), event(8)]) == [
        Forward(TALK, frozenset({ANN}), EVE, (left,)),
        forward(7, 8, to=frozenset({ANN})),
    ]


def test_what_was_is_dropped_and_what_follows_is_forwarded(known: Conversations):
    assert known.appended(TALK, [event(2), event(3)]) == []
    assert known.appended(TALK, [event(4), event(5)]) == [forward(4, 5)]


def test_a_hole_is_read_from_the_log_and_what_came_early_follows_it(known: Conversations):
    assert known.appended(TALK, [event(6)]) == [Fill(TALK, 3, 6)]
    assert known.appended(TALK, [event(7)]) == []
    assert known.filled(Fill(TALK, 3, 6), [event(4), event(5), event(6)]) == [forward(4, 5, 6, 7)]
    assert phase(known) is Phase.LIVE


def test_a_head_that_is_ahead_is_read_from_the_log(known: Conversations):
    assert known.headed(TALK, 3) == []
    assert known.headed(TALK, 5) == [Fill(TALK, 3, 5)]
    assert known.filled(Fill(TALK, 3, 5), [event(4), event(5)]) == [forward(4, 5)]


def test_a_long_way_behind_is_read_in_parts(known: Conversations, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversations_module, "FILL_EVENTS", 2)
    assert known.headed(TALK, 6) == [Fill(TALK, 3, 5)]
    assert known.filled(Fill(TALK, 3, 5), [event(4), event(5)]) == [forward(4, 5), Fill(TALK, 5, 6)]
    assert known.filled(Fill(TALK, 5, 6), [event(6)]) == [forward(6)]


def test_what_is_held_is_bounded_and_the_rest_is_read_from_the_log(
    known: Conversations, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(conversations_module, "HELD_EVENTS", 1)
    assert known.appended(TALK, [event(5), event(6), event(7)]) == [Fill(TALK, 3, 7)]
    assert known.filled(Fill(TALK, 3, 7), [event(4)]) == [forward(4, 5), Fill(TALK, 5, 7)]


def test_a_head_that_was_never_there_is_forgotten(known: Conversations):
    known.headed(TALK, 9)
    assert known.filled(Fill(TALK, 3, 9), []) == []
    assert phase(known) is Phase.LIVE
    assert known.appended(TALK, [event(4)]) == [forward(4)]


def test_a_log_that_lacks_what_came_from_it_is_not_asked_for_ever(known: Conversations):
    known.appended(TALK, [event(6)])
    assert known.filled(Fill(TALK, 3, 6), []) == []
    assert known.get(TALK) is None


def test_answers_that_nobody_waits_for_change_nothing(known: Conversations):
    assert known.loaded(TALK, 9, frozenset({EVE})) == []
    assert known.filled(Fill(TALK, 3, 4), [event(4)]) == []
    assert known.loaded("another", 9, frozenset({EVE})) == []
    assert known.filled(Fill("another", 3, 4), [event(4)]) == []
    known.headed(TALK, 9)
    assert known.filled(Fill(TALK, 1, 4), [event(2), event(3), event(4)]) == []
    assert known.filled(Fill(TALK, 3, 9), [event(4)]) == [forward(4), Fill(TALK, 4, 9)]


def test_after_a_failure_the_next_event_begins_anew(known: Conversations):
    known.failed(TALK)
    known.failed(TALK)
    assert known.appended(TALK, [event(4)]) == [Load(TALK)]
    known.missing(TALK)
    assert known.headed(TALK, 4) == [Load(TALK)]


def test_who_joins_gets_the_join_and_who_leaves_the_leave_and_nothing_later(known: Conversations):
    joined, left = event(5, "member_joined", EVE), event(7, "member_left", ANN)
    assert known.appended(TALK, [event(4), joined, event(6), left, event(8)]) == [
        forward(4),
        Forward(TALK, frozenset({ANN, BOB, EVE}), None, (joined,)),
        forward(6, to=frozenset({ANN, BOB, EVE})),
        Forward(TALK, frozenset({BOB, EVE}), ANN, (left,)),
        forward(8, to=frozenset({BOB, EVE})),
    ]


def test_a_join_that_was_undone_when_the_members_were_loaded_brings_nobody_back():
    known = Conversations()
    joined = event(4, "member_joined", EVE)
    known.appended(TALK, [joined])
    assert known.loaded(TALK, 5, MEMBERS) == [Forward(TALK, MEMBERS, None, (joined,))]
    assert known.appended(TALK, [event(5, "member_left", EVE)]) == [
        Forward(TALK, MEMBERS, EVE, (event(5, "member_left", EVE),))
    ]


def test_the_conversation_longest_untouched_is_forgotten_first():
    known = Conversations(limit=2)
    for name in ("one", "two"):
        known.headed(name, 1)
        known.loaded(name, 1, MEMBERS)
    known.appended("one", [event(2)])
    known.headed("three", 1)
    assert known.ids() == ["one", "three"]
    assert len(known) == 2


def test_what_another_worker_has_now_is_forgotten_and_a_new_database_forgets_all(known: Conversations):
    known.headed("another", 1)
    known.keep([TALK])
    assert known.ids() == [TALK]
    known.clear()
    assert known.ids() == []


# Searched for counterexamples -----------------------------------------------


class Question(NamedTuple):
    """An effect that asks the log, and how far the log reached at that moment."""

    effect: Load | Fill
    head: int


CHANGES = ("message", "message", "member_joined", "member_left")


class ConversationsMachine(RuleBasedStateMachine):
    """A log whose members come and go; what persistence says is lost, doubled, overtaken; answers come late, in parts,
    or not at all; the conversation is forgotten now and then.

    Each life of the conversation forwards the log in order and without a hole, to those who were members at a moment
    not before the event, and to the one whom it removes.
    """

    @initialize()
    def begin(self) -> None:
        self.known = Conversations()
        self.log: list[Logged] = [event(1, "created")]
        self.members: list[frozenset[str]] = [frozenset(), MEMBERS]
        self.questions: list[Question] = []
        self.last: int | None = None
        self.life: object = None
        self.loaded_at = 0

    @rule(change=st.sampled_from(CHANGES), who=st.sampled_from([ANN, BOB, EVE]), arrives=st.booleans())
    def append(self, change: str, who: str, arrives: bool) -> None:
        members = self.members[-1]
        self.log.append(event(len(self.log) + 1, change, None if change == "message" else who))
        changed = {"member_joined": members | {who}, "member_left": members - {who}}
        self.members.append(changed.get(change, members))
        if arrives:
            self.take(self.known.appended(TALK, self.log[-1:]))

    @rule(back=st.integers(0, 5), count=st.integers(1, 3))
    def something_overtaken_arrives(self, back: int, count: int) -> None:
        first = max(0, len(self.log) - 1 - back)
        self.take(self.known.appended(TALK, self.log[first : first + count]))

    @rule(back=st.integers(0, 2))
    def a_head_arrives(self, back: int) -> None:
        self.take(self.known.headed(TALK, max(1, len(self.log) - back)))

    @precondition(lambda self: self.questions)
    @rule(at=st.integers(-1, 1), late=st.booleans(), most=st.integers(0, 4))
    def the_log_answers(self, at: int, late: bool, most: int) -> None:
        """With what it held when it was asked, or with what it holds now."""
        asked = self.questions.pop(max(0, min(at, len(self.questions) - 1)))
        head = len(self.log) if late else asked.head
        if isinstance(asked.effect, Load):
            waiting = self.known.get(TALK)
            if waiting is not None and waiting.phase is Phase.LOADING:
                self.loaded_at = head
            self.take(self.known.loaded(TALK, head, self.members[head]))
        else:
            upto = min(asked.effect.upto, head, asked.effect.after + (most or head))
            self.take(self.known.filled(asked.effect, self.log[asked.effect.after : upto]))

    @precondition(lambda self: self.questions)
    @rule()
    def the_log_fails(self) -> None:
        self.questions.pop(0)
        self.known.failed(TALK)

    @rule(removed=st.sampled_from([ANN, BOB, EVE]), back=st.booleans())
    def another_worker_has_it_for_a_while(self, removed: str, back: bool) -> None:
        self.known.keep([])
        self.append("member_left", removed, arrives=False)
        self.append("message", ANN, arrives=back)

    def take(self, effects: Sequence[Effect]) -> None:
        state = self.known.get(TALK)
        if state is not self.life:
            self.life, self.last = state, None
        for effect in effects:
            if isinstance(effect, Forward):
                self.forwarded(effect)
            else:
                assert effect is effects[-1]
                self.questions.append(Question(effect, len(self.log)))
                if isinstance(effect, Fill):
                    assert 0 < effect.after < effect.upto <= len(self.log)

    def forwarded(self, effect: Forward) -> None:
        first, last = effect.events[0].seq, effect.events[-1].seq
        assert self.last is None or first == self.last + 1
        assert list(effect.events) == self.log[first - 1 : last]
        assert effect.members in self.members[max(last, self.loaded_at) :], "a list at least as new as the event"
        removed = [one.account for one in effect.events if one.kind == "member_left"]
        assert removed == ([effect.left] if effect.left else [])
        self.last = last

    @invariant()
    def a_question_is_open_while_the_conversation_waits(self) -> None:
        state = self.known.get(TALK)
        if state is not None and state.phase is not Phase.LIVE:
            kind = Load if state.phase is Phase.LOADING else Fill
            assert any(isinstance(question.effect, kind) for question in self.questions)

    @invariant()
    def nothing_is_missing_while_nothing_is_asked(self) -> None:
        state = self.known.get(TALK)
        if state is not None and state.phase is Phase.LIVE:
            assert state.wanted <= state.head
            assert not state.held
            assert state.members in self.members[state.head :]

    def teardown(self) -> None:
        """When the log answers and its head is told, all is forwarded, and the members are right."""
        if not hasattr(self, "life"):
            return
        for _ in range(2):
            self.take(self.known.headed(TALK, len(self.log)))
            while self.questions:
                self.the_log_answers(at=0, late=True, most=0)
        state = self.known.get(TALK)
        assert state is not None
        assert (state.phase, state.head, state.members) == (Phase.LIVE, len(self.log), self.members[-1])


TestConversations = ConversationsMachine.TestCase
TestConversations.settings = settings(max_examples=200, stateful_step_count=40)

"""The client's outbox: kept until answered, sent again under the same id, never out of order."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bench.outbox import ANSWER_SECONDS, Ack, Frame, Outbox, OutboxFullError, Refusal


def frame(id: str, conversation: str = "talk") -> Frame:
    return {"type": "send", "id": id, "conversation": conversation, "body": id}


def ids(frames: list[Frame]) -> list[str]:
    return [one["id"] for one in frames]


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(random=Random(1))


def test_one_command_of_a_conversation_is_under_way_at_a_time(outbox):
    for one in ("a", "b"):
        outbox.add(frame(one))
    outbox.add(frame("x", "aside"))
    assert ids(outbox.due(0)) == ["a", "x"]
    assert outbox.flying == 2
    assert outbox.acked("a", 5, "t") == Ack("a", "talk", 5, "t")
    assert ids(outbox.due(0)) == ["b"]


def test_a_wider_pipeline_sends_more_in_order():
    outbox = Outbox(pipeline=2)
    for one in "abc":
        outbox.add(frame(one))
    assert ids(outbox.due(0)) == ["a", "b"]


def test_a_lost_connection_sends_everything_unanswered_again_in_order():
    outbox = Outbox(pipeline=3)
    for one in "abc":
        outbox.add(frame(one))
    outbox.due(0)
    outbox.acked("b", 1, "t")
    outbox.disconnected()
    assert outbox.flying == 0
    assert ids(outbox.due(1)) == ["a", "c"]


def test_an_id_that_is_known_is_not_queued_twice(outbox):
    assert outbox.add(frame("a")) is outbox.add(frame("a"))
    assert len(outbox) == 1
    assert "a" in outbox


def test_it_holds_only_so_many(outbox):
    outbox.limit = 1
    outbox.add(frame("a"))
    with pytest.raises(OutboxFullError):
        outbox.add(frame("b"))


@pytest.mark.parametrize("code", ["rate_limited", "overloaded", "unavailable"])
def test_a_refused_attempt_waits_as_long_as_told_and_holds_up_what_follows(outbox, code):
    outbox.add(frame("a"))
    outbox.add(frame("b"))
    outbox.due(0)
    assert outbox.refused("a", code, 1.0, retry_after=2.0) is None
    assert outbox.due(2.9) == []
    assert outbox.wake(2.9) == 3.0
    assert ids(outbox.due(3.0)) == ["a"]


def test_without_being_told_it_waits_longer_each_time_up_to_a_bound(outbox):
    outbox.add(frame("a"))
    now, waits = 0.0, []
    for _ in range(40):
        outbox.due(now)
        outbox.refused("a", "unavailable", now)
        wake = outbox.wake(now)
        assert wake is not None
        waits.append(wake - now)
        now = wake
    assert waits[0] <= 0.5
    assert 5 < max(waits) <= 30


def test_a_new_connection_forgets_a_back_off_but_not_what_it_was_told(outbox):
    for one in ("a", "x"):
        outbox.add(frame(one, one))
    outbox.due(0)
    outbox.refused("a", "unavailable", 0)
    outbox.refused("x", "rate_limited", 0, retry_after=9)
    outbox.disconnected()
    assert ids(outbox.due(0)) == ["a"]


def test_a_final_code_ends_the_command_and_lets_the_next_go(outbox):
    outbox.add(frame("a"))
    outbox.add(frame("b"))
    outbox.due(0)
    refusal = outbox.refused("a", "invalid", 0, message="Too long.", field="body")
    assert refusal == Refusal("a", "talk", "invalid", "Too long.", "body")
    assert ids(outbox.due(0)) == ["b"]


def test_disabled_is_final_only_when_no_earlier_attempt_may_be_stored(outbox):
    outbox.add(frame("a", "a"))
    outbox.add(frame("x", "x"))
    outbox.due(0)
    assert outbox.refused("a", "disabled", 0) is not None
    outbox.disconnected()
    outbox.due(0)
    assert outbox.refused("x", "disabled", 0, retry_after=1) is None
    assert ids(outbox.due(1)) == ["x"]


def test_silence_counts_as_unknown(outbox):
    outbox.add(frame("a"))
    outbox.due(0)
    assert outbox.wake(0) == ANSWER_SECONDS
    assert outbox.due(ANSWER_SECONDS) == []
    wake = outbox.wake(ANSWER_SECONDS)
    assert wake is not None
    assert ids(outbox.due(wake)) == ["a"]


def test_a_refused_command_waits_for_what_flew_with_it():
    outbox = Outbox(pipeline=2)
    for one in "abc":
        outbox.add(frame(one))
    outbox.due(0)
    outbox.refused("a", "overloaded", 0, retry_after=1)
    assert outbox.due(2) == []
    outbox.acked("b", 1, "t")
    assert ids(outbox.due(2)) == ["a", "c"]


def test_answers_to_what_is_not_ours_mean_nothing(outbox):
    assert outbox.acked("?", 1, "t") is None
    assert outbox.refused("?", "invalid", 0) is None
    assert outbox.wake(0) is None


def test_an_answer_during_the_wait_for_a_retry_counts(outbox):
    outbox.add(frame("a"))
    outbox.due(0)
    outbox.refused("a", "unavailable", 0, retry_after=5)
    assert outbox.refused("a", "unavailable", 0, retry_after=6) is None
    assert outbox.acked("a", 3, "t") is not None
    assert len(outbox) == 0


class OutboxMachine(RuleBasedStateMachine):
    """Against a server that stores, refuses, forgets to answer and hangs up: once each, and in order."""

    @initialize(seed=st.integers(0, 999))
    def begin(self, seed: int) -> None:
        self.outbox = Outbox(limit=30, random=Random(seed))
        self.now = 0.0
        self.given: dict[str, list[str]] = {"p": [], "q": []}
        self.stored: dict[str, list[str]] = {"p": [], "q": []}
        self.refused: set[str] = set()
        self.acked: set[str] = set()
        self.wire: list[Frame] = []

    @rule(conversation=st.sampled_from("pq"))
    def somebody_speaks(self, conversation: str) -> None:
        id = f"{conversation}{len(self.given[conversation])}"
        try:
            self.outbox.add(frame(id, conversation))
        except OutboxFullError:
            assert len(self.outbox) == 30
        else:
            self.given[conversation].append(id)

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.wire += self.outbox.due(self.now)

    @rule()
    def the_connection_is_replaced(self) -> None:
        self.wire.clear()
        self.outbox.disconnected()
        self.wire += self.outbox.due(self.now)

    @precondition(lambda self: self.wire)
    @rule(fate=st.sampled_from(["ack", "lost ack", "unavailable", "stored unavailable", "overloaded", "closed"]))
    def the_server_takes_one(self, fate: str) -> None:
        one = self.wire.pop(0)
        id, log = one["id"], self.stored[one["conversation"]]
        if id in log:
            fate = "ack" if fate != "lost ack" else fate  # ids are looked up first
        elif fate in ("ack", "lost ack", "stored unavailable"):
            log.append(id)
        if fate == "ack" and self.outbox.acked(id, log.index(id) + 1, "t") is not None:
            self.acked.add(id)
        elif fate in ("unavailable", "stored unavailable"):
            assert self.outbox.refused(id, "unavailable", self.now) is None
        elif fate == "overloaded":
            assert self.outbox.refused(id, "overloaded", self.now, retry_after=1.0) is None
        elif fate == "closed" and self.outbox.refused(id, "closed", self.now) is not None:
            self.refused.add(id)
            # A final refusal is of the command, not of one attempt (promise 3): its other copies end so too.
            self.wire = [copy for copy in self.wire if copy["id"] != id]

    @rule()
    def in_the_end_everything_is_answered(self) -> None:
        for _ in range(400):
            if not len(self.outbox):
                break
            self.now += 40.0
            self.wire += self.outbox.due(self.now)
            while self.wire:
                self.the_server_takes_one("ack")
        assert len(self.outbox) == 0
        for conversation, given in self.given.items():
            assert [id for id in given if id not in self.refused] == self.stored[conversation]

    @invariant()
    def nothing_is_stored_twice_or_out_of_order(self) -> None:
        for conversation, log in getattr(self, "stored", {}).items():
            assert log == sorted(set(log), key=self.given[conversation].index)

    @invariant()
    def what_is_not_answered_is_kept(self) -> None:
        if hasattr(self, "outbox"):
            given = {id for one in self.given.values() for id in one}
            assert {entry.id for entry in self.outbox} == given - self.acked - self.refused
            assert self.outbox.flying <= 2


OutboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOutboxMachine = OutboxMachine.TestCase

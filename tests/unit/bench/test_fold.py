"""The client's fold: whatever the network does to a log, what is seen is the log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bench import fold as fold_module
from bench.fold import Event, Fold, Folds, Gap

TALK = "talk"
ME, BOB = "me", "bob"


def event(seq: int, kind: str = "message", *, actor: str = BOB, **fields: Any) -> Event:
    about = {"id": f"id{seq}", "body": f"body {seq}"} if kind == "message" else {}
    return {"conversation": TALK, "seq": seq, "kind": kind, "actor": actor, "at": "t", **about, **fields}


def straight(log: list[Event], base: int = 0) -> Fold:
    """The fold of a log that arrives as it is."""
    fold = Fold(TALK, base)
    for one in log[base:]:
        fold.apply(one, ME)
    return fold


def facts(fold: Fold) -> tuple[Any, ...]:
    """All that a fold knows from its log since its base (the subject outlives a restart)."""
    return fold.cursor, fold.members, fold.messages, fold.unread, fold.skipped


def test_a_duplicate_is_dropped_and_counted():
    fold = straight([event(1)])
    assert fold.apply(event(1), ME) == []
    assert (fold.cursor, fold.duplicates, fold.unread) == (1, 1, 1)


def test_an_early_event_is_held_until_the_gap_before_it_is_repaired():
    fold = straight([event(1)])
    assert fold.apply(event(4), ME) == []
    assert fold.apply(event(4), ME) == []
    assert fold.gap == Gap(1, 3)
    assert [one["seq"] for one in fold.apply(event(2), ME)] == [2]
    assert fold.gap == Gap(2, 3)
    assert [one["seq"] for one in fold.apply(event(3), ME)] == [3, 4]
    assert fold.gap is None
    assert fold.duplicates == 1


def test_a_head_that_somebody_tells_is_a_gap_without_any_event():
    fold = straight([event(1)])
    fold.told(3)
    assert fold.gap == Gap(1, 3)


def test_what_is_before_the_first_event_or_head_of_an_unknown_log_is_no_gap():
    joined, listed = Fold(TALK), Fold(TALK)
    assert joined.gap is None
    assert len(joined.apply(event(7), ME)) == 1
    listed.told(6)
    assert len(listed.apply(event(7), ME)) == 1
    assert joined.cursor == listed.cursor == 7
    assert joined.gap is None


def test_unknown_and_withheld_kinds_count_in_the_cursor_and_change_nothing():
    fold = straight([event(1), event(2, "withheld"), event(3, "invented_later")])
    assert (fold.cursor, fold.skipped, fold.unread, len(fold.messages)) == (3, 2, 1, 1)


def test_members_come_and_go():
    fold = straight(
        [
            event(1, "created", subject="Roof", members=[ME, BOB]),
            event(2, "member_joined", account="eve"),
            event(3, "member_left", account=BOB),
        ]
    )
    assert (fold.subject, fold.members) == ("Roof", {ME, "eve"})


def test_messages_change_by_later_events():
    log = [event(1), event(2), event(3, actor="eve"), event(4)]
    log += [
        event(5, "edited", target=1, body="new"),
        event(6, "deleted", target=2),
        event(7, "erased", account="eve"),
        event(8, "hidden", target=4),
        event(9, "restored", target=4, body="again"),
        event(10, "reaction", target=4, emoji="+", on=True),
        event(11, "reaction", target=4, emoji="-", on=True),
        event(12, "reaction", target=4, emoji="-", on=False),
        event(13, "edited", target=99, body="of a message that is not kept"),
    ]
    messages = straight(log).messages
    assert [messages[n].body for n in (1, 2, 3, 4)] == ["new", None, None, "again"]
    assert messages[1].edited
    assert messages[4].reactions == {"+": {BOB}}


def test_only_so_many_messages_are_kept():
    fold = Fold(TALK, 0, keep=2)
    for seq in (1, 2, 3):
        fold.apply(event(seq))
    assert list(fold.messages) == [2, 3]


def test_only_so_many_early_events_are_held_and_the_nearest_win(monkeypatch):
    monkeypatch.setattr(fold_module, "HELD_EVENTS", 2)
    fold = Fold(TALK, 0)
    for seq in (5, 4, 3, 9):
        fold.apply(event(seq))
    fold.apply(event(1))
    assert [one["seq"] for one in fold.apply(event(2))] == [2, 3, 4]
    assert fold.gap == Gap(4, 9)


def test_unread_counts_others_messages_after_what_the_server_counted():
    fold = Fold(TALK, 2)
    fold.told_unread(4, read=1, unread=3)
    for seq in (3, 4, 5):
        fold.apply(event(seq), ME)
    fold.apply(event(6, actor=ME), ME)
    assert fold.unread == 4
    fold.marked_read(4, ME)
    assert fold.unread == 1
    fold.marked_read(3, ME)
    assert fold.unread == 1
    fold.marked_read(6, ME)
    assert fold.unread == 0


def test_what_is_deleted_waits_no_longer_and_what_comes_deleted_never_did():
    fold = straight([event(1), event(2), event(3, actor=ME), event(4) | {"body": None}])
    assert fold.unread == 2
    fold.apply(event(5, "deleted", target=1), ME)
    fold.apply(event(6, "deleted", target=3), ME)
    fold.apply(event(7, "deleted", target=4), ME)
    fold.apply(event(8, "edited", target=2, body="better"), ME)
    assert fold.unread == 1
    fold.apply(event(9, "erased", account=BOB), ME)
    assert fold.unread == 0
    fold.apply(event(10, "restored", target=2, body="again"), ME)
    assert fold.unread == 1


def test_what_the_server_counted_without_is_not_taken_off_again():
    fold = Fold(TALK, 0)
    fold.told_unread(3, read=0, unread=1)  # of two messages one was deleted at 3
    for one in (event(1), event(2), event(3, "deleted", target=1)):
        fold.apply(one, ME)
    assert fold.unread == 1


def test_behind_a_marker_in_what_is_not_known_no_more_is_unread_than_there_is():
    fold = Fold(TALK)
    fold.told_unread(50, read=10, unread=30)
    fold.marked_read(30, ME)
    assert fold.unread == 20
    fold.marked_read(25, ME)
    assert (fold.read, fold.unread) == (30, 20)
    fold.marked_read(50, ME)
    assert fold.unread == 0


def test_a_marker_among_what_was_forgotten_is_no_exact_count():
    fold = Fold(TALK, 0, keep=2)
    for seq in range(1, 7):
        fold.apply(event(seq), ME)
    fold.marked_read(2, ME)
    assert fold.unread == 4
    fold.marked_read(4, ME)
    assert fold.unread == 2


def test_a_conversation_that_is_shown_makes_up_for_missed_receipts_and_takes_nothing_back():
    fold = straight([event(1), event(2), event(3)])
    fold.receipt(BOB, 2, 3)
    members = [
        {"account": ME, "read": 2, "delivered": 2},
        {"account": BOB, "read": 3, "delivered": 3},
        {"account": "many", "read": None, "delivered": None},
    ]
    fold.shown({"read": 2, "members": members}, ME)
    assert fold.receipts == {ME: (2, 2), BOB: (3, 3)}
    assert (fold.read, fold.unread) == (2, 1)
    fold.shown({"read": 1, "members": [{"account": BOB, "read": 1, "delivered": 1}]}, ME)
    assert (fold.receipts[BOB], fold.read) == ((3, 3), 2)


def test_a_fold_in_doubt_holds_everything_back_until_it_restarts():
    fold = straight([event(n) for n in (1, 2, 3)])
    fold.doubt()
    assert fold.apply(event(9), ME) == []
    assert fold.apply(event(11), ME) == []
    assert fold.gap is None
    visible = fold.restart([event(7), event(8)], head=8, account=ME)
    assert [one["seq"] for one in visible] == [7, 8, 9]
    assert list(fold.messages) == [7, 8, 9]
    assert (fold.base, fold.gap, fold.unread) == (6, Gap(9, 10), 3)


def test_a_restart_from_an_empty_page_stands_at_the_head():
    fold = Fold(TALK, 3)
    fold.doubt()
    assert fold.restart([], head=5) == []
    assert (fold.cursor, fold.gap) == (5, None)


def test_folds_tell_their_cursors_the_last_active_first():
    folds = Folds("e", {"a": 1, "b": 2, "left": 3})
    folds.open("new")
    folds["left"].member = False
    folds.apply({**event(2), "conversation": "a"})
    assert folds.cursors() == {"a": 2, "b": 2}
    assert list(folds.cursors()) == ["a", "b"]
    assert len(folds) == 4
    folds.forget("a")
    folds.forget("a")
    assert "a" not in folds


def test_who_hears_an_event_is_a_member_again():
    folds = Folds("e", {TALK: 1})
    folds[TALK].member = False
    folds.apply(event(2))
    assert folds.cursors() == {TALK: 2}


KINDS = ("message", "edited", "deleted", "reaction", "member_joined", "member_left", "withheld", "later")


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A log that begins with its creation."""
    log = [event(1, "created", subject="S", members=[ME, BOB])]
    for seq in range(2, draw(st.integers(2, 40))):
        fields = {
            "target": draw(st.integers(1, seq - 1)),
            "account": draw(st.sampled_from([ME, BOB, "eve"])),
            "emoji": draw(st.sampled_from("+-")),
            "on": draw(st.booleans()),
            "body": f"text {seq}",
        }
        log.append(event(seq, draw(st.sampled_from(KINDS)), actor=draw(st.sampled_from([ME, BOB])), **fields))
    return log


class FoldMachine(RuleBasedStateMachine):
    """Whatever is dropped, doubled and reordered: nothing is applied twice, nothing skipped."""

    @initialize(log=logs(), data=st.data())
    def begin(self, log: list[Event], data: st.DataObject) -> None:
        self.log = log
        self.base = data.draw(st.integers(0, len(log)), label="base")
        self.fold = Fold(TALK, self.base)
        self.seen: list[int] = []

    @rule(data=st.data())
    def something_arrives(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.log), label="event")
        self.seen += [e["seq"] for e in self.fold.apply(one, ME)]

    @rule(data=st.data())
    def a_head_is_told(self, data: st.DataObject) -> None:
        self.fold.told(data.draw(st.integers(0, len(self.log)), label="head"))

    @precondition(lambda self: self.fold.gap is not None)
    @rule(most=st.integers(1, 5))
    def a_page_of_the_gap_is_repaired(self, most: int) -> None:
        gap = self.fold.gap
        assert gap is not None
        for one in self.log[gap.after : gap.upto][:most]:
            self.seen += [e["seq"] for e in self.fold.apply(one, ME)]

    @rule()
    def everything_is_repaired(self) -> None:
        self.fold.told(len(self.log))
        while (gap := self.fold.gap) is not None:
            assert gap.after == self.fold.cursor < gap.upto
            for one in self.log[gap.after : gap.upto]:
                self.seen += [e["seq"] for e in self.fold.apply(one, ME)]
        assert facts(self.fold) == facts(straight(self.log, self.base))

    @rule()
    def the_epoch_changes(self) -> None:
        self.fold.doubt()
        page = self.log[-5:]
        self.fold.restart(page, len(self.log), ME)
        self.base = page[0]["seq"] - 1
        self.seen = [one["seq"] for one in page]

    @invariant()
    def each_seq_is_seen_once_and_in_order(self) -> None:
        if hasattr(self, "fold"):
            assert self.seen == list(range(self.base + 1, self.fold.cursor + 1))


FoldMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestFoldMachine = pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")(
    FoldMachine.TestCase
)

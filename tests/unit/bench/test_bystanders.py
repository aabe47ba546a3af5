"""What the terminal chat tells of the others."""

from __future__ import annotations

from typing import Any

import pytest

from bench.bystanders import Bystanders

TALK, ME, ANN, BOB = "talk", "me", "ann", "bob"


@pytest.fixture
def bystanders() -> Bystanders:
    bystanders = Bystanders(ME)
    bystanders.open(TALK)
    return bystanders


def frame(type: str, account: str, **more: Any) -> dict[str, Any]:
    return {"type": type, "conversation": TALK, "account": account, **more}


def message(actor: str, seq: int) -> dict[str, Any]:
    return {"type": "event", "kind": "message", "conversation": TALK, "actor": actor, "seq": seq}


def test_who_types_is_told_once_until_they_say_it_or_cease(bystanders: Bystanders):
    assert bystanders.hears(frame("typing", ANN, on=True))
    assert bystanders.hears(frame("typing", BOB, on=True))
    assert bystanders.lines(str.title) == ["Ann, Bob are typing"]
    assert not bystanders.hears(frame("typing", ANN, on=True))
    bystanders.hears(message(ANN, 3))
    bystanders.hears(frame("typing", BOB, on=False))
    assert bystanders.hears(frame("typing", ANN, on=True))
    assert bystanders.lines(str.title) == ["Ann is typing"]


def test_what_is_said_before_it_could_be_told_is_not_told(bystanders: Bystanders):
    bystanders.hears(frame("typing", ANN, on=True))
    assert not bystanders.hears(message(ANN, 3))
    assert bystanders.lines(str.title) == []


def test_presence_is_told_when_it_changes_and_a_crowd_is_one_line(bystanders: Bystanders):
    for name in "abcdef":
        bystanders.hears({"type": "presence", "account": name, "state": "online"})
    assert not Bystanders(ME).hears({"type": "presence", "account": ANN, "state": "offline"})
    assert bystanders.lines(str) == ["a, b, c, d and 2 others are online"]
    assert not bystanders.hears({"type": "presence", "account": "a", "state": "online"})
    assert not bystanders.hears({"type": "presence", "account": ME, "state": "away"})
    bystanders.hears({"type": "presence", "account": "a", "state": "away"})
    bystanders.hears({"type": "presence", "account": "a", "state": "offline"})
    assert bystanders.lines(str) == ["a is gone"]


def test_what_one_said_last_is_seen_once_by_each(bystanders: Bystanders):
    assert not bystanders.hears(frame("receipt", ANN, read=2, delivered=2))
    bystanders.hears(message(ME, 3))
    assert not bystanders.hears(frame("receipt", ME, read=3, delivered=3))
    assert bystanders.hears(frame("receipt", ANN, read=3, delivered=3))
    assert bystanders.lines(str.title) == ["#3 seen by Ann"]
    assert not bystanders.hears(frame("receipt", ANN, read=4, delivered=4))
    bystanders.hears(message(ME, 5))
    assert bystanders.hears(frame("receipt", ANN, read=5, delivered=5))


def test_a_receipt_may_come_before_what_it_is_about(bystanders: Bystanders):
    bystanders.hears(frame("receipt", ANN, read=3, delivered=3))
    assert bystanders.hears(message(ME, 3))
    assert bystanders.lines(str.title) == ["#3 seen by Ann"]


def test_a_look_over_http_makes_up_for_receipts_where_there_are_any(bystanders: Bystanders):
    bystanders.hears(message(ME, 3))
    assert not bystanders.shown({"members": [{"account": ANN, "read": None}, {"account": ME, "read": 3}]})
    assert bystanders.shown({"members": [{"account": ANN, "read": 3}]})


def test_another_conversation_begins_anew_and_the_last_is_heard_no_more(bystanders: Bystanders):
    bystanders.hears(frame("typing", ANN, on=True))
    bystanders.open("aside")
    assert bystanders.lines(str) == []
    assert not bystanders.hears(frame("typing", ANN, on=True))
    assert not bystanders.hears(frame("receipt", ANN, read=9, delivered=9))
    assert not bystanders.hears(message(ME, 3))

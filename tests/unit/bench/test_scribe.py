"""Events in words, as the terminal chat prints them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.scribe import Scribe
from bench.terminal import Terminal

TALK, ADA, BOB = "talk", "ada", "bob"


@pytest.fixture
def scribe() -> Scribe:
    scribe = Scribe(Terminal(), ADA)
    scribe.learn({"id": TALK, "subject": "Works", "members": [{"account": BOB, "name": "Bob"}]})
    return scribe


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "conversation": TALK, "actor": BOB, "at": "2026-01-01T10:00:00.000Z", "seq": 7, **more}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("message", body="hello"), "#7 Bob: hello"),
        (event("message", body="mine", actor=ADA), "#7 You: mine ✓"),
        (event("message", body="yes", reply_to=3), "#7 Bob (to #3): yes"),
        (event("created"), "· Bob started this conversation"),
        (event("member_joined", account=ADA), "· You joined"),
        (event("member_left", account=BOB), "· Bob left"),
        (event("edited", target=3, body="bet\x1bter"), "· Bob changed #3: bet\N{REPLACEMENT CHARACTER}ter"),
        (event("deleted", target=3), "· Bob deleted #3"),
        (event("reaction", target=3, emoji="👍", on=True), "· Bob put 👍 to #3"),
        (event("reaction", target=3, emoji="👍", on=False), "· Bob took 👍 from #3"),
        (event("renamed", subject="Night works"), "· Bob named this conversation “Night works”"),
        (event("status_changed", status="closed"), "· Bob closed this conversation"),
        (event("status_changed", status="open"), "· Bob opened this conversation again"),
        (event("status_changed", status="archived"), "· Bob made this conversation archived"),
    ],
)
def test_each_event_is_a_line(scribe: Scribe, capsys: pytest.CaptureFixture[str], told: dict[str, Any], words: str):
    scribe.event(told)
    assert re.sub(r"^\d\d:\d\d ", "", capsys.readouterr().out) == f"{words}\n"


def test_what_the_chat_does_not_know_yet_is_left_out(scribe: Scribe, capsys: pytest.CaptureFixture[str]):
    scribe.event(event("invented_later"))
    assert capsys.readouterr().out == ""


def test_a_new_name_is_remembered(scribe: Scribe):
    scribe.event(event("renamed", subject="Night works"))
    assert scribe.subject(TALK) == "Night works"


@pytest.mark.parametrize(
    ("read", "presence", "words"),
    [
        (7, ("online", None), "Bob, agent, online, has read everything"),
        (3, None, "Bob, agent, has read up to #3"),
        (None, ("offline", None), "Bob, agent, offline"),
    ],
)
def test_a_member_is_told_with_what_is_known(scribe, capsys, read, presence, words):
    scribe.member({"account": BOB, "name": "Bob", "role": "agent", "read": read}, presence, 7)
    assert capsys.readouterr().out.strip() == words


def test_who_is_gone_was_last_seen_at_a_time(scribe, capsys):
    scribe.member(
        {"account": BOB, "name": "Bob", "role": "agent", "read": 0}, ("offline", "2026-01-01T10:00:00.000Z"), 7
    )
    assert re.search(r"Bob, agent, last seen \d\d:\d\d, has read up to #0", capsys.readouterr().out)

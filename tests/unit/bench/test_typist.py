"""When the terminal chat says that one types."""

from __future__ import annotations

import pytest

from bench.typist import AGAIN_SECONDS, PAUSE_SECONDS, Typist


def test_a_line_that_grows_is_said_now_and_then_and_one_that_is_gone_once():
    typist = Typist()
    assert typist.look("talk", "", 0.0) == []
    assert typist.look("talk", "h", 1.0) == [("talk", True)]
    assert typist.look("talk", "he", 2.0) == []
    assert typist.look("talk", "hel", 1.0 + AGAIN_SECONDS) == [("talk", True)]
    assert typist.look("talk", "", 5.0) == [("talk", False)]
    assert typist.look("talk", "", 6.0) == []


def test_a_line_that_stays_is_not_being_typed():
    typist = Typist()
    typist.look("talk", "hm", 0.0)
    assert typist.look("talk", "hm", PAUSE_SECONDS) == [("talk", False)]
    assert typist.look("talk", "hm", 2 * PAUSE_SECONDS) == []
    assert typist.look("talk", "hm!", 2 * PAUSE_SECONDS) == [("talk", True)]


def test_another_conversation_is_another_place_to_type_in():
    typist = Typist()
    typist.look("talk", "hm", 0.0)
    assert typist.look("aside", "hmm", 1.0) == [("talk", False), ("aside", True)]
    assert typist.look(None, "hmm", 1.5) == [("aside", False)]


@pytest.mark.parametrize(
    ("line", "typed"), [("/open 3", False), ("//", True), ("/reply 3 y", True), ("/edit 3 y", True)]
)
def test_commands_are_nobodys_business(line: str, typed: bool):
    assert bool(Typist().look("talk", line, 0.0)) == typed

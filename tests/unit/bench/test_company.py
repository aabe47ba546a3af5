"""What a client says of itself again on each connection, and how long it believes that somebody types."""

from __future__ import annotations

from bench.company import TYPING_SECONDS, Company


def test_typing_ends_by_itself_or_when_it_is_said():
    company = Company()
    company.typing("room", "bob", True, 0.0)
    company.typing("room", "eve", True, 1.0)
    assert company.typists("room", 2.0) == {"bob", "eve"}
    assert company.typists("room", TYPING_SECONDS) == {"eve"}
    company.typing("room", "eve", False, 6.0)
    assert company.typists("room", TYPING_SECONDS) == set()


def test_a_new_connection_is_told_what_is_on_screen_and_that_nobody_is_there_but_not_who_typed():
    company = Company()
    company.watch("room", True)
    company.watch("hall", True)
    company.watch("hall", False)
    company.type("room", True)
    company.be("away")
    assert len(company.due()) == 5
    assert company.due() == []
    company.disconnected()
    assert company.due() == [{"type": "watch", "conversation": "room"}, {"type": "presence", "state": "away"}]

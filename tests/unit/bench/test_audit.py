"""The book of the Locust suite finds what a server does wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bench.green import audit as audits
from bench.green.audit import Audit


@dataclass
class At:
    """A reader's place in a log."""

    cursor: int
    base: int | None = 1
    member: bool = True


@pytest.fixture
def audit() -> Audit:
    """Two messages of one sender, sent at 1 s and 2 s, stored as 2 and 3."""
    audit = Audit()
    for id, seq in (("a", 2), ("b", 3)):
        audit.sending(id, float(seq - 1))
        audit.acked("room", "me", id, seq)
    return audit


def test_what_every_reader_has_once_and_in_order_is_in_order(audit):
    for reader in (0.5, 0.25):
        assert audit.applied("room", 2, "a", 1 + reader) == reader
        assert audit.applied("room", 3, "b", 2 + reader) == reader
    assert not audit.close([{"room": At(3)}, {"room": At(7)}, {"other": At(0)}])
    assert (audit.acks, audit.deliveries) == (2, 4)


def test_what_an_ack_promised_and_a_reader_never_got_is_lost(audit):
    assert audit.behind("room", At(2)) == 1
    assert audit.close([{"room": At(3)}, {"room": At(1)}, {"room": At(2)}]) == {"lost": 3}


@pytest.mark.parametrize("place", [At(0, base=None), At(1, member=False), At(3, base=3)])
def test_who_was_not_there_lost_nothing(audit, place):
    assert audit.behind("room", place) == 0


def test_who_began_in_the_middle_is_owed_the_rest_only(audit):
    assert audit.behind("room", At(2, base=2)) == 1


def test_one_id_at_two_places_is_doubled(audit):
    audit.applied("room", 4, "a", 9.0)
    assert audit.close([]) == {"doubled": 1}


def test_two_ids_at_one_place_are_doubled(audit):
    audit.applied("room", 3, "c", 9.0)
    assert audit.close([]) == {"doubled": 1}


def test_an_event_that_is_no_message_in_the_place_of_one_is_noticed(audit):
    audit.applied("room", 3, "", 9.0)
    assert audit.close([]) == {"doubled": 1}


def test_events_that_are_no_messages_agree_with_each_other(audit):
    assert audit.applied("room", 4, "", 9.0) is None
    assert audit.applied("room", 4, "", 9.0) is None
    assert audit.applied("room", 5, "", 9.0) is None
    assert not audit.close([])


def test_a_sender_stored_against_its_order_is_misordered(audit):
    audit.acked("room", "me", "d", 5)
    audit.acked("room", "me", "c", 4)
    audit.acked("room", "you", "e", 6)
    assert audit.close([]) == {"misordered": 1}


def test_a_message_of_another_process_has_no_latency(audit):
    assert audit.applied("room", 4, "foreign", 9.0) is None
    assert audit.deliveries == 0


def test_the_book_has_a_bound(monkeypatch):
    monkeypatch.setattr(audits, "REMEMBERED", 3)
    audit = Audit()
    for seq in range(1, 9):
        audit.sending(str(seq), 0.0)
        audit.acked("room", "me", str(seq), seq)
    assert audit.applied("room", 2, "2", 1.0) is None, "forgotten"
    assert audit.applied("room", 8, "8", 1.0) == 1.0
    assert audit.behind("room", At(0, base=0)) <= 3

"""The books of a load run find what is wrong with a run."""

from __future__ import annotations

import math

import pytest

from bench.latency import percentiles
from bench.ledger import Ledger, Reader


@pytest.fixture
def ledger() -> Ledger:
    """Two conversations of two; logs stand at 1, four messages are sent at 0, 1, 2, 3 s."""
    ledger = Ledger(2, 2)
    for reader in ledger.readers:
        reader.next = 2
    for n in range(4):
        ledger.sending(float(n), n + 0.001)
    return ledger


def store(ledger: Ledger, number: int, seq: int, *, to: str = "both") -> None:
    """Acknowledge a message and deliver it to both readers, or one, of its conversation."""
    ledger.acked(number, seq, number + 0.5)
    first = number % 2 * 2
    for user in (first, first + 1)[: 1 if to == "one" else 2]:
        ledger.received(ledger.readers[user], seq, number, number + 0.25)


def sound(ledger: Ledger) -> Ledger:
    for number, seq in ((0, 2), (1, 2), (2, 3), (3, 3)):
        store(ledger, number, seq)
    return ledger


def test_messages_go_round_conversations_and_senders():
    ledger = Ledger(2, 2)
    assert [ledger.place(n) for n in range(5)] == [(0, 0), (1, 2), (0, 1), (1, 3), (0, 0)]


def test_a_run_that_adds_up_is_sound(ledger):
    totals = sound(ledger).totals()
    assert ledger.settled
    assert totals.sound
    assert (totals.sent, totals.acked, totals.delivered, totals.expected) == (4, 4, 8, 8)
    assert list(ledger.delivery_seconds) == [0.25] * 8
    assert list(ledger.ack_seconds) == [0.5] * 4


def test_the_warm_up_is_checked_but_not_timed(ledger):
    ledger.measured = 3
    assert sound(ledger).totals().delivered == 8
    assert len(ledger.delivery_seconds) == 2
    assert len(ledger.ack_seconds) == 1


def test_an_acknowledged_message_that_one_reader_never_gets_is_lost(ledger):
    store(ledger, 0, 2, to="one")
    totals = ledger.totals()
    assert (totals.lost, totals.unanswered, totals.sound) == (1, 3, False)
    assert not ledger.settled


def test_a_message_skipped_in_the_middle_is_lost(ledger):
    sound(ledger)
    ledger.sending(4.0, 4.0)
    ledger.acked(4, 5, 4.1)
    for user in (0, 1):
        ledger.received(ledger.readers[user], 5, 4, 4.2)
    assert ledger.readers[0].missing == {4}
    assert ledger.readers[0].cursor == 3
    assert ledger.totals().lost == 0  # nobody was told of a message 4
    ledger.sending(5.0, 5.0)
    ledger.sending(6.0, 6.0)
    ledger.acked(6, 4, 6.1)
    assert ledger.totals().lost == 2


def test_a_second_delivery_is_a_duplicate(ledger):
    sound(ledger)
    ledger.received(ledger.readers[0], 3, 2, 9.0)
    assert ledger.totals().duplicated == 1
    assert not ledger.totals().sound


def test_a_delivery_after_its_successor_is_out_of_order(ledger):
    for seq, number in ((3, 2), (2, 0)):
        store(ledger, number, seq)
    totals = ledger.totals()
    assert totals.lost == 0
    assert totals.out_of_order == 2


def test_one_message_with_two_seqs_or_one_seq_with_two_messages_is_a_duplicate(ledger):
    sound(ledger)
    ledger.received(ledger.readers[0], 4, 2, 9.0)
    ledger.received(ledger.readers[2], 4, 1, 9.0)
    assert ledger.totals().duplicated == 2


def test_messages_of_one_sender_stored_against_the_order_sent_are_out_of_order():
    ledger = Ledger(1, 1)
    ledger.readers[0].next = 2
    for number, seq in ((0, 3), (1, 2)):
        ledger.sending(0.0, 0.0)
        ledger.acked(number, seq, 0.1)
    assert ledger.totals().out_of_order == 1


def test_what_is_not_ours_is_foreign_or_only_counted(ledger):
    ledger.received(ledger.readers[0], 2, -1, 0.0)
    ledger.received(ledger.readers[0], 3, 1, 0.0)
    ledger.received(ledger.readers[0], 4, 99, 0.0)
    totals = ledger.totals()
    assert (totals.foreign, totals.delivered, ledger.readers[0].next) == (2, 0, 5)


def test_errors_are_counted_by_code_and_a_second_answer_is_one(ledger):
    ledger.refused(0, "overloaded")
    store(ledger, 1, 2)
    ledger.acked(1, 2, 9.0)
    totals = ledger.totals()
    assert (totals.refused, totals.unanswered) == (1, 2)
    assert ledger.errors == {"overloaded": 1, "answered_twice": 1}


def test_a_reader_knows_its_cursor():
    reader = Reader(0, 0)
    for seq in (1, 2, 5):
        reader.take(seq)
    assert reader.cursor == 2
    assert [reader.lacks(seq) for seq in (2, 3, 5, 6)] == [False, True, False, True]


def test_percentiles_are_of_the_nearest_rank_in_milliseconds():
    assert percentiles([n / 1000 for n in range(100)]) == pytest.approx((50, 95, 99, 99))
    assert percentiles([0.002]) == (2, 2, 2, 2)
    assert all(math.isnan(one) for one in percentiles([]))

"""Lanes, told as sentences; times are seconds since the first command."""

from __future__ import annotations

from typing import Any

import pytest

from broker.link.resend import BATCH_COST, BATCH_ITEMS, GaveUp, Lanes, Refused, Transmit


@pytest.fixture
def lanes() -> Lanes[str]:
    return Lanes(limit_cost=1_000, limit_per_lane=3)


def sent(effects: list[Any] | None) -> list[tuple[Any, ...]]:
    """The items of each frame that leaves."""
    assert effects is not None
    return [effect.items for effect in effects if isinstance(effect, Transmit)]


def first(lanes: Lanes[str], ref: int = 1, now: float = 0.0) -> int:
    """Submit one command on an idle lane; the tag of its frame."""
    (effect,) = lanes.submit("lane", ref, f"m{ref}", 10, now)
    assert isinstance(effect, Transmit)
    return effect.tag


def run(lanes: Lanes[str], start: float, end: float) -> list[tuple[float, Any]]:
    """Ticks every 0.1 s; what they brought, and when."""
    brought = []
    for tenth in range(round(start * 10) + 1, round(end * 10) + 1):
        brought += [(tenth / 10, effect) for effect in lanes.tick(tenth / 10)]
    return brought


def test_a_command_leaves_at_once_and_those_behind_it_when_it_is_answered(lanes):
    assert sent(lanes.submit("lane", 1, "m1", 10, 0.0)) == [("m1",)]
    assert lanes.submit("lane", 2, "m2", 10, 0.0) == []
    assert lanes.submit("lane", 3, "m3", 10, 0.0) == []
    assert sent(lanes.submit("other", 4, "m4", 10, 0.0)) == [("m4",)]
    assert sent(lanes.answered(1, "", 0.1)) == [("m2", "m3")]
    assert lanes.answered(2, "", 0.2) == []
    assert lanes.answered(3, "", 0.2) == []
    assert lanes.cost == 10


def test_an_answer_to_what_is_not_waited_for_is_nobodys_outcome(lanes):
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.0)
    assert lanes.answered(99, "", 0.0) is None
    assert lanes.answered(2, "", 0.0) is None, "it was not even sent"
    assert lanes.answered(1, "", 0.1) is not None
    assert lanes.answered(1, "", 0.1) is None


def test_a_full_lane_and_a_full_edge_refuse_without_sending(lanes):
    first(lanes)
    for ref in (2, 3, 4):
        lanes.submit("lane", ref, "m", 10, 0.0)
    assert lanes.submit("lane", 5, "m", 10, 0.0) == [Refused(5, "overloaded", 1.0)]
    assert lanes.submit("big", 6, "m", 961, 0.0) == [Refused(6, "overloaded", 1.0)]
    assert lanes.cost == 40


def test_a_batch_is_bounded_in_items_and_in_cost():
    lanes: Lanes[int] = Lanes()
    lanes.submit("lane", 0, 0, 1, 0.0)
    for ref in range(1, BATCH_ITEMS + 10):
        lanes.submit("lane", ref, ref, 1, 0.0)
    (items,) = sent(lanes.answered(0, "", 0.0))
    assert len(items) == BATCH_ITEMS
    lanes.submit("heavy", 1_000, 0, 1, 0.0)
    for ref in (1_001, 1_002, 1_003):
        lanes.submit("heavy", ref, ref, BATCH_COST // 2, 0.0)
    assert sent(lanes.answered(1_000, "", 0.0)) == [(1_001, 1_002)]


@pytest.mark.parametrize("reason", ["no_peer", "gone", "expired"])
def test_what_reached_nobody_goes_again_after_growing_pauses(lanes, reason):
    tag = first(lanes)
    times = []
    now = 0.0
    while now < 2:
        assert lanes.undeliverable(tag, reason, now) == []
        (when, effect), *_ = [(at, e) for at, e in run(lanes, now, now + 1) if isinstance(e, Transmit)]
        times.append(round(when - now, 1))
        tag, now = effect.tag, when
    assert times[:5] == [0.1, 0.1, 0.2, 0.4, 0.8], "to the next tick"


def test_full_on_the_first_attempt_refuses_and_lets_the_next_go(lanes):
    tag = first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.0)
    refused, transmit = lanes.undeliverable(tag, "full", 0.1)
    assert refused == Refused(1, "overloaded", 1.0)
    assert transmit.items == ("m2",)


def test_full_while_another_copy_may_be_stored_refuses_nothing(lanes):
    first(lanes)
    lanes.sent(1, "way")
    (again,) = lanes.lost_way(lambda way: way == "way", 0.5)
    assert lanes.undeliverable(again.tag, "full", 0.6) == []
    assert run(lanes, 0.6, 0.8) != []


def test_a_report_of_a_copy_that_is_over_changes_nothing(lanes):
    tag = first(lanes)
    lanes.answered(1, "", 0.1)
    assert lanes.undeliverable(tag, "gone", 0.2) == []
    assert lanes.undeliverable(99, "gone", 0.2) == []
    lanes.sent(tag, "way")


def test_a_lost_way_repeats_the_batch_once_and_only_what_went_that_way(lanes):
    tag = first(lanes)
    lanes.sent(tag, "way")
    assert lanes.lost_way(lambda way: way == "other", 0.5) == []
    (again,) = lanes.lost_way(lambda way: way == "way", 0.5)
    assert (again.items, again.attempt) == (("m1",), 2)
    assert lanes.lost_way(lambda way: way == "way", 0.5) == []
    lanes.sent(again.tag, "new")
    assert sent(lanes.lost_way(lambda way: way == "new", 4.9)) == [("m1",)]
    lanes.sent(3, "newer")
    assert lanes.lost_way(lambda way: True, 5.0) == [], "its copies must be dead when it is given up"


def test_a_lost_way_repeats_nothing_while_another_copy_goes_a_good_one(lanes):
    tag = first(lanes)
    lanes.sent(tag, "one")
    (again,) = lanes.lost_way(lambda way: way == "one", 0.1)
    lanes.sent(again.tag, "two")
    (third,) = [effect for _, effect in run(lanes, 0.1, 3.5)]
    lanes.sent(third.tag, "three")
    assert lanes.lost_way(lambda way: way == "two", 3.6) == []
    assert sent(lanes.lost_way(lambda way: way == "three", 3.7)) == [("m1",)]


def test_a_silent_batch_is_repeated_once_after_three_seconds_and_given_up_after_ten(lanes):
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 9.0)
    (repeated, again), (ended, gave_up) = run(lanes, 0, 12)
    assert (repeated, again.attempt) == (3.0, 2)
    assert (ended, gave_up) == (10.0, GaveUp((1, 2))), "what waits behind it ends with it, unsent"
    assert lanes.cost == 0


def test_silence_alone_repeats_no_more_than_a_tenth_of_all_sends():
    lanes: Lanes[str] = Lanes()
    for ref in range(100):
        lanes.submit(ref, ref, "m", 1, 0.0)
    run(lanes, 0, 4.9)
    assert lanes.resends == 20, "ten to begin with, and ten for a hundred sends"


def test_what_has_waited_five_seconds_is_not_sent_any_more(lanes):
    """A copy sent later could outlive the ten seconds after which its sender is told that nobody knows."""
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.05)
    lanes.submit("lane", 3, "m3", 10, 4.0)
    assert lanes.answered(1, "", 5.06) == [GaveUp((2, 3))]
    assert lanes.cost == 0
    first(lanes, 4, now=6.0)
    lanes.submit("lane", 5, "m5", 10, 6.0)
    assert (11.0, GaveUp((5,))) in run(lanes, 6, 12), "also when its turn does not come"


def test_time_spent_waiting_counts(lanes):
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.0)
    lanes.answered(1, "", 4.0)
    assert run(lanes, 4, 12) == [(10.0, GaveUp((2,)))]


def test_unavailable_is_tried_again_as_long_as_that_may_be(lanes):
    first(lanes)
    assert lanes.answered(1, "unavailable", 0.5) is None
    (at, again), *_ = run(lanes, 0.5, 1.0)
    assert (at, again.items) == (0.6, ("m1",))


def test_unavailable_too_late_to_try_again_ends_when_no_copy_can_be_alive(lanes):
    """Else the command behind it could be stored before a copy that is still on its way."""
    tag = first(lanes)
    lanes.sent(tag, "way")
    lanes.lost_way(lambda way: True, 1.9)
    lanes.answered(1, "unavailable", 5.2)
    effects = [(at, effect) for at, effect in run(lanes, 5.2, 12) if isinstance(effect, GaveUp)]
    assert effects == [(6.9, GaveUp((1,)))]


def test_a_refusal_is_an_outcome_only_when_no_other_copy_may_be_stored(lanes):
    tag = first(lanes)
    lanes.sent(tag, "way")
    (again,) = lanes.lost_way(lambda way: True, 0.5)
    assert lanes.answered(1, "forbidden", 0.6) is None
    assert lanes.answered(1, "forbidden", 0.7) == []
    tag = first(lanes, 2, now=1.0)
    lanes.sent(tag, "way")
    (again,) = lanes.lost_way(lambda way: True, 1.5)
    assert lanes.undeliverable(again.tag, "gone", 1.6) == []
    assert lanes.answered(2, "forbidden", 1.7) == []


def test_stored_is_an_outcome_whatever_else_was_said(lanes):
    tag = first(lanes)
    lanes.sent(tag, "way")
    lanes.lost_way(lambda way: True, 0.5)
    lanes.answered(1, "forbidden", 0.6)
    assert lanes.answered(1, "", 0.7) == []


def test_what_certainly_reached_nobody_and_is_too_old_to_go_again_ends_at_once(lanes):
    tag = first(lanes)
    assert lanes.undeliverable(tag, "gone", 5.1) == [GaveUp((1,))]
    tag = first(lanes, 2, now=10.0)
    lanes.undeliverable(tag, "gone", 14.95)
    assert run(lanes, 14.9, 15.1) == [(15.0, GaveUp((2,)))]
    tag = first(lanes, 3, now=20.0)
    lanes.sent(tag, "way")
    (again,) = lanes.lost_way(lambda way: True, 21.0)
    assert lanes.undeliverable(again.tag, "gone", 25.5) == [], "the other copy may be stored"


def test_what_was_refused_for_good_is_in_no_later_copy(lanes):
    """It must not meet a log that would take it by then (found by the search for counterexamples)."""
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.0)
    lanes.submit("lane", 3, "m3", 10, 0.0)
    (effect,) = lanes.answered(1, "", 0.1)
    lanes.sent(effect.tag, "broker-1")
    assert lanes.answered(2, "closed", 0.2) == []
    assert sent(lanes.lost_way(lambda way: way == "broker-1", 0.3)) == [("m3",)]


def test_what_was_refused_while_an_earlier_copy_is_lost_is_sent_no_more_and_ends_when_no_copy_can_be_alive(lanes):
    tag = first(lanes)
    lanes.sent(tag, "a broker that stops")
    (again,) = lanes.lost_way(lambda way: way == "a broker that stops", 1.5)
    lanes.sent(again.tag, "another")
    lanes.submit("lane", 2, "m2", 10, 2.0)
    assert lanes.answered(1, "not_found", 1.6) is None, "the first copy may still be stored"
    assert lanes.lost_way(lambda way: way == "another", 3.0) == []
    assert run(lanes, 3.0, 10.0) == [(6.5, GaveUp((1, 2)))]


def test_what_is_open_beside_the_refused_is_repeated(lanes):
    first(lanes)
    lanes.submit("lane", 2, "m2", 10, 0.0)
    lanes.submit("lane", 3, "m3", 10, 0.0)
    (batch,) = lanes.answered(1, "", 0.1)
    lanes.sent(batch.tag, "a broker that stops")
    (again,) = lanes.lost_way(lambda way: True, 1.5)
    lanes.sent(again.tag, "another")
    assert lanes.answered(2, "not_found", 1.6) is None
    assert sent([effect for _, effect in run(lanes, 3.0, 3.2)]) == [("m2", "m3")]

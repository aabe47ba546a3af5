"""The hub against every kind of loss between fanout and edge: each stream in order, each seq once, gaps repaired."""

from __future__ import annotations

import pytest

from broker.wire.payloads import Delivery, HeadOf, Logged
from edge.socket import hub as hub_module
from edge.socket.hub import GAP_SECONDS, RETRY_SECONDS, SETTLED_SECONDS, Forward, Hub, Repair

TALK = "talk"
ANN, BOB, EVE = "ann", "bob", "eve"


def event(seq: int, kind: str = "message", account: str | None = None) -> Logged:
    return Logged(seq, kind, account, b"%d" % seq)


def delivery(*seqs: int, to: tuple[str, ...] = (ANN, BOB)) -> Delivery:
    return Delivery(TALK, to, tuple(event(seq) for seq in seqs))


def seqs(forward: Forward | None) -> list[int]:
    return [] if forward is None else [one.seq for one in forward.events]


@pytest.fixture
def hub() -> Hub[str]:
    """Ann follows the talk, whose head is 3."""
    hub: Hub[str] = Hub()
    hub.attach(ANN, "ann-1")
    hub.know(TALK, 3, ANN)
    return hub


# Sessions -------------------------------------------------------------------


def test_only_the_first_session_of_an_account_arrives_and_only_the_last_departs():
    hub: Hub[str] = Hub()
    assert hub.attach(ANN, "one")
    assert not hub.attach(ANN, "two")
    assert not hub.detach(ANN, "one")
    assert not hub.detach(ANN, "one")
    assert hub.detach(ANN, "two")
    assert not hub.detach(ANN, "two")
    assert hub.sessions == {}


# Order ----------------------------------------------------------------------


def test_what_follows_is_forwarded_and_what_was_is_dropped(hub: Hub[str]):
    assert hub.delivered(delivery(4, 5), 0.0) == Forward(TALK, (ANN, BOB), [event(4), event(5)])
    assert hub.delivered(delivery(4, 5), 0.0) is None
    assert seqs(hub.delivered(delivery(5, 6), 0.0)) == [6]
    assert hub.delivered(Delivery(TALK, (ANN,), ()), 0.0) is None
    assert not hub.gaps


def test_a_stream_that_nobody_asked_for_begins_with_its_first_delivery():
    hub: Hub[str] = Hub()
    assert seqs(hub.delivered(delivery(7, 8), 0.0)) == [7, 8]


def test_what_comes_early_is_held_until_what_was_before_it_came(hub: Hub[str]):
    assert hub.delivered(delivery(5), 0.0) is None
    assert hub.delivered(delivery(7), 0.0) is None
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4, 5]
    assert hub.gaps == {TALK}
    assert seqs(hub.delivered(delivery(6), 0.0)) == [6, 7]
    assert not hub.gaps


def test_what_is_held_is_bounded_and_the_rest_is_read_from_the_log(hub: Hub[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "HELD_EVENTS", 2)
    hub.delivered(delivery(5, 6, 7), 0.0)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4, 5, 6]
    assert hub.repairs(1.0) == [Repair(TALK, 6, 7)]


# Gaps -----------------------------------------------------------------------


def test_a_gap_has_fifty_milliseconds_to_close_by_itself(hub: Hub[str]):
    hub.delivered(delivery(6), 0.0)
    assert hub.repairs(GAP_SECONDS - 0.01) == []
    assert hub.repairs(GAP_SECONDS) == [Repair(TALK, 3, 6)]


def test_a_gap_is_asked_for_once_until_all_of_it_was_answered(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 8, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert hub.repairs(9.0) == []
    assert seqs(hub.filled(repair, [event(6), event(7), event(8)], 9.0)) == [6, 7, 8]
    assert not hub.gaps


def test_repairs_are_counted_when_they_begin_and_when_they_have_filled_their_gap(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 6, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.filled(repair, [event(4)], 1.0)
    assert (hub.repairs_begun, hub.repaired) == (1, 0)
    hub.filled(repair, [event(5), event(6)], 1.0)
    hub.repairs(9.0)
    assert (hub.repairs_begun, hub.repaired) == (1, 1)


def test_what_is_held_and_came_from_the_log_too_is_forwarded_once(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert not hub.streams[TALK].held


def test_a_gap_that_grew_while_it_was_read_is_asked_for_again(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.headed(HeadOf(TALK, 7, (ANN,)), 1.0)
    assert seqs(hub.filled(repair, [event(4), event(5)], 1.0)) == [4, 5]
    assert hub.repairs(1.0) == []
    assert hub.repairs(1.0 + GAP_SECONDS) == [Repair(TALK, 5, 7)]


def test_a_repair_that_fails_is_tried_again_after_a_second(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.unfilled(repair, 1.0)
    assert hub.repairs(1.0 + RETRY_SECONDS / 2) == []
    assert hub.repairs(1.0 + RETRY_SECONDS) == [repair]


def test_a_repair_that_fails_after_its_gap_closed_does_not_hide_the_next_gap(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.delivered(delivery(4), 1.0)
    hub.unfilled(repair, 1.0)
    hub.delivered(delivery(7), 2.0)
    assert hub.repairs(3.0) == [Repair(TALK, 5, 7)]


def test_the_answer_to_a_repair_of_a_stream_that_is_forgotten_is_dropped(hub: Hub[str]):
    hub.delivered(delivery(5), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.reset()
    assert hub.filled(repair, [event(4)], 1.0) is None
    hub.unfilled(repair, 1.0)
    hub.know(TALK, 3, ANN)
    assert hub.filled(repair, [event(4)], 1.0) is None, "of another epoch, perhaps"
    assert not hub.gaps


def test_the_head_of_an_unknown_stream_shows_its_newest_event():
    hub: Hub[str] = Hub()
    hub.headed(HeadOf(TALK, 9, (ANN,)), 0.0)
    assert hub.repairs(1.0) == [Repair(TALK, 8, 9)]


def test_a_head_that_was_reached_is_no_gap(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 3, (ANN,)), 0.0)
    assert not hub.gaps


# Recipients -----------------------------------------------------------------


def test_a_delivery_that_was_overtaken_does_not_bring_back_who_was_removed(hub: Hub[str]):
    hub.delivered(delivery(6, to=(ANN,)), 0.0)
    hub.delivered(delivery(4, to=(ANN, EVE)), 0.0)
    hub.headed(HeadOf(TALK, 5, (ANN, EVE)), 0.0)
    (repair,) = hub.repairs(1.0)
    forward = hub.filled(repair, [event(5, "member_left", EVE), event(6)], 1.0)
    assert forward is not None
    assert forward.recipients == (ANN,)


# Who is added unheard -------------------------------------------------------


@pytest.fixture
def added(hub: Hub[str]) -> Hub[str]:
    """Bob is here, and nobody told of his joining: the next heads name him, and Ann's stream is at them already."""
    hub.attach(BOB, "bob-1")
    hub.headed(HeadOf(TALK, 3, (ANN, BOB)), 0.0)
    return hub


def test_who_is_added_unheard_is_shown_the_newest_event_and_nobody_else_is(added: Hub[str]):
    (repair,) = added.repairs(1.0)
    assert repair == Repair(TALK, 2, 3)
    assert added.filled(repair, [event(3)], 1.0) == Forward(TALK, (BOB,), [event(3)])
    assert not added.gaps
    assert added.repairs(9.0) == []
    added.headed(HeadOf(TALK, 3, (ANN, BOB)), 9.0)
    assert not added.gaps, "he is known to follow"


def test_who_is_added_and_not_here_is_shown_nothing(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 3, (ANN, EVE)), 0.0)
    assert not hub.gaps


def test_who_read_the_log_by_himself_is_shown_nothing(hub: Hub[str]):
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 3, BOB)
    hub.headed(HeadOf(TALK, 3, (ANN, BOB)), 0.0)
    assert not hub.gaps


def test_a_real_gap_shows_who_was_added_as_much_as_anybody(added: Hub[str]):
    added.headed(HeadOf(TALK, 5, (ANN, BOB)), 0.0)
    (repair,) = added.repairs(1.0)
    assert repair == Repair(TALK, 3, 5)
    assert added.filled(repair, [event(4), event(5)], 1.0) == Forward(TALK, (ANN, BOB), [event(4), event(5)])
    assert not added.gaps
    assert added.repairs(9.0) == []


def test_a_gap_that_opens_while_the_newest_event_is_read_shows_it(added: Hub[str]):
    (repair,) = added.repairs(1.0)
    assert added.delivered(delivery(5), 1.0) is None
    assert added.filled(repair, [event(3)], 1.0) is None
    (repair,) = added.repairs(1.0 + GAP_SECONDS)
    assert repair == Repair(TALK, 3, 5)
    assert added.filled(repair, [event(4), event(5)], 2.0) == Forward(TALK, (ANN, BOB), [event(4), event(5)])
    assert not added.gaps


def test_an_event_that_comes_meanwhile_shows_it_too(added: Hub[str]):
    (repair,) = added.repairs(1.0)
    assert added.delivered(delivery(4), 1.0) == Forward(TALK, (ANN, BOB), [event(4)])
    assert not added.gaps
    assert added.filled(repair, [event(3)], 1.0) is None
    added.delivered(delivery(6), 2.0)
    assert added.repairs(3.0) == [Repair(TALK, 4, 6)]


def test_a_newest_event_that_cannot_be_read_is_read_again(added: Hub[str]):
    (repair,) = added.repairs(1.0)
    added.unfilled(repair, 1.0)
    assert added.repairs(1.0 + RETRY_SECONDS / 2) == []
    (repair,) = added.repairs(1.0 + RETRY_SECONDS)
    assert added.filled(repair, [event(3)], 2.0) == Forward(TALK, (BOB,), [event(3)])
    assert not added.gaps


@pytest.mark.parametrize("asked", [False, True])
def test_who_is_removed_before_the_answer_is_shown_nothing(added: Hub[str], asked: bool):
    repairs = added.repairs(1.0) if asked else []
    added.headed(HeadOf(TALK, 3, (ANN,)), 1.0)
    assert not added.gaps
    assert [added.filled(repair, [event(3)], 1.0) for repair in repairs] == [None] * len(repairs)
    assert not added.gaps
    assert added.repairs(9.0) == []


def test_who_is_removed_by_an_event_held_back_is_shown_nothing(added: Hub[str]):
    (repair,) = added.repairs(1.0)
    assert added.delivered(delivery(5, to=(ANN,)), 1.0) is None
    assert added.filled(repair, [event(3)], 1.0) is None
    assert added.repairs(1.0 + GAP_SECONDS) == [Repair(TALK, 3, 5)]


def test_heads_that_were_overtaken_show_no_event_behind_them(hub: Hub[str]):
    """Bob may have been removed since: what is younger than the word that he follows is not for him."""
    hub.detach(ANN, "ann-1")
    hub.attach(ANN, "ann-2")
    hub.know(TALK, 9, ANN)
    hub.attach(BOB, "bob-1")
    hub.headed(HeadOf(TALK, 5, (ANN, BOB)), 0.0)
    (repair,) = hub.repairs(1.0)
    assert repair == Repair(TALK, 4, 5)
    assert hub.filled(repair, [event(5)], 1.0) == Forward(TALK, (BOB,), [event(5)])
    assert not hub.gaps
    assert seqs(hub.delivered(delivery(10, to=(ANN,)), 2.0)) == [10]


# Who begins -----------------------------------------------------------------


def test_a_stream_that_nobody_follows_jumps_to_where_its_first_follower_begins(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 9, BOB)
    assert not hub.gaps
    assert hub.repairs(9.0) == []
    assert seqs(hub.delivered(delivery(10), 9.0)) == [10]


def test_a_gap_after_a_jump_over_an_open_repair_is_repaired_too(hub: Hub[str]):
    hub.headed(HeadOf(TALK, 5, (ANN,)), 0.0)
    (repair,) = hub.repairs(1.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 9, BOB)
    assert hub.filled(repair, [event(4), event(5)], 1.0) is None
    hub.delivered(delivery(11), 2.0)
    assert hub.repairs(3.0) == [Repair(TALK, 9, 11)]


def test_a_stream_that_holds_early_events_is_repaired_instead_of_jumping(hub: Hub[str]):
    hub.delivered(delivery(6), 0.0)
    hub.detach(ANN, "ann-1")
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 5, BOB)
    assert hub.repairs(1.0) == [Repair(TALK, 3, 6)]


def test_a_stream_that_someone_follows_waits_for_what_is_on_its_way_to_them(hub: Hub[str]):
    """Ann begins at 3 and nothing was delivered since; Bob reads the log when 4 has just been stored."""
    hub.attach(BOB, "bob-1")
    hub.know(TALK, 4, BOB)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4]


def test_another_session_of_the_same_account_follows_as_well(hub: Hub[str]):
    hub.attach(ANN, "ann-2")
    hub.know(TALK, 4, ANN)
    assert seqs(hub.delivered(delivery(4), 0.0)) == [4]


# What a heartbeat asks ------------------------------------------------------


def test_who_is_not_known_to_follow_learns_nothing_from_the_stream(hub: Hub[str]):
    assert hub.behind("no such talk", 0, 9.0, ANN) is None
    assert hub.behind(TALK, 0, 9.0, EVE) is None
    assert hub.behind(TALK, 0, 9.0, ANN) is True


def test_what_was_forwarded_a_moment_ago_is_not_yet_missing(hub: Hub[str]):
    hub.delivered(delivery(4), 100.0)
    assert hub.behind(TALK, 3, 100.1, ANN) is False
    assert hub.behind(TALK, 2, 100.1, ANN) is True
    assert hub.behind(TALK, 3, 100.0 + SETTLED_SECONDS, ANN) is True
    assert hub.behind(TALK, 4, 200.0, ANN) is False


def test_in_a_busy_stream_too_what_is_missing_for_long_is_found(hub: Hub[str]):
    for at in range(4, 54):
        hub.delivered(delivery(at), 100.0 + at / 10)
    assert hub.behind(TALK, 53, 105.4, ANN) is False
    assert hub.behind(TALK, 3, 105.4, ANN) is True


def test_streams_are_compared_with_the_log_by_their_heads(hub: Hub[str]):
    assert hub.followed() == [TALK]
    assert hub.lags(TALK, 4)
    assert not hub.lags(TALK, 3)
    assert not hub.lags("no such talk", 4)


def test_beyond_the_limit_the_oldest_stream_is_forgotten_with_its_gap():
    hub: Hub[str] = Hub(limit=1)
    hub.know(TALK, 3, ANN)
    hub.delivered(delivery(5), 0.0)
    hub.know("another", 1, ANN)
    assert hub.followed() == ["another"]
    assert not hub.gaps
    assert hub.repairs(9.0) == []


def test_beyond_the_limit_what_was_used_last_is_kept():
    hub: Hub[str] = Hub(limit=2)
    hub.delivered(Delivery("busy", ("ann",), (event(1),)), 0.0)
    hub.know("read", 0, "ann")
    hub.know("idle", 0, "ann")
    assert hub.followed() == ["read", "idle"]
    hub.know("read", 0, "bob")
    hub.delivered(Delivery("busy", ("ann",), (event(2),)), 1.0)
    assert hub.followed() == ["read", "busy"]
    hub.delivered(Delivery("read", ("ann",), (event(1),)), 2.0)
    hub.know("new", 0, "ann")
    assert hub.followed() == ["read", "new"]

"""The client's markers: said once, again after silence, never backwards."""

from __future__ import annotations

from bench.markers import AGAIN_SECONDS, DELIVERED_SECONDS, Markers


def test_a_marker_is_said_and_again_after_silence_until_its_receipt():
    markers = Markers()
    markers.want("read", "room", 3)
    assert markers.due(0.0) == [{"type": "read", "conversation": "room", "seq": 3}]
    assert markers.due(AGAIN_SECONDS - 0.1) == []
    assert markers.wake(0.0) == AGAIN_SECONDS
    assert markers.due(AGAIN_SECONDS) == [{"type": "read", "conversation": "room", "seq": 3}]
    markers.receipt("room", 3, 3)
    assert markers.due(100.0) == []
    assert markers.wake(0.0) is None


def test_a_farther_marker_is_said_at_once_and_a_nearer_one_never():
    markers = Markers()
    markers.want("read", "room", 3)
    markers.due(0.0)
    markers.want("read", "room", 2)
    assert markers.due(0.1) == []
    markers.want("read", "room", 4)
    assert [frame["seq"] for frame in markers.due(0.1)] == [4]


def test_delivered_is_said_once_a_second():
    markers = Markers()
    markers.want("delivered", "room", 1)
    assert [frame["seq"] for frame in markers.due(0.0)] == [1]
    markers.receipt("room", 0, 1)
    for seq in range(2, 9):
        markers.want("delivered", "room", seq)
        assert markers.due(0.5) == []
    assert [frame["seq"] for frame in markers.due(DELIVERED_SECONDS)] == [8]


def test_delivered_without_a_receipt_is_said_again_after_silence_and_a_farther_one_before():
    markers = Markers()
    markers.want("delivered", "room", 1)
    markers.due(0.0)
    assert markers.due(AGAIN_SECONDS - 0.1) == []
    assert [frame["seq"] for frame in markers.due(AGAIN_SECONDS)] == [1]
    markers.want("delivered", "room", 2)
    assert markers.due(AGAIN_SECONDS + DELIVERED_SECONDS - 0.1) == []
    assert [frame["seq"] for frame in markers.due(AGAIN_SECONDS + DELIVERED_SECONDS)] == [2]


def test_a_receipt_of_less_leaves_it_open_and_one_of_more_closes_it():
    markers = Markers()
    markers.want("read", "room", 3)
    markers.due(0.0)
    markers.receipt("room", 2, 2)
    assert markers.wake(0.0) == AGAIN_SECONDS
    markers.receipt("room", 4, 4)
    assert markers.wake(0.0) is None
    markers.want("read", "room", 4)  # known from another device
    assert markers.due(100.0) == []


def test_a_new_connection_says_it_again():
    markers = Markers()
    markers.want("read", "room", 3)
    markers.due(0.0)
    markers.disconnected()
    assert [frame["seq"] for frame in markers.due(0.1)] == [3]


def test_of_a_conversation_that_was_left_nothing_is_said():
    markers = Markers()
    markers.want("read", "room", 3)
    markers.forget("room")
    assert markers.due(0.0) == []

"""The one shape that an event has for clients."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.log import Stored, event_map, live_event, moment
from tests.fixtures.logs import create, join, say

A, B, C = (f"{n:08d}-0000-4000-8000-000000000000" for n in range(3))
STORED = Stored("", 7, "2026-11-23T04:05:06.789Z", False, None)


def test_a_message_is_as_the_protocol_draws_it():
    assert live_event(say(A, B, "hi", id=C), STORED) == {
        "type": "event",
        "conversation": A,
        "seq": 7,
        "kind": "message",
        "actor": B,
        "at": "2026-11-23T04:05:06.789Z",
        "id": C,
        "body": "hi",
        "attachments": [],
    }


def test_a_reply_and_mentions_are_told():
    event = live_event(say(A, B, reply_to=3, mentions=[B]), STORED)
    assert (event["reply_to"], event["mentions"]) == (3, [B])


def test_the_creator_is_the_first_member_and_nobody_is_twice():
    event = live_event(create(A, B, C, B, C, subject="Bridge"), STORED)
    assert (event["kind"], event["subject"], event["project"], event["members"]) == ("created", "Bridge", None, [B, C])
    assert "id" not in event and "body" not in event


def test_who_joins_is_named():
    event = live_event(join(A, B, C), STORED)
    assert (event["kind"], event["account"]) == ("member_joined", C)


def test_a_deleted_message_keeps_its_place_and_loses_its_words():
    event = event_map(
        conversation=A, seq=2, kind="message", actor=B, at="t", id=C, body=None, edited_at="e", deleted_at="d"
    )
    assert (event["body"], event["edited_at"], event["deleted_at"]) == ("", "e", "d")


def test_times_have_milliseconds_and_a_z():
    assert moment(datetime(2026, 11, 23, 4, 5, 6, 7000, tzinfo=UTC)) == "2026-11-23T04:05:06.007Z"
    assert moment(datetime(2026, 11, 23, tzinfo=UTC)) == "2026-11-23T00:00:00.000Z"

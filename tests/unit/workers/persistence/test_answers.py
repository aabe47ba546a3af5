"""Answers are cut to what a frame may hold, and told to the right ones."""

from __future__ import annotations

from broker.flow.credit import Ledger
from broker.link.client import Received
from broker.wire.payloads import Appended, Command, Head, Logged, Message, Outcomes, decode
from workers.persistence.answers import EVENT_BYTES_A_PAYLOAD, OUTCOMES_A_PAYLOAD, Answers, Frame
from workers.persistence.batch import Entry

ROOM = "room"


def entry(frame: Frame) -> Entry[tuple[Frame, int]]:
    """One command that waits in this frame under ref 7."""
    return Entry(Command(7, ROOM, "ann", "id", Message("hi")), b"f", 1, 9.0, (frame, 7), first_only=False)


def frame(source: str, left: int) -> Frame:
    """A frame with so many commands."""
    return Frame(Received(source, 0, ROOM, 9.0, b"", 1, Ledger(1024)), left)


def test_one_payload_per_edge_until_there_is_very_much_to_say():
    """Every outcome arrives once."""
    many, one = frame("edge-1", OUTCOMES_A_PAYLOAD + 1), frame("edge-2", 1)
    answers = Answers()
    for ref in range(OUTCOMES_A_PAYLOAD + 1):
        answers.turned_away((many, ref), "unavailable")
    answers.stored(entry(one), 3, "at", False)
    told = [(node, decode(payload)) for node, payload in answers.to_edges()]
    assert [node for node, _ in told] == ["edge-1", "edge-1", "edge-2"]
    assert all(isinstance(payload, Outcomes) for _, payload in told)
    assert [outcome.ref for _, payload in told[:2] for outcome in payload.items] == list(range(OUTCOMES_A_PAYLOAD + 1))
    assert answers.finished == [many.received, one.received]


def test_large_events_are_spread_over_payloads_in_order():
    """Each payload ends with the event that makes it large enough."""
    answers = Answers()
    for seq in range(1, 8):
        answers.event(ROOM, Logged(seq, "message", None, bytes(EVENT_BYTES_A_PAYLOAD // 3 + 1)))
    told = [decode(payload) for _, payload in answers.to_fanout()]
    assert all(isinstance(payload, Appended) for payload in told)
    assert [[event.seq for event in payload.events] for payload in told] == [[1, 2, 3], [4, 5, 6], [7]]


def test_events_that_fill_a_payload_exactly_leave_no_empty_one():
    """An empty frame would be nothing but cost."""
    answers = Answers()
    answers.event(ROOM, Logged(1, "message", None, bytes(EVENT_BYTES_A_PAYLOAD)))
    assert len(list(answers.to_fanout())) == 1


def test_the_greatest_head_is_told_unless_new_events_tell_more():
    """Fanout fills what it misses before a new event by itself."""
    answers = Answers()
    for seq in (4, 9, 2):
        answers.head("quiet", seq)
    answers.head(ROOM, 5)
    answers.event(ROOM, Logged(6, "message", None, b"event"))
    told = [(conversation, decode(payload)) for conversation, payload in answers.to_fanout()]
    assert [conversation for conversation, _ in told] == [ROOM, "quiet"]
    assert told[1][1] == Head("quiet", 9)

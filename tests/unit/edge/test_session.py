"""One client's session: its life, what it hears and what waits, and when it is too slow."""

from __future__ import annotations

import itertools
from typing import Any, cast

import msgpack
import orjson
import pytest

from broker.wire.payloads import Logged
from edge.socket.frames import websocket_frame
from edge.socket.session import (
    SLOW_BYTES,
    SLOW_SECONDS,
    TRANSITIONS,
    CloseCode,
    Event,
    Prepared,
    Session,
    State,
)
from edge.socket.transport import SocketPort

TALK = "talk"


class Port:
    """A socket whose client takes what it is told to take."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.written = 0
        self.taken = 0

    @property
    def paused(self) -> bool:
        return self.backlog() > 64 * 1024

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.written += len(frame)

    def backlog(self) -> int:
        return self.written - self.taken


def event(seq: int, size: int = 0) -> Logged:
    return Logged(seq, "message", None, msgpack.packb({"type": "event", "seq": seq, "body": "x" * size}))


def prepared(*seqs: int, size: int = 0) -> Prepared:
    return Prepared(TALK, [event(seq, size) for seq in seqs])


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def session(port: Port) -> Session:
    """A client that is past its opening."""
    session = Session("s", cast(SocketPort, port), binary=True)
    session.step(Event.HELLO)
    session.step(Event.READY)
    return session


# Its life -------------------------------------------------------------------


def test_a_session_greets_opens_lives_and_closes(port: Port):
    session = Session("s", cast(SocketPort, port), binary=True)
    states = [session.state]
    for step in (Event.HELLO, Event.READY, Event.CLOSE, Event.CLOSE):
        session.step(step)
        states.append(session.state)
    assert states == [State.GREETING, State.OPENING, State.LIVE, State.CLOSED, State.CLOSED]


@pytest.mark.parametrize(
    ("state", "event"),
    [(state, event) for state, event in itertools.product(State, Event) if event not in TRANSITIONS[state]],
)
def test_a_step_that_the_table_does_not_know_raises_and_changes_nothing(port: Port, state: State, event: Event):
    session = Session("s", cast(SocketPort, port), binary=True)
    session.state = state
    with pytest.raises(KeyError):
        session.step(event)
    assert session.state is state


def test_every_session_can_be_closed():
    assert all(steps[Event.CLOSE] is State.CLOSED for steps in TRANSITIONS.values())


def test_close_codes_are_of_the_range_for_applications_or_policy():
    assert all(code == 1008 or 4400 <= code < 4600 for code in CloseCode)


# What it hears --------------------------------------------------------------


def test_live_events_are_written_as_the_frames_that_were_built_once(session: Session, port: Port):
    events = prepared(4, 5)
    assert session.hear(events)
    assert port.frames == [b"".join(websocket_frame(event(seq).event, binary=True) for seq in (4, 5))]
    assert events.frames(True) is port.frames[0]


def test_a_client_of_json_gets_the_same_events_as_text():
    events = prepared(4)
    frame = events.frames(False)
    assert frame[0] == 0x81
    assert orjson.loads(frame[2:]) == msgpack.unpackb(event(4).event)
    assert events.frames(False) is frame


def test_while_a_log_is_replayed_its_live_events_are_noted_and_others_written(session: Session, port: Port):
    session.seen[TALK] = 0
    for seq in (7, 9, 8):
        assert session.hear(prepared(seq))
    assert session.seen == {TALK: 9}
    assert port.frames == []
    assert session.hear(Prepared("another", [event(1)]))
    assert len(port.frames) == 1


def test_while_it_opens_everything_is_noted_and_once_closed_nothing(port: Port):
    session = Session("s", cast(SocketPort, port), binary=True)
    session.step(Event.HELLO)
    session.hear(prepared(4))
    assert session.seen == {TALK: 4}
    session.step(Event.CLOSE)
    assert session.hear(prepared(5))
    assert session.seen == {TALK: 4}
    assert port.frames == []


# What is said to it ---------------------------------------------------------


def test_an_error_says_only_what_there_is_to_say(session: Session, port: Port):
    def said() -> Any:
        return msgpack.unpackb(port.frames[-1][2:])

    session.error("invalid", "Too long.", id="i", field="body", retry_after=None)
    assert said() == {"type": "error", "code": "invalid", "message": "Too long.", "id": "i", "field": "body"}
    session.error("overloaded", "Busy.", retry_after=1.5)
    assert said() == {"type": "error", "code": "overloaded", "message": "Busy.", "retry_after": 1.5}


# Slow -----------------------------------------------------------------------


def test_a_client_with_more_than_a_megabyte_of_backlog_is_too_slow(session: Session, port: Port):
    big = prepared(1, size=SLOW_BYTES // 2)
    assert session.hear(big)
    assert not session.hear(big)


def test_a_client_that_asked_for_much_is_not_slow_because_it_gets_much(session: Session, port: Port):
    """A page of a replay may be larger than the bound; what comes live behind it is what counts."""
    port.write(b"x" * 3 * SLOW_BYTES)
    session.replayed = port.written
    live = prepared(1, size=SLOW_BYTES // 2)
    assert session.hear(live)
    port.taken = SLOW_BYTES
    assert not session.hear(live)
    port.taken = port.written
    assert session.hear(live)


def test_a_client_that_takes_nothing_for_ten_seconds_is_stalled(session: Session, port: Port):
    port.write(b"x" * 100)
    assert not session.stalled(100.0)
    assert not session.stalled(101.0)
    assert not session.stalled(99.9 + SLOW_SECONDS)
    assert session.stalled(100.0 + SLOW_SECONDS)


def test_a_client_that_takes_a_little_now_and_then_is_not_stalled(session: Session, port: Port):
    port.write(b"x" * 100)
    for second in range(60):
        port.taken += second % 9 == 0
        assert not session.stalled(float(second))
    port.taken = port.written
    for second in range(60, 80):
        assert not session.stalled(float(second))

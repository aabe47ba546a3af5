"""What clients say, in both encodings: whole and valid, or refused with the right code, field and id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from edge.codes import MESSAGES
from edge.socket.frames import (
    BODY_CHARACTERS,
    FRAME_BYTES,
    HELLO_CURSORS,
    MENTIONS,
    SYNC_EVENTS,
    BadFrame,
    Hello,
    Ping,
    Send,
    Sync,
    as_json,
    canonical,
    decode,
    encode,
    text_fault,
    websocket_frame,
)

ID = "0123abcd-0123-4567-89ab-0123456789ab"
TALK = "89ab0123-4567-4abc-8def-0123456789ab"

Say = Callable[[Any], bytes]


@pytest.fixture(params=[True, False], ids=["msgpack", "json"])
def binary(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
def say(binary: bool) -> Say:
    return msgpack.packb if binary else lambda frame: json.dumps(frame).encode()


def send(**fields: Any) -> dict[str, Any]:
    frame = {"type": "send", "id": ID, "conversation": TALK, "body": "x", **fields}
    return {name: value for name, value in frame.items() if value is not ...}


def refused(data: bytes, binary: bool) -> BadFrame:
    with pytest.raises(BadFrame) as fault:
        decode(data, binary=binary)
    assert fault.value.code in MESSAGES
    assert str(fault.value)
    return fault.value


# What is valid --------------------------------------------------------------


def test_every_frame_is_read_with_its_defaults(say: Say, binary: bool):
    assert decode(say({"type": "hello"}), binary=binary) == Hello()
    assert decode(say({"type": "ping"}), binary=binary) == Ping()
    assert decode(say({"type": "sync", "conversation": TALK, "after": 0}), binary=binary) == Sync(TALK, 0, SYNC_EVENTS)
    assert decode(say(send()), binary=binary) == Send(ID, TALK, "x")


def test_every_field_of_every_frame_is_read(say: Say, binary: bool):
    hello = {"type": "hello", "token": "t", "client": "c/1", "epoch": "e", "cursors": {TALK: 0}}
    assert decode(say(hello), binary=binary) == Hello("t", "c/1", "e", {TALK: 0})
    full = send(reply_to=2, mentions=[ID], attachments=[TALK])
    assert decode(say(full), binary=binary) == Send(ID, TALK, "x", 2, (ID,), (TALK,))
    assert decode(say({"type": "ping", "heads": {TALK: 2**53}}), binary=binary) == Ping({TALK: 2**53})


def test_unknown_fields_are_ignored(say: Say, binary: bool):
    assert decode(say(send(mood="fine", later={"a": [1, None, 2.5]})), binary=binary) == Send(ID, TALK, "x")


def test_the_order_of_fields_does_not_matter(say: Say, binary: bool):
    backwards = dict(reversed(send().items()))
    assert decode(say(backwards), binary=binary) == Send(ID, TALK, "x")


def test_ids_are_taken_in_any_case_and_compared_in_lower_case(say: Say, binary: bool):
    frame = decode(say(send(id=ID.upper())), binary=binary)
    assert isinstance(frame, Send)
    assert frame.id == ID.upper()
    assert canonical(frame.id) == ID


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "x" * BODY_CHARACTERS},
        {"body": "😀" * BODY_CHARACTERS},
        {"body": "a\x00b"},
        {"mentions": [ID] * MENTIONS},
        {"reply_to": 1},
        {"reply_to": None},
    ],
)
def test_what_just_fits_is_taken(say: Say, binary: bool, fields: dict[str, Any]):
    assert isinstance(decode(say(send(**fields)), binary=binary), Send)


# What is not ----------------------------------------------------------------

INVALID: list[tuple[dict[str, Any], str]] = [
    (send(id=...), "id"),
    (send(id=5), "id"),
    (send(id=None), "id"),
    (send(id=[ID]), "id"),
    (send(id="no uuid"), "id"),
    (send(id=ID + "\n"), "id"),
    (send(id=f"{{{ID}}}"), "id"),
    (send(id=ID.replace("-", "")), "id"),
    (send(id="\u0660" + ID[1:]), "id"),
    (send(conversation=...), "conversation"),
    (send(conversation="there"), "conversation"),
    (send(body=None), "body"),
    (send(body=7), "body"),
    (send(body="x" * (BODY_CHARACTERS + 1)), "body"),
    (send(body="😀" * (BODY_CHARACTERS + 1)), "body"),
    (send(reply_to=0), "reply_to"),
    (send(reply_to="1"), "reply_to"),
    (send(reply_to=True), "reply_to"),
    (send(reply_to=2**53 + 1), "reply_to"),
    (send(mentions=ID), "mentions"),
    (send(mentions=["ann"]), "mentions"),
    (send(mentions=[7]), "mentions"),
    (send(mentions=[ID] * (MENTIONS + 1)), "mentions"),
    (send(attachments=[{}]), "attachments"),
    ({"type": "sync", "after": 0}, "conversation"),
    ({"type": "sync", "conversation": TALK}, "after"),
    ({"type": "sync", "conversation": TALK, "after": -1}, "after"),
    ({"type": "sync", "conversation": TALK, "after": 1.5}, "after"),
    ({"type": "sync", "conversation": TALK, "after": 0, "limit": 0}, "limit"),
    ({"type": "sync", "conversation": TALK, "after": 0, "limit": SYNC_EVENTS + 1}, "limit"),
    ({"type": "hello", "token": "x" * 8193}, "token"),
    ({"type": "hello", "client": 1}, "client"),
    ({"type": "hello", "client": "x" * 201}, "client"),
    ({"type": "hello", "epoch": []}, "epoch"),
    ({"type": "hello", "cursors": []}, "cursors"),
    ({"type": "hello", "cursors": {"there": 1}}, "cursors"),
    ({"type": "hello", "cursors": {TALK: -1}}, "cursors"),
    ({"type": "hello", "cursors": {TALK: "1"}}, "cursors"),
    ({"type": "ping", "heads": {TALK: None}}, "heads"),
    ({"type": "ping", "heads": {TALK + "\n": 1}}, "heads"),
]


@pytest.mark.parametrize(("frame", "field"), INVALID)
def test_a_field_that_is_not_valid_is_named(say: Say, binary: bool, frame: dict[str, Any], field: str):
    fault = refused(say(frame), binary)
    assert (fault.code, fault.field) == ("invalid", field)
    given = frame.get("id")
    assert fault.id == (given if isinstance(given, str) else None)


@pytest.mark.parametrize("field", ["cursors", "heads"])
def test_more_logs_than_may_be_named_at_once_are_too_large(say: Say, binary: bool, field: str):
    logs = {f"{at:08x}{ID[8:]}": 1 for at in range(HELLO_CURSORS + 1)}
    fault = refused(say({"type": "hello" if field == "cursors" else "ping", field: logs}), binary)
    assert (fault.code, fault.field) == ("too_large", field)
    del logs[f"{0:08x}{ID[8:]}"]
    data = say({"type": "hello" if field == "cursors" else "ping", field: logs})
    assert len(data) <= FRAME_BYTES
    decode(data, binary=binary)


def test_an_unknown_type_is_called_so_under_its_id(say: Say, binary: bool):
    fault = refused(say({"type": "dance", "id": ID, "with": "whom"}), binary)
    assert (fault.code, fault.field, fault.id) == ("unknown_type", None, ID)
    assert "dance" in str(fault)


@pytest.mark.parametrize("id", [7, None, ["x"], {"a": 1}, "x" * 65])
def test_an_id_that_cannot_be_one_is_not_echoed(say: Say, binary: bool, id: Any):
    fault = refused(say({"type": "dance", "id": id}), binary)
    assert (fault.code, fault.id) == ("unknown_type", None)


def test_a_long_type_is_not_echoed_whole(say: Say, binary: bool):
    assert len(str(refused(say({"type": "x" * 60_000}), binary))) < 100


@pytest.mark.parametrize(
    "frame", [None, 7, "hello", [], [{"type": "ping"}], {}, {"id": ID}, {"type": 5}, {"type": None}]
)
def test_what_is_no_map_with_a_type_is_a_bad_frame(say: Say, binary: bool, frame: Any):
    fault = refused(say(frame), binary)
    assert (fault.code, fault.field, fault.id) == ("bad_frame", None, None)


@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_frame_cut_short_is_a_bad_frame(say: Say, binary: bool, size: int):
    assert refused(say(send())[:size], binary).code == "bad_frame"


def test_a_frame_with_something_behind_it_is_a_bad_frame(say: Say, binary: bool):
    assert refused(say({"type": "ping"}) * 2, binary).code == "bad_frame"


# Bombs and broken text ------------------------------------------------------


def packed(frame: dict[str, Any], name: str, value: bytes) -> bytes:
    """A msgpack map with one more field, whose value is these bytes."""
    head = msgpack.packb(frame)
    return bytes([head[0] + 1]) + head[1:] + msgpack.packb(name) + value


def written(frame: dict[str, Any], name: str, value: bytes) -> bytes:
    """The same as JSON."""
    return json.dumps(frame).encode()[:-1] + b', "%s": %s}' % (name.encode(), value)


DEEP = [
    *[(True, name, b"\x91" * 60_000 + b"\xc0") for name in ("later", "mentions", "id", "body")],
    *[(True, "later", b"\x81\xa1a" * 20_000 + b"\xc0")],
    *[(False, name, b"[" * 30_000 + b"]" * 30_000) for name in ("later", "mentions", "id", "body")],
    *[(False, "later", b'{"a":' * 10_000 + b"1" + b"}" * 10_000)],
]


@pytest.mark.parametrize(("binary", "name", "value"), DEEP)
@pytest.mark.parametrize("kind", ["send", "dance"])
def test_nested_as_deep_as_a_frame_allows_it_is_refused_and_nothing_falls_over(
    binary: bool, name: str, value: bytes, kind: str
):
    frame = send(type=kind, **{name: ...})
    data = (packed if binary else written)(frame, name, value)
    assert len(data) <= FRAME_BYTES
    assert refused(data, binary).code in ("bad_frame", "invalid", "unknown_type")


CLAIMS = {"array32": b"\xdd", "map32": b"\xdf", "str32": b"\xdb", "bin32": b"\xc6", "ext32": b"\xc9"}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
@pytest.mark.parametrize("name", ["later", "id", "body", "mentions"])
def test_a_claim_of_four_billion_items_allocates_none_of_them(claim: bytes, name: str):
    data = packed(send(**{name: ...}), name, claim + b"\xff\xff\xff\xff")
    assert refused(data, True).code == "bad_frame"
    assert refused(claim + b"\xff\xff\xff\xff", True).code == "bad_frame"
    nested = packed(send(**{name: ...}), name, (b"\xdd\xff\xff\xff\xff") * 10_000)
    assert refused(nested, True).code == "bad_frame"


@pytest.mark.parametrize("junk", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"a\xe2\x82"])
def test_text_that_is_not_utf8_is_a_bad_frame(junk: bytes):
    assert refused(packed(send(body=...), "body", bytes([0xA0 + len(junk)]) + junk), True).code == "bad_frame"
    assert refused(written(send(body=...), "body", b'"%s"' % junk), False).code == "bad_frame"


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udc00x", rb"\ud800\ud800"])
def test_a_lone_surrogate_in_json_is_a_bad_frame(escape: bytes):
    assert refused(written(send(body=...), "body", b'"%s"' % escape), False).code == "bad_frame"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e400", b"0x1", b"01"])
def test_what_is_no_number_of_json_is_refused(number: bytes):
    data = written({"type": "sync", "conversation": TALK}, "after", number)
    assert refused(data, False).code in ("bad_frame", "invalid")


def test_binary_strings_are_no_text():
    fault = refused(packed(send(body=...), "body", b"\xc4\x01x"), True)
    assert (fault.code, fault.field) == ("invalid", "body")


@given(st.binary(max_size=200), st.booleans())
def test_whatever_bytes_come_the_answer_is_a_frame_or_a_refusal(data: bytes, binary: bool):
    try:
        decode(data, binary=binary)
    except BadFrame as fault:
        assert fault.code in ("bad_frame", "unknown_type", "invalid", "too_large")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just(ID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = ("id", "conversation", "body", "reply_to", "mentions", "after", "limit", "token", "cursors", "heads", "x")


@given(
    st.sampled_from(["send", "sync", "hello", "ping", "dance"]),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
)
def test_both_encodings_take_and_refuse_alike(kind: str, fields: dict[str, Any]):
    frame = {"type": kind, **fields}
    answers = []
    for binary in (True, False):
        data = msgpack.packb(frame) if binary else json.dumps(frame).encode()
        try:
            answers.append(decode(data, binary=binary))
        except BadFrame as fault:
            answers.append((fault.code, fault.field, fault.id))
    assert answers[0] == answers[1]


# Text -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["é", "😀", "a\ufeff", "\n\t\x01a"])
def test_text_that_a_database_takes_has_no_fault(text: str):
    assert text_fault(text) is None


@pytest.mark.parametrize(
    ("text", "word"), [("a\x00", "NUL"), ("a\ud800", "surrogate"), ("", "nothing"), (" \n", "nothing")]
)
def test_text_that_no_database_takes_or_that_says_nothing_has_one(text: str, word: str):
    assert word in (text_fault(text) or "")


# What the server says -------------------------------------------------------


def test_a_frame_of_ours_reads_the_same_in_both_encodings():
    frame = {"type": "ack", "id": ID, "conversation": TALK, "seq": 7, "at": "2026-11-23T04:05:06.789Z"}
    assert msgpack.unpackb(encode(frame, binary=True)) == orjson.loads(encode(frame, binary=False)) == frame
    assert orjson.loads(as_json(encode(frame, binary=True))) == frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("binary", [True, False])
def test_a_websocket_frame_is_what_a_library_of_websockets_reads(size: int, binary: bool):
    payload = b"x" * size
    reader = StreamReader()
    reader.feed_data(websocket_frame(payload, binary=binary))
    reader.feed_eof()
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    frame: Frame = parsed.value.value
    assert (frame.opcode, frame.fin) == (Opcode.BINARY if binary else Opcode.TEXT, True)
    assert bytes(frame.data) == payload

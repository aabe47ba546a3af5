"""What clients say on the WebSocket, as types; and both encodings of it.

The structs are the specification (docs/protocol.md is written from them): a frame is a map with a `type`, unknown
fields are ignored. Decoders are made once, with the limits of the protocol in the types, so that a frame either
arrives whole and valid or is refused with a typed error before any of our code sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

import msgspec
import orjson
from msgspec import Meta

from broker.wire.payloads import Id
from edge.validation import explained

UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$(?!\n)"

AnyId = Annotated[
    str,
    Meta(
        pattern=UUID_PATTERN,
        description="A UUID; the server says it in lower case.",
        extra_json_schema={"format": "uuid"},
    ),
]
"""A UUID as a client writes it; `canonical` makes it the lower-case string that Parley uses everywhere."""

Seq = Annotated[int, Meta(ge=1, le=2**53, description="A place in a conversation's log.")]
Cursor = Annotated[int, Meta(ge=0, le=2**53, description="The last seq that one has; 0: none.")]
Emoji = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\s\x00-\x1f\x7f]+$(?!\n)",
        description="Any text without blanks and control characters.",
    ),
]
"""What an emoji is changes every year, and teams have their own."""

MSGPACK = "parley.v1.msgpack"
JSON = "parley.v1.json"
SUBPROTOCOLS = (MSGPACK, JSON)

FRAME_BYTES = 64 * 1024
BODY_CHARACTERS = 10_000
HELLO_CURSORS = 500
READY_CONVERSATIONS = 200
SYNC_EVENTS = 200
MENTIONS = 100
ATTACHMENTS = 10


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="type"):
    """The first frame, said once: who is there, and how far the client has applied each log.

    Without a cursor a conversation's live events come all the same, behind the `head` that `ready` names.
    """

    token: (
        Annotated[str, Meta(max_length=8192, description="Or an `Authorization: Bearer` header; never in the URL.")]
        | None
    ) = None
    client: Annotated[str, Meta(max_length=200, description="Name and version of the program, for logs.")] = ""
    epoch: (
        Annotated[
            str,
            Meta(
                max_length=100, description="The epoch that the cursors are of; cursors without it count for nothing."
            ),
        ]
        | None
    ) = None
    cursors: Annotated[
        dict[AnyId, Cursor],
        Meta(
            max_length=HELLO_CURSORS,
            description="By conversation the last seq applied; what is more follows as `sync`.",
        ),
    ] = {}

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "hello",
        "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YTFmIn0.c2lnbmF0dXJl",
        "client": "example/1",
        "epoch": "7437112233445566778-1",
        "cursors": {"5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10": 42},
    }


class Send(msgspec.Struct, frozen=True, tag="send", tag_field="type"):
    """Ask for a message to be stored. `id` is the sender's and never expires: say it again while it has no answer.

    Commands of a conversation may overtake each other where one is refused for now; who must keep their
    order says the next one when the last is answered.
    """

    id: AnyId
    conversation: AnyId
    body: Annotated[
        str, Meta(max_length=BODY_CHARACTERS, description="Not only blanks, no NUL; may be empty beside attachments.")
    ] = ""
    reply_to: Annotated[Seq, Meta(description="The seq of the message that this answers.")] | None = None
    mentions: Annotated[
        tuple[AnyId, ...], Meta(max_length=MENTIONS, description="Members whom it names; others are invalid.")
    ] = ()
    attachments: Annotated[
        tuple[AnyId, ...],
        Meta(max_length=ATTACHMENTS, description="Files that the sender uploaded, each once; others are invalid."),
    ] = ()

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "send",
        "id": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "body": "Good morning to you",
        "reply_to": 42,
    }


class Edit(msgspec.Struct, frozen=True, tag="edit", tag_field="type"):
    """Replace the text of one's own message `seq`."""

    id: AnyId
    conversation: AnyId
    seq: Seq
    body: Annotated[str, Meta(min_length=1, max_length=BODY_CHARACTERS, description="The new text, as of `send`.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "edit",
        "id": "c8a5e3d2-7b6f-4c4d-9eaf-2f3b4c5d6e7f",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
        "body": "Good morning to you all",
    }


class Delete(msgspec.Struct, frozen=True, tag="delete", tag_field="type"):
    """Take the message `seq` back: its text is gone for everybody, its place stays."""

    id: AnyId
    conversation: AnyId
    seq: Seq

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "delete",
        "id": "c8a5e3d2-7b6f-4c4d-9eaf-2f3b4c5d6e7f",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
    }


class React(msgspec.Struct, frozen=True, tag="react", tag_field="type"):
    """Put an emoji of one's own to the message `seq`, or take it away."""

    id: AnyId
    conversation: AnyId
    seq: Seq
    emoji: Emoji
    on: Annotated[bool, Meta(description="Put it there, or take it away.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "react",
        "id": "c8a5e3d2-7b6f-4c4d-9eaf-2f3b4c5d6e7f",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
        "emoji": "👍",
        "on": True,
    }


class Read(msgspec.Struct, frozen=True, tag="read", tag_field="type"):
    """Everything up to `seq` is read, and so has arrived. State, no command: the greatest wins, at most the head.

    Written at most once a second, and answered by one's own `receipt` when it is stored; without one within 5 s say it
    again. `resync` with `not_member`: it was none of one's own.
    """

    conversation: AnyId
    seq: Cursor

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "read",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
    }


class Delivered(msgspec.Struct, frozen=True, tag="delivered", tag_field="type"):
    """Everything up to `seq` has arrived; otherwise as `read`. Say it at most once a second."""

    conversation: AnyId
    seq: Cursor

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "delivered",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
    }


class Typing(msgspec.Struct, frozen=True, tag="typing", tag_field="type"):
    """One begins to type, goes on, or ceases. It ends by itself after 6 s, or with one's next message.

    Told to the other members; a beginning at most every 2 s. Where one is no member, nothing comes of it.
    """

    conversation: AnyId
    on: Annotated[bool, Meta(description="True, said again every 3 to 5 s while it goes on; or false.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "typing",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "on": True,
    }


class Presence(msgspec.Struct, frozen=True, tag="presence", tag_field="type"):
    """Whether whoever sits at this client is there: `online` from hello on, until said otherwise.

    An account is as present as its most present session, and `offline` 8 s after its last one ended.
    """

    state: Literal["online", "away"]

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "presence", "state": "away"}


class Watch(msgspec.Struct, frozen=True, tag="watch", tag_field="type"):
    """The conversation is on screen: its members' presence is told until `unwatch`, or the end of the connection.

    Answered with how each member is, oneself included (of more than 100 those who are there first), then with what
    changes. At most 20 at a time, and two changes a second, 20 at a stroke: beyond it `rate_limited`.
    Where one is no member, nothing comes of it.
    """

    conversation: AnyId

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "watch", "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10"}


class Unwatch(msgspec.Struct, frozen=True, tag="unwatch", tag_field="type"):
    """It is on screen no longer."""

    conversation: AnyId

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "unwatch", "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10"}


class Sync(msgspec.Struct, frozen=True, tag="sync", tag_field="type"):
    """Ask for the events of one log after a seq: up to `limit` of them, then `caught_up`; or `resync`.

    Live events may come in between. At most eight at a time: beyond it `rate_limited`, without an `id`.
    """

    conversation: AnyId
    after: Cursor
    limit: Annotated[int, Meta(ge=1, le=SYNC_EVENTS, description="Events at most.")] = SYNC_EVENTS

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "sync",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "after": 41,
    }


class Ping(msgspec.Struct, frozen=True, tag="ping", tag_field="type"):
    """The client's heartbeat: what it has, so that the edge can send what it lacks.

    What was sent less than 2 s ago may be on its way, and is not sent again before the next ping. Lists what it lacks
    conversation by conversation, each with `caught_up` behind it, then `pong`.
    """

    heads: Annotated[
        dict[AnyId, Cursor],
        Meta(
            max_length=HELLO_CURSORS, description="By conversation the last seq applied: all, or the 200 last active."
        ),
    ] = {}

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "ping", "heads": {"5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10": 43}}


Wish: TypeAlias = Send | Edit | Delete | React
"""A durable command: answered by exactly one `ack` or `error` with its id."""

Ephemeron: TypeAlias = Typing | Presence | Watch | Unwatch
"""Passed on and forgotten: nothing answers it."""

ClientFrame: TypeAlias = Hello | Wish | Read | Delivered | Ephemeron | Sync | Ping

FRAME_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(ClientFrame))


class Envelope(msgspec.Struct):
    """The least that every frame has; read only when the whole could not be."""

    type: str
    id: Any = None


class BadFrame(ValueError):
    """A frame is not a map that this protocol knows. `code`, `field` and `id` are what the client is told."""

    def __init__(self, code: str, message: str, *, field: str | None = None, id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.id = id


_decode = {
    True: msgspec.msgpack.Decoder(ClientFrame).decode,
    False: msgspec.json.Decoder(ClientFrame).decode,
}
_decode_envelope = {
    True: msgspec.msgpack.Decoder(Envelope).decode,
    False: msgspec.json.Decoder(Envelope).decode,
}
_encode_msgpack = msgspec.msgpack.Encoder().encode
_decode_map = msgspec.msgpack.Decoder(dict[str, Any]).decode


def decode(data: bytes, *, binary: bool) -> ClientFrame:
    """One frame from the client; raises `BadFrame` (bad_frame, unknown_type, or invalid with the field)."""
    try:
        frame: ClientFrame = _decode[binary](data)
    except msgspec.ValidationError as fault:
        raise _explain(data, binary, fault) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadFrame("bad_frame", f"The frame cannot be decoded: {fault}.") from None
    return frame


def _explain(data: bytes, binary: bool, fault: msgspec.ValidationError) -> BadFrame:
    try:
        envelope = _decode_envelope[binary](data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return BadFrame("bad_frame", "A frame is a map with a `type`.")
    if envelope.type not in FRAME_TYPES:
        return BadFrame("unknown_type", f"No frame is called {envelope.type[:40]!r}.", id=_echoed(envelope.id))
    what, field = explained(fault)
    if field in ("cursors", "heads") and "length <= " in str(fault):
        return BadFrame("too_large", what, field=field)
    return BadFrame("invalid", what, field=field, id=_echoed(envelope.id))


def _echoed(id: Any) -> str | None:
    return id if isinstance(id, str) and len(id) <= 64 else None


def canonical(id: str) -> Id:
    """The form in which an id is compared, stored and sent."""
    return id.lower()


def text_fault(text: str) -> str | None:
    """Why this text cannot be stored, or None: it says nothing, or PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    if not text.strip():
        return "It says nothing."
    if "\x00" in text:
        return "A text may not contain NUL."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "A text may not contain a lone surrogate."
    return None


def encode(frame: Mapping[str, Any], *, binary: bool) -> bytes:
    """A server's frame as the payload of a WebSocket message."""
    return _encode_msgpack(frame) if binary else orjson.dumps(frame)


def as_json(packed: bytes) -> bytes:
    """An event that arrived as msgpack, for the clients that chose JSON."""
    return orjson.dumps(_decode_map(packed))


def packed(said: Iterable[Mapping[str, Any]], *, binary: bool) -> bytes:
    """Frames of ours, finished for the socket, one behind the other."""
    return b"".join([websocket_frame(encode(frame, binary=binary), binary=binary) for frame in said])


def websocket_frame(payload: bytes, *, binary: bool) -> bytes:
    """The unmasked, final WebSocket frame around `payload` (RFC 6455, 5.2): built once, written to many."""
    head = 0x82 if binary else 0x81
    size = len(payload)
    if size < 126:
        return bytes((head, size)) + payload
    if size < 65536:
        return bytes((head, 126)) + size.to_bytes(2, "big") + payload
    return bytes((head, 127)) + size.to_bytes(8, "big") + payload

"""What clients say on the WebSocket, as types; and both encodings of it.

The structs are the specification (docs/protocol.md is written from them): a frame is a map with a `type`, unknown
fields are ignored. Decoders are made once, with the limits of the protocol in the types, so that a frame either
arrives whole and valid or is refused with a typed error before any of our code sees it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import orjson

from broker.wire.payloads import Id
from edge.validation import explained

UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$(?!\n)"

AnyId = Annotated[str, msgspec.Meta(pattern=UUID_PATTERN)]
"""A UUID as a client writes it; `canonical` makes it the lower-case string that Parley uses everywhere."""

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Emoji = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x1f\x7f]+$(?!\n)")]
"""Any text without blanks and control characters: what an emoji is changes every year, and teams have their own."""
Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

MSGPACK = "parley.v1.msgpack"
JSON = "parley.v1.json"
SUBPROTOCOLS = (MSGPACK, JSON)

FRAME_BYTES = 64 * 1024
BODY_CHARACTERS = 10_000
HELLO_CURSORS = 500
READY_CONVERSATIONS = 200
SYNC_EVENTS = 200
MENTIONS = 100


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="type"):
    """The first frame: who is there, and how far each of its logs has been read."""

    token: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    client: Annotated[str, msgspec.Meta(max_length=200)] = ""
    epoch: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    cursors: Annotated[dict[AnyId, Cursor], msgspec.Meta(max_length=HELLO_CURSORS)] = {}


class Send(msgspec.Struct, frozen=True, tag="send", tag_field="type"):
    """Ask for a message to be stored. `id` is the sender's and never expires."""

    id: AnyId
    conversation: AnyId
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=BODY_CHARACTERS)]
    reply_to: Seq | None = None
    mentions: Annotated[tuple[AnyId, ...], msgspec.Meta(max_length=MENTIONS)] = ()
    attachments: Annotated[tuple[AnyId, ...], msgspec.Meta(max_length=MENTIONS)] = ()


class Edit(msgspec.Struct, frozen=True, tag="edit", tag_field="type"):
    """Replace the text of one's own message `seq`."""

    id: AnyId
    conversation: AnyId
    seq: Seq
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=BODY_CHARACTERS)]


class Delete(msgspec.Struct, frozen=True, tag="delete", tag_field="type"):
    """Take the message `seq` back: its text is gone for everybody, its place stays."""

    id: AnyId
    conversation: AnyId
    seq: Seq


class React(msgspec.Struct, frozen=True, tag="react", tag_field="type"):
    """Put an emoji of one's own to the message `seq`, or take it away."""

    id: AnyId
    conversation: AnyId
    seq: Seq
    emoji: Emoji
    on: bool


class Read(msgspec.Struct, frozen=True, tag="read", tag_field="type"):
    """Everything up to `seq` is read. State, no command: answered by one's own `receipt`."""

    conversation: AnyId
    seq: Cursor


class Delivered(msgspec.Struct, frozen=True, tag="delivered", tag_field="type"):
    """Everything up to `seq` has arrived; likewise. At most once a second."""

    conversation: AnyId
    seq: Cursor


class Typing(msgspec.Struct, frozen=True, tag="typing", tag_field="type"):
    """One begins to type, goes on, or ceases. It ends by itself after 6 s."""

    conversation: AnyId
    on: bool


class Presence(msgspec.Struct, frozen=True, tag="presence", tag_field="type"):
    """Whether whoever sits at this client is there. An account is as present as its most present session."""

    state: Literal["online", "away"]


class Watch(msgspec.Struct, frozen=True, tag="watch", tag_field="type"):
    """The conversation is on screen: its members' presence is told until `unwatch`. At most 20 at a time."""

    conversation: AnyId


class Unwatch(msgspec.Struct, frozen=True, tag="unwatch", tag_field="type"):
    """It is on screen no longer."""

    conversation: AnyId


class Sync(msgspec.Struct, frozen=True, tag="sync", tag_field="type"):
    """Ask for the events of one log after a seq."""

    conversation: AnyId
    after: Cursor
    limit: Annotated[int, msgspec.Meta(ge=1, le=SYNC_EVENTS)] = SYNC_EVENTS


class Ping(msgspec.Struct, frozen=True, tag="ping", tag_field="type"):
    """The client's heartbeat: what it has, so that the edge can send what it lacks."""

    heads: Annotated[dict[AnyId, Cursor], msgspec.Meta(max_length=HELLO_CURSORS)] = {}


Wish: TypeAlias = Send | Edit | Delete | React
"""A durable command: answered by exactly one `ack` or `error` with its id."""

Ephemeron: TypeAlias = Typing | Presence | Watch | Unwatch
"""Passed on and forgotten: nothing answers it."""

ClientFrame: TypeAlias = Hello | Wish | Read | Delivered | Ephemeron | Sync | Ping

FRAME_TYPES = frozenset(
    {
        "hello",
        "send",
        "edit",
        "delete",
        "react",
        "read",
        "delivered",
        "typing",
        "presence",
        "watch",
        "unwatch",
        "sync",
        "ping",
    }
)


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


def encode(frame: dict[str, Any], *, binary: bool) -> bytes:
    """A server's frame as the payload of a WebSocket message."""
    return _encode_msgpack(frame) if binary else orjson.dumps(frame)


def as_json(packed: bytes) -> bytes:
    """An event that arrived as msgpack, for the clients that chose JSON."""
    return orjson.dumps(_decode_map(packed))


def websocket_frame(payload: bytes, *, binary: bool) -> bytes:
    """The unmasked, final WebSocket frame around `payload` (RFC 6455, 5.2): built once, written to many."""
    head = 0x82 if binary else 0x81
    size = len(payload)
    if size < 126:
        return bytes((head, size)) + payload
    if size < 65536:
        return bytes((head, 126)) + size.to_bytes(2, "big") + payload
    return bytes((head, 127)) + size.to_bytes(8, "big") + payload

"""What the server says on the WebSocket, as types: the specification of its frames, for documents and tests.

Every frame in tests is compared with what stands here; events are in `events.py`.

A field whose type includes `UnsetType` is left out where it does not apply; it is never null.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from edge.codes import MESSAGES
from edge.terms import AccountId, CommandId, ConversationId, Epoch, EventSeq, Moment, Reached, Role, Unread


class ReadyAccount(msgspec.Struct):
    """Who the session is."""

    id: AccountId
    name: str
    role: Role


class ReadyLimits(msgspec.Struct):
    """What a client may do at most."""

    frame: Annotated[int, Meta(description="Bytes of a frame.")]
    body: Annotated[int, Meta(description="Characters of a message.")]
    rate: Annotated[
        float, Meta(description="Commands a second of the account, over all its sockets and HTTP; 0: no limit.")
    ]
    burst: Annotated[int, Meta(description="Commands at once.")]
    file: Annotated[int, Meta(description="Bytes of a file.")]
    attachments: Annotated[int, Meta(description="Files of a message.")]


class ReadyConversation(msgspec.Struct):
    """A conversation of the account, and where it stands."""

    id: ConversationId
    head: Annotated[Reached, Meta(description="The last seq of its log.")]
    read: Annotated[Reached, Meta(description="How far the account has read it.")]
    unread: Unread


class ReadyFrame(msgspec.Struct, tag="ready", tag_field="type"):
    """Hello was believed: the session is open. Replays for the cursors follow.

    Watches, typing and presence of an earlier connection are forgotten: say again what still holds.
    """

    session: Annotated[str, Meta(description="The session's id, for logs.")]
    account: ReadyAccount
    epoch: Epoch
    time: Annotated[Moment, Meta(description="The server's clock.")]
    heartbeat: Annotated[float, Meta(description="Seconds between the client's pings.")]
    limits: ReadyLimits
    conversations: Annotated[list[ReadyConversation], Meta(max_length=200, description="The 200 last active.")]
    more: Annotated[bool, Meta(description="True: `GET conversations` has others.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "ready",
        "session": "0c8e7b6a-5f4d-4e3c-9b2a-190807060504",
        "account": {"id": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b", "name": "Clara Jensen", "role": "client"},
        "epoch": "7437112233445566778-1",
        "time": "2026-11-23T09:00:00.000Z",
        "heartbeat": 25,
        "limits": {
            "frame": 65536,
            "body": 10000,
            "rate": 10.0,
            "burst": 30,
            "file": 10485760,
            "attachments": 10,
        },
        "conversations": [{"id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10", "head": 42, "read": 41, "unread": 1}],
    }


class CaughtUpFrame(msgspec.Struct, tag="caught_up", tag_field="type"):
    """How far a replay went. After hello or a ping the live stream goes on behind `seq`; after `sync`, `seq` below
    `head` means: ask again."""

    conversation: ConversationId
    seq: Reached
    head: Annotated[Reached, Meta(description="The last seq of the log.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "caught_up",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 42,
        "head": 42,
    }


class ResyncFrame(msgspec.Struct, tag="resync", tag_field="type"):
    """What the client knows of the conversation (none: of all) counts no more.

    `not_member`: one may not read it, any more or at all; forget it. `epoch`: the database is another one, or the
    cursors came without its epoch. `cursor_ahead`: the cursor lies beyond the log. After these two read it over HTTP
    (`GET conversations/{id}` for its head, then its events `before` head + 1), put the cursor to that head, and
    apply what comes behind it as ever.
    """

    reason: Literal["epoch", "cursor_ahead", "not_member"]
    conversation: ConversationId | UnsetType = UNSET
    epoch: Annotated[Epoch, Meta(description="The new epoch, with reason `epoch`.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "resync", "reason": "epoch", "epoch": "7437112233445566778-2"}


class AckFrame(msgspec.Struct, tag="ack", tag_field="type"):
    """The command is stored, for good: it is on disk."""

    id: Annotated[CommandId, Meta(description="The command's id.")]
    conversation: ConversationId
    seq: EventSeq
    at: Moment

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "ack",
        "id": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
        "at": "2026-11-23T09:00:03.118Z",
    }


class ReceiptFrame(msgspec.Struct, tag="receipt", tag_field="type"):
    """How far an account has read and been handed a log; it is stored. One's own markers are answered by it.

    Others' come where there are at most 32 members, at most one a second of each; one that was lost is not sent again:
    `GET conversations/{id}` tells all, so read it when a conversation is opened or come back to. Keep the greatest.
    """

    conversation: ConversationId
    account: AccountId
    read: Reached
    delivered: Reached

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "receipt",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "account": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "read": 42,
        "delivered": 43,
    }


class TypingFrame(msgspec.Struct, tag="typing", tag_field="type"):
    """Another member types, or ceased. Forget it after 6 s, or when a message of theirs comes."""

    conversation: ConversationId
    account: AccountId
    on: bool

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "typing",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "account": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
        "on": True,
    }


class PresenceFrame(msgspec.Struct, tag="presence", tag_field="type"):
    """How present a member of a watched conversation is."""

    account: AccountId
    state: Literal["online", "away", "offline"]
    last_seen: Annotated[Moment | None, Meta(description="Of who is offline, where it is known.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "presence",
        "account": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
        "state": "offline",
        "last_seen": "2026-11-23T08:55:00.000Z",
    }


class ErrorFrame(msgspec.Struct, tag="error", tag_field="type"):
    """Something was refused, or could not be done; the codes say whether that is final.

    With `id` it is the answer to that command. Without, it speaks of a frame that has no id, or of the connection,
    which is then closed behind it where the close codes say so.
    """

    code: Annotated[str, Meta(extra_json_schema={"enum": [code for code in MESSAGES if code != "method_not_allowed"]})]
    message: Annotated[str, Meta(description="For a person.")]
    id: Annotated[str, Meta(max_length=64, description="Which command, as it was given.")] | UnsetType = UNSET
    field: Annotated[str, Meta(description="The field that is wrong.")] | UnsetType = UNSET
    retry_after: (
        Annotated[float, Meta(ge=0, description="Seconds, with fractions, before the next attempt.")] | UnsetType
    ) = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "error",
        "code": "invalid",
        "message": "It says nothing.",
        "id": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
        "field": "body",
    }


class PongFrame(msgspec.Struct, tag="pong", tag_field="type"):
    """The answer to a ping; what the ping's heads lacked, but for what was sent less than 2 s ago, came before it."""

    time: Annotated[Moment, Meta(description="The server's clock.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "pong", "time": "2026-11-23T09:00:25.004Z"}


class ByeFrame(msgspec.Struct, tag="bye", tag_field="type"):
    """The server stops: come back after so long, to any edge."""

    reason: Literal["draining"]
    reconnect_after: Annotated[float, Meta(ge=0, description="Seconds; each client is told another number.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"type": "bye", "reason": "draining", "reconnect_after": 1.732}


Spoken: TypeAlias = (
    ReadyFrame
    | CaughtUpFrame
    | ResyncFrame
    | AckFrame
    | ReceiptFrame
    | TypingFrame
    | PresenceFrame
    | ErrorFrame
    | PongFrame
    | ByeFrame
)
"""Every frame of the server that is no event, by `type`."""

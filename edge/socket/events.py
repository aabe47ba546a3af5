"""The events of a log as clients get them, as types: the same map in a frame and over HTTP.

The hot paths do not go through these: an event is encoded once, by whoever appended it, and its bytes are passed on.
A field whose type includes `UnsetType` is left out where it does not apply; it is never null.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from edge.socket.frames import Emoji
from edge.terms import (
    AccountId,
    CommandId,
    ConversationId,
    EventSeq,
    FileId,
    FileState,
    Moment,
    Pixels,
    ProjectId,
    Reason,
    Revision,
    Signature,
    Status,
)


class _Event(msgspec.Struct, kw_only=True, tag_field="kind"):
    type: Literal["event"]
    conversation: ConversationId
    seq: EventSeq
    actor: Annotated[AccountId, Meta(description="The account that did it.")]
    at: Moment


class Attachment(msgspec.Struct, kw_only=True):
    """A file of a message, as it is now. Only of a clean one there is anything to have."""

    id: FileId
    name: Annotated[str, Meta(description="Cleaned: no path, no control characters.")]
    type: Annotated[str, Meta(description="Its MIME type, which its ending and its content agree on.")]
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    state: FileState
    revision: Revision
    previews: Annotated[bool, Meta(description="An image that is clean: `shown`, `large` and `small` can be had.")]
    reason: Reason | UnsetType = UNSET
    signature: Signature | UnsetType = UNSET
    width: Pixels | UnsetType = UNSET
    height: Pixels | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d",
        "name": "bridge.png",
        "type": "image/png",
        "size": 48213,
        "state": "clean",
        "revision": 1,
        "previews": True,
        "width": 1600,
        "height": 900,
    }


class CreatedEvent(_Event, tag="created", kw_only=True):
    """The conversation began. Always seq 1."""

    subject: str
    project: ProjectId | None
    members: Annotated[list[AccountId], Meta(description="Who were members from the start, the creator first.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 1,
        "kind": "created",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T08:58:00.000Z",
        "subject": "Harbour Bridge",
        "project": None,
        "members": ["9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b", "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1"],
    }


class MessageEvent(_Event, tag="message", kw_only=True):
    """Somebody said something. It is shown as it is now: an edit or a deletion changes it wherever it is read again."""

    id: Annotated[CommandId, Meta(description="The id under which its sender sent it.")]
    body: Annotated[str, Meta(description="Its current text; empty when it was deleted.")]
    attachments: Annotated[list[Attachment], Meta(max_length=10, description="Its files; none when it was deleted.")]
    reply_to: Annotated[EventSeq, Meta(description="The seq of the message that it answers.")] | UnsetType = UNSET
    mentions: Annotated[list[AccountId], Meta(description="The members whom it names.")] | UnsetType = UNSET
    edited_at: Annotated[Moment, Meta(description="When it got this text, if not at first.")] | UnsetType = UNSET
    deleted_at: Annotated[Moment, Meta(description="When it was taken back, if it was.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
        "kind": "message",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:00:03.118Z",
        "id": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
        "body": "Good morning to you",
        "attachments": [],
        "reply_to": 42,
    }


class MemberJoinedEvent(_Event, tag="member_joined", kw_only=True):
    """Somebody became a member, and may read the whole log."""

    account: Annotated[AccountId, Meta(description="The account that is a member now.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 44,
        "kind": "member_joined",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:01:00.000Z",
        "account": "31d2c0b9-a8f7-4e65-8d4c-3b2a19080706",
    }


class MemberLeftEvent(_Event, tag="member_left", kw_only=True):
    """Somebody is no member any more: left, or was removed."""

    account: Annotated[AccountId, Meta(description="The account that is a member no longer.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 45,
        "kind": "member_left",
        "actor": "31d2c0b9-a8f7-4e65-8d4c-3b2a19080706",
        "at": "2026-11-23T09:02:00.000Z",
        "account": "31d2c0b9-a8f7-4e65-8d4c-3b2a19080706",
    }


class EditedEvent(_Event, tag="edited", kw_only=True):
    """A message has another text now."""

    target: Annotated[EventSeq, Meta(description="The message's seq.")]
    body: Annotated[str, Meta(description="The new text; empty when the message was deleted since.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 46,
        "kind": "edited",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:04:00.000Z",
        "target": 43,
        "body": "Good morning to you all",
    }


class DeletedEvent(_Event, tag="deleted", kw_only=True):
    """A message was taken back: its text is gone for everybody, its place stays."""

    target: Annotated[EventSeq, Meta(description="The message's seq.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 47,
        "kind": "deleted",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:05:00.000Z",
        "target": 43,
    }


class ReactionEvent(_Event, tag="reaction", kw_only=True):
    """Somebody put an emoji to a message, or took it away."""

    target: Annotated[EventSeq, Meta(description="The message's seq.")]
    emoji: Emoji
    on: Annotated[bool, Meta(description="Put there, or taken away.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 48,
        "kind": "reaction",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:06:00.000Z",
        "target": 43,
        "emoji": "👍",
        "on": True,
    }


class RenamedEvent(_Event, tag="renamed", kw_only=True):
    """The conversation has another subject."""

    subject: str

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 49,
        "kind": "renamed",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:07:00.000Z",
        "subject": "Harbour Bridge, east side",
    }


class StatusChangedEvent(_Event, tag="status_changed", kw_only=True):
    """The conversation was opened, closed or archived."""

    status: Status

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 50,
        "kind": "status_changed",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:08:00.000Z",
        "status": "closed",
    }


class FileScannedEvent(_Event, tag="file_scanned", kw_only=True):
    """A scan came to a verdict on a file of this conversation, or to another one; the `actor` uploaded it.

    It holds for every message with that file. A verdict of a smaller `revision` than what is known of it is old news.
    """

    file: FileId
    verdict: Annotated[
        Literal["clean", "infected", "rejected", "deleted"], Meta(description="The state of the file from here on.")
    ]
    revision: Revision
    previews: bool
    reason: Reason | UnsetType = UNSET
    signature: Signature | UnsetType = UNSET
    width: Pixels | UnsetType = UNSET
    height: Pixels | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "event",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 51,
        "kind": "file_scanned",
        "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "at": "2026-11-23T09:09:00.000Z",
        "file": "4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d",
        "verdict": "clean",
        "revision": 1,
        "previews": True,
        "width": 1600,
        "height": 900,
    }


LogEvent: TypeAlias = (
    CreatedEvent
    | MessageEvent
    | MemberJoinedEvent
    | MemberLeftEvent
    | EditedEvent
    | DeletedEvent
    | ReactionEvent
    | RenamedEvent
    | StatusChangedEvent
    | FileScannedEvent
)
"""One event of a conversation's log, by `kind`."""

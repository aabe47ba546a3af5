"""What more than one route answers, as types; what only one answers stands beside its handler."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from edge.socket.events import LogEvent, MessageEvent
from edge.socket.frames import Seq
from edge.terms import AccountId, ConversationId, Epoch, Moment, ProjectId, Reached, Role, Status, Unread


class Member(msgspec.Struct):
    """A member of a conversation."""

    account: AccountId
    name: str
    role: Role
    read: Annotated[Reached | None, Meta(description="How far this member has read; null among more than 32.")] = None
    delivered: Annotated[Reached | None, Meta(description="How far it has arrived; likewise.")] = None


class Standing(msgspec.Struct):
    """What everybody who sees a conversation sees of it."""

    id: ConversationId
    subject: str
    project: ProjectId | None
    status: Status
    head: Annotated[Reached, Meta(description="The last seq of its log.")]


class Conversation(Standing):
    """A conversation as one of its members sees it."""

    read: Annotated[Reached, Meta(description="How far the asker has read it.")]
    unread: Unread
    members: list[Member]
    created_at: Moment

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "subject": "Harbour Bridge",
        "project": None,
        "status": "open",
        "head": 43,
        "read": 41,
        "unread": 1,
        "members": [
            {"account": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b", "name": "Clara Jensen", "role": "client"},
            {"account": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1", "name": "Ann Okafor", "role": "agent"},
        ],
        "created_at": "2026-11-23T08:58:00.000Z",
    }


class ConversationLeft(msgspec.Struct):
    """What a repeated wish for a conversation gets from one who is no member of it any more."""

    id: ConversationId
    subject: str
    project: ProjectId | None
    head: Annotated[Reached, Meta(description="Where the log stood when the wish was first stored.")]
    members: Annotated[list[Member], Meta(max_length=0, description="Empty.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "subject": "Harbour Bridge",
        "project": None,
        "head": 1,
        "members": [],
    }


class Listed(Standing):
    """A conversation in the list."""

    read: Annotated[Reached, Meta(description="How far the asker has read it.")]
    unread: Unread
    members: Annotated[list[AccountId] | None, Meta(description="Who is in it; null where these are more than 32.")]
    last_message: Annotated[
        MessageEvent | None, Meta(description="The last message that was not deleted; null if there is none.")
    ]


class Conversations(msgspec.Struct):
    """A page of the account's conversations, last active first."""

    items: list[Listed]
    next: Annotated[str | None, Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "items": [
            {
                "id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
                "subject": "Harbour Bridge",
                "project": None,
                "status": "open",
                "head": 43,
                "read": 41,
                "unread": 1,
                "members": ["9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b", "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1"],
                "last_message": MessageEvent.EXAMPLE,
            }
        ],
        "next": None,
    }


class Events(msgspec.Struct):
    """A page of a log, in order of seq."""

    epoch: Epoch
    items: list[LogEvent]
    head: Annotated[Reached, Meta(description="The last seq of the log.")]
    next: Annotated[
        Seq | None,
        Meta(description="Goes into `after`, or `before` if that was given; null: no more."),
    ]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "epoch": "7437112233445566778-1",
        "items": [MessageEvent.EXAMPLE],
        "head": 43,
        "next": None,
    }

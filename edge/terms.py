"""The words of the protocol as types: what an id, a seq or a time looks like where the server says it.

Descriptions and examples of these go into the API's documents (`/api/docs`); what clients may say is looser, and in
`edge/socket/frames.py`: the server takes an id in any case and says it in lower case.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

_ID = msgspec.Meta(
    pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", extra_json_schema={"format": "uuid"}, description="A UUID."
)

ConversationId = Annotated[
    str,
    _ID,
    msgspec.Meta(description="The conversation's id.", examples=["5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10"]),
]
AccountId = Annotated[
    str, _ID, msgspec.Meta(description="An account's id.", examples=["9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"])
]
ProjectId = Annotated[
    str, _ID, msgspec.Meta(description="A project's id.", examples=["c2b1a0f9-8e7d-4c6b-a5f4-e3d2c1b0a9f8"])
]
CommandId = Annotated[
    str,
    _ID,
    msgspec.Meta(description="The id that its sender gave it.", examples=["b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e"]),
]
EventSeq = Annotated[
    int, msgspec.Meta(ge=1, le=2**53, description="The event's place in its conversation: 1, 2, 3, …", examples=[43])
]
Reached = Annotated[
    int, msgspec.Meta(ge=0, le=2**53, description="A place in the conversation's log; 0 before its first event.")
]
Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        extra_json_schema={"format": "date-time"},
        description="RFC 3339 in UTC, with milliseconds.",
        examples=["2026-11-23T09:00:03.118Z"],
    ),
]
Epoch = Annotated[
    str,
    msgspec.Meta(
        description="Which database the seqs and cursors belong to; a restored or promoted one has another epoch.",
        examples=["7437112233445566778-1"],
    ),
]
FileId = Annotated[
    str, _ID, msgspec.Meta(description="The file's id.", examples=["4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d"])
]
FileState: TypeAlias = Literal["uploading", "scanning", "clean", "infected", "rejected", "deleted"]
"""Where a file stands: only a clean one is ever served."""
Revision = Annotated[
    int, msgspec.Meta(ge=0, description="The number of the verdict, 0 before the first; the greatest holds.")
]
Reason = Annotated[str, msgspec.Meta(description="Why it was rejected (docs/files.md has the list).")]
Signature = Annotated[str, msgspec.Meta(description="What was found in it, as the scanner calls it.")]
Pixels = Annotated[int, msgspec.Meta(ge=1, description="Of an image that is clean, as it is shown.")]
Status: TypeAlias = Literal["open", "closed", "archived"]
"""Closed takes no more messages; archived is closed, and left out of lists."""
Role: TypeAlias = Literal["client", "agent", "admin"]
Unread = Annotated[int, msgspec.Meta(ge=0, le=100, description="Messages of others after `read`; it counts to 100.")]

"""`admin/files`: files that were refused, or wait for their verdict. What is done with one is noted."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.listing import Listing, search_of
from edge.api.operations import operation
from edge.api.requests import admit, answer, body_of, check_text, edge_of, path_id, who
from edge.terms import AccountId, ConversationId, FileId, Moment
from storage import quarantine


class QuarantineSearch(Listing):
    """Which part of quarantine."""

    state: Literal["scanning", "infected", "rejected"] | None = None


class Uploader(msgspec.Struct):
    """Who brought it."""

    id: AccountId
    name: str


class Place(msgspec.Struct):
    """A conversation that holds it."""

    id: ConversationId
    subject: str


class HeldFile(msgspec.Struct):
    """A file in quarantine: whose, where, what was found and by what."""

    id: FileId
    name: str
    type: str
    size: int
    sha256: str | None
    state: Literal["scanning", "infected", "rejected"]
    reason: str | None
    signature: str | None
    engine: str | None
    uploaded_by: Uploader
    attempts: Annotated[int, msgspec.Meta(description="How often it was tried since the last verdict.")]
    last_error: Annotated[str | None, msgspec.Meta(description="Why the last attempt came to none.")]
    scanned_at: Moment | None
    created_at: Moment
    releasing: Annotated[bool, msgspec.Meta(description="Somebody vouched for it; in a moment it is clean.")]
    conversations: list[Place]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d",
        "name": "invoice.docx",
        "type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "size": 48213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "state": "infected",
        "reason": None,
        "signature": "Eicar-Test-Signature",
        "engine": "clamd 1.4",
        "uploaded_by": {"id": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b", "name": "Clara Jensen"},
        "attempts": 0,
        "last_error": None,
        "scanned_at": "2026-11-23T09:00:02.000Z",
        "created_at": "2026-11-23T09:00:00.000Z",
        "releasing": False,
        "conversations": [{"id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10", "subject": "Harbour Bridge"}],
    }


class HeldFiles(msgspec.Struct):
    """A page of quarantine, the newest first."""

    items: list[HeldFile]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"items": [HeldFile.EXAMPLE], "next": None}


class Release(msgspec.Struct):
    """What `POST admin/files/{id}/release` takes."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="Why it may be had; it is noted.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"reason": "Our own macro template, checked by hand"}


@operation(query=QuarantineSearch, gives={200: HeldFiles}, by="admin")
async def index(request: Request) -> Response:
    """Files that were refused, or wait for their verdict, the newest first."""
    part = search_of(request, QuarantineSearch)
    items, following = await quarantine.page(edge_of(request).db, part.state, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(takes=Release, gives={200: HeldFile}, by="admin", refuses=("rate_limited",))
async def release(request: Request) -> Response:
    """Vouch for a file that was refused: it becomes clean, and its readers are told."""
    actor, id = (await who(request)).account.id, path_id(request)
    given = await body_of(request, Release)
    check_text(given.reason, "reason")
    admit(request, actor)
    edge = edge_of(request)
    await quarantine.release(edge.db, actor, id, given.reason)
    held = await quarantine.get(edge.db, id)
    edge.scan(id)
    return answer(held)


@operation(gives={204: None}, by="admin", refuses=("rate_limited",))
async def delete(request: Request) -> Response:
    """Delete a file that was refused, or waits: its bytes are gone, and its readers are told."""
    actor, id = (await who(request)).account.id, path_id(request)
    admit(request, actor)
    edge = edge_of(request)
    parts, home = await quarantine.delete(edge.db, actor, id)
    await edge.intake.forget(parts, home)
    edge.scan(id)  # whoever scans also tells what became of it
    return Response(status_code=204)

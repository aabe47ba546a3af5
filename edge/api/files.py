"""`files` and `conversations/{id}/files`: what became of a file, which there are, and addresses to have them from."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from edge.api.listing import Listing, search_of
from edge.api.operations import operation
from edge.api.requests import answer, edge_of, path_id, query_of, who
from edge.problems import Problem
from edge.socket.events import Attachment
from edge.terms import AccountId, EventSeq, Moment
from storage import files
from storage.files import File
from storage.filetypes import KINDS
from storage.log import moment

Variant = Literal["original", "shown", "large", "small"]
"""The file as it was sent; an image as it is shown (re-encoded), at most 1,280 or at most 320 pixels wide and high."""


class FileInfo(Attachment, kw_only=True):
    """A file, with what is known of it besides."""

    uploaded_by: AccountId
    created_at: Moment
    offset: Annotated[int, msgspec.Meta(ge=0, description="How many of its bytes are here.")]
    expires_at: Annotated[Moment, msgspec.Meta(description="Until when an upload may take.")] | UnsetType = UNSET
    sha256: Annotated[str, msgspec.Meta(description="Of its bytes, in hex, once it was scanned.")] | UnsetType = UNSET
    engine: Annotated[str, msgspec.Meta(description="What scanned it, with its version.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        **Attachment.EXAMPLE,
        "uploaded_by": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "created_at": "2026-11-23T09:00:00.000Z",
        "offset": 48213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "engine": "yara-x 1.23",
    }


class WhichVariant(msgspec.Struct):
    """Which form of the file."""

    variant: Annotated[Variant, msgspec.Meta(description="Images have the other three.")] = "original"


class AddressOfFile(msgspec.Struct):
    """Where the file can be had, by whoever has the address, for some minutes."""

    url: Annotated[str, msgspec.Meta(description="Begins with `/` where files come from this host.")]
    expires_at: Moment

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "url": "/files/4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d/small?for=9a1f2c3b&expires=1795424700&signature=6ad1",
        "expires_at": "2026-11-23T09:15:00.000Z",
    }


class FileSearch(Listing):
    """Which part of a conversation's files."""

    type: Annotated[Literal["image", "text", "document"], msgspec.Meta(description="Only those.")] | None = None


class FileOfConversation(msgspec.Struct):
    """A file in a conversation, and the message that brought it."""

    file: Attachment
    seq: EventSeq
    at: Moment
    actor: AccountId


class FilesOfConversation(msgspec.Struct):
    """A page of a conversation's files, the newest first."""

    items: list[FileOfConversation]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "items": [
            {
                "file": Attachment.EXAMPLE,
                "seq": 43,
                "at": "2026-11-23T09:00:03.118Z",
                "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
            }
        ],
        "next": None,
    }


class Scanner(msgspec.Struct):
    """What checks files at this moment."""

    engine: Annotated[str | None, msgspec.Meta(description="`clamd`, `yara-x` or `http`; null: nothing does.")]
    version: Annotated[str, msgspec.Meta(description="Its version and that of its signatures; may be empty.")]
    ready: Annotated[bool, msgspec.Meta(description="Whether it answers. Without, files wait, and none is served.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"engine": "yara-x", "version": "yara-x 1.23, rules 4f1c2d3e", "ready": True}


@operation(gives={200: FileInfo})
async def show(request: Request) -> Response:
    """A file, for who uploaded it and for members of a conversation that holds it."""
    found = await files.visible(edge_of(request).db, (await who(request)).account.id, path_id(request))
    return answer(described(found))


@operation(query=WhichVariant, gives={200: AddressOfFile}, refuses=("conflict",))
async def address(request: Request) -> Response:
    """An address of a clean file, which needs no token and is good for some minutes; `conflict` for a file that is not.

    Serving looks again: an address is good for as long as its account may see the file, and the file is clean.
    """
    asker, id = (await who(request)).account.id, path_id(request)
    variant = query_of(request, WhichVariant).variant
    edge = edge_of(request)
    found = await files.visible(edge.db, asker, id)
    if found.state != "clean":
        raise Problem("conflict", "Only files that were found clean can be had.")
    if variant != "original" and not found.shown["previews"]:
        raise Problem("not_found", "Only images have this.")
    path, expires = edge.signer.address(id, variant, asker, time.time())
    return answer(
        {"url": edge.settings.files_origin + path, "expires_at": moment(datetime.fromtimestamp(expires, UTC))}
    )


@operation(query=FileSearch, gives={200: FilesOfConversation})
async def index(request: Request) -> Response:
    """The files of a conversation, the newest first, for its members; not those of messages that were taken back."""
    part = search_of(request, FileSearch)
    asker = (await who(request)).account.id
    types = KINDS[part.type] if part.type is not None else None
    items, following = await files.page(edge_of(request).db, asker, path_id(request), types, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(gives={200: Scanner})
async def scanner(request: Request) -> Response:
    """What checks files, for whoever wants to know before trusting them."""
    found = await files.scanners(edge_of(request).db)
    return answer(found[0] if found else {"engine": None, "version": "", "ready": False})


def described(file: File) -> dict[str, Any]:
    """The file as `FileInfo` says; what does not apply is left out."""
    found = file.shown | {"uploaded_by": file.owner, "created_at": file.created_at, "offset": file.received}
    if file.state == "uploading":
        found["expires_at"] = file.expires_at
    for name, value in (("sha256", file.sha256), ("engine", file.engine)):
        if value is not None:
            found[name] = value
    return found

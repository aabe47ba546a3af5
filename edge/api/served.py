"""`/files/{id}/{variant}`: the bytes of clean files, for whoever has an address that was signed for them.

Nothing of a file may act on a page: its type is fixed and not guessed at, a policy puts it into a sandbox, and only
pictures that we drew ourselves are shown in place; everything else is downloaded.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from edge.api.operations import operation
from edge.api.requests import edge_of, path_id, query_of
from edge.files import ranges
from edge.files.signing import LIFE_SECONDS, Address
from edge.problems import Problem
from edge.terms import AccountId
from storage import files
from storage.filenames import content_disposition
from storage.objects.contract import StoreError

log = structlog.get_logger()
PREVIEW = "image/webp"


class Signed(msgspec.Struct, rename={"account": "for"}):
    """What an address says: for whom it was made, until when it is good, and that we made it."""

    account: AccountId
    expires: Annotated[int, msgspec.Meta(ge=0, le=2**53, description="Seconds since 1970.")]
    signature: Annotated[str, msgspec.Meta(max_length=128)]


@operation(
    by="anyone",
    query=Signed,
    gives={200: bytes, 206: bytes, 304: None, 416: None},
    refuses=("forbidden", "unavailable"),
    headers={"Range": "One range of bytes.", "If-None-Match": "As of HTTP.", "If-Range": "As of HTTP, an entity tag."},
)
async def serve(request: Request) -> Response:
    """A file, or a picture of it, by an address of `files/{id}/url`.

    `not_found` once its account may not see it, or it is not clean any more; `forbidden` when its time is over.
    """
    edge = edge_of(request)
    origin = edge.settings.files_origin
    if origin and request.headers.get("host", "").lower() != origin.partition("//")[2].lower():
        raise Problem("not_found")
    id, variant = path_id(request), request.path_params["variant"]
    said = query_of(request, Signed)
    if not edge.signer.believes(Address(id, variant, said.account, said.expires), said.signature, time.time()):
        raise Problem("forbidden", "This address is not good, or not any more: ask for another.")
    file = await files.served(edge.db, said.account, id)
    original = variant == "original"
    if not original and variant not in file.variants:
        raise Problem("not_found")
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={LIFE_SECONDS}",
        "Content-Disposition": content_disposition(file.name, inline=not original),
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin" if origin else "same-origin",
        "ETag": f'"{file.sha256[:32]}-{variant}"',
        "Referrer-Policy": "no-referrer",
    }
    if origin:
        headers["Access-Control-Expose-Headers"] = "Content-Range"
        headers["Access-Control-Allow-Origin"] = "*"  # whoever has the address may read it; no cookie counts here
    if headers["ETag"] in [
        one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")
    ]:
        return Response(status_code=304, headers=headers)
    key = f"{file.home}/{variant}"
    try:
        size = file.size if original else await edge.store.size(key)
        if size is None:
            raise Problem("not_found")
        wanted = request.headers.get("range") if _unchanged(request, headers["ETag"]) else None
        part = ranges.asked(wanted, size)
        start, end = part or (0, size)
        headers["Content-Length"] = str(end - start)
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        headers["Content-Type"] = file.type if original else PREVIEW
        status = 200 if part is None else 206
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        bytes_of_it = edge.store.get(key, start, end)
        first = await anext(bytes_of_it, b"")  # here, where the store may still be answered for
    except ranges.Unsatisfiable:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    except StoreError as fault:
        log.warning("files.store_away", reason=str(fault))
        raise Problem("unavailable", "The store of files does not answer; try again.") from None
    return StreamingResponse(_after(first, bytes_of_it), status, headers)


def _unchanged(request: Request, tag: str) -> bool:
    return request.headers.get("if-range", tag) == tag


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk

"""`files`: uploads, by tus 1.0 (any client of it) or, for small files, as a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Id
from edge.api.files import FileInfo, described
from edge.api.operations import operation
from edge.api.requests import admit, answer, edge_of, idempotency_key, path_id, who
from edge.api.wishes import FILES, wish
from edge.files import tus
from edge.files.intake import bounded
from edge.files.multipart import FORM, BadForm, Form
from edge.problems import Problem, problem_response
from storage import files
from storage.filenames import cleaned, extension
from storage.files import File
from storage.filetypes import TYPES

MOST_OPEN = 100
"""Uploads that an account has begun and not ended."""
UPLOAD_SECONDS = 86_400.0
"""How long one may take."""
RESUMABLE = {"Tus-Resumable": "The version of tus that is spoken: 1.0.0."}
Handler = Callable[[Request], Awaitable[Response]]


def in_tus(handler: Handler) -> Handler:
    """Check the version that the client speaks, and say ours in every answer, refusals included."""

    @wraps(handler)
    async def speaking(request: Request) -> Response:
        try:
            if request.headers.get("tus-resumable") != tus.VERSION:
                raise Problem("unsupported_version", f"Say `Tus-Resumable: {tus.VERSION}`; no other is spoken here.")
            found = await handler(request)
        except tus.BadHeader as fault:
            found = problem_response(Problem("invalid", str(fault), field=fault.name))
        except Problem as problem:
            found = problem_response(problem)
            if problem.code == "unsupported_version":
                found.headers["Tus-Version"] = tus.VERSION
        found.headers["Tus-Resumable"] = tus.VERSION
        return found

    return speaking


@operation(gives={204: None}, by="anyone")
async def abilities(request: Request) -> Response:
    """What of tus is spoken here, and how large a file may be, in headers."""
    return Response(
        status_code=204,
        headers={
            "Tus-Resumable": tus.VERSION,
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(edge_of(request).settings.max_file_size),
        },
    )


@operation(
    gives={201: FileInfo, 200: FileInfo},
    keyed=True,
    raw=(FORM, tus.CHUNKS),
    refuses=("quota_exceeded", "unsupported_version", "not_found", "conflict", "bad_frame"),
    headers={
        **RESUMABLE,
        "Upload-Length": "Bytes of the file, by tus.",
        "Upload-Metadata": "By tus: `filename`, and its name in Base64.",
    },
)
async def create(request: Request) -> Response:
    """Begin an upload by tus: 201 with `Location`, its first bytes perhaps with it.

    Or send a small file whole, as a form with a field `file`. Either way 200 instead when the key was used before for
    the same.
    """
    account = (await who(request)).account.id
    admit(request, account)
    if _media_type(request) == FORM:
        return await _from_a_form(request, account)
    return await _from_tus(request)


@in_tus
async def _from_tus(request: Request) -> Response:
    account = (await who(request)).account.id
    edge = edge_of(request)
    if "upload-defer-length" in request.headers:
        raise tus.BadHeader("Upload-Defer-Length", "Its length must be known from the start.")
    size = tus.number("Upload-Length", request.headers.get("upload-length"))
    if size > edge.settings.max_file_size:
        raise Problem("too_large", f"A file has at most {edge.settings.max_file_size} bytes.", field="Upload-Length")
    given = tus.metadata(request.headers.get("upload-metadata"))
    name = given.get("filename") or given.get("name", "")
    id = wish(FILES, account, idempotency_key(request), name).id
    file, replayed = await _begin(request, account, id, name, size)
    if _media_type(request) == tus.CHUNKS and not replayed:
        with edge.intake.admitted(account):
            await edge.intake.go_on(file, request.stream())
        file = await files.own(edge.db, account, file.id)
    found = answer(described(file), 200 if replayed else 201)
    found.headers.update({"Location": request.url.path.rstrip("/") + f"/{file.id}", **_progress(file)})
    return found


async def _from_a_form(request: Request, account: Id) -> Response:
    edge = edge_of(request)
    most = edge.settings.max_file_size
    with edge.intake.admitted(account):
        try:
            form = Form(request.headers["content-type"], request.stream())
            name = await form.opened()
            _check_type(request, cleaned(name))
            id = wish(FILES, account, idempotency_key(request), name).id
            key = files.part_key(id, 0)
            size = await edge.intake.keep(key, bounded(form.content(), most), f"A file has at most {most} bytes.")
        except BadForm as fault:
            raise Problem("bad_frame", str(fault)) from None
        try:
            file, replayed = await _begin(request, account, id, name, size)
        except Problem:
            await edge.intake.drop([key])
            raise
        if file.state == "uploading":
            await edge.intake.whole(file, key, size)
        else:
            await edge.intake.drop([key])
    return answer(described(await files.own(edge.db, account, file.id)), 200 if replayed else 201)


async def _begin(request: Request, account: Id, id: Id, name: str, size: int) -> tuple[File, bool]:
    """The row of a new upload, and whether the wish for it was known; raises `Problem`."""
    edge = edge_of(request)
    if size < 1:
        raise Problem("invalid", "There is nothing in it.", field="Upload-Length")
    plain = cleaned(name)
    _check_type(request, plain)
    code = await files.begin(
        edge.db,
        id,
        account,
        plain,
        TYPES[extension(plain)],
        size,
        seconds=UPLOAD_SECONDS,
        quota=edge.settings.file_quota,
        most_open=MOST_OPEN,
    )
    if code == "quota_exceeded":
        raise Problem(code, f"The files of an account have at most {edge.settings.file_quota} bytes together.")
    if code:
        raise Problem(code, retry_after=60.0 if code == "rate_limited" else None)
    file = await files.own(edge.db, account, id)
    return file, file.received > 0 or file.state != "uploading"


@operation(gives={200: None}, refuses=("unsupported_version",), headers=RESUMABLE)
@in_tus
async def offset(request: Request) -> Response:
    """How far an upload is, in headers: where it goes on."""
    found = await files.own(edge_of(request).db, (await who(request)).account.id, path_id(request))
    return Response(status_code=200, headers={**_progress(found), "Upload-Length": str(found.size)})


@operation(
    gives={204: None},
    raw=(tus.CHUNKS,),
    refuses=("conflict", "rate_limited", "unsupported_version"),
    headers={**RESUMABLE, "Upload-Offset": "Where these bytes begin: where the upload stands."},
)
@in_tus
async def append(request: Request) -> Response:
    """Bytes of an upload, from where it stands; `conflict` from anywhere else. Complete, it is scanned.

    What came before a connection broke is kept. Any edge takes the next part.
    """
    account, id = (await who(request)).account.id, path_id(request)
    edge = edge_of(request)
    if _media_type(request) != tus.CHUNKS:
        raise Problem("unsupported_type", f"Bytes come as {tus.CHUNKS}.")
    start = tus.number("Upload-Offset", request.headers.get("upload-offset"))
    with edge.intake.admitted(account):
        file = await files.own(edge.db, account, id)
        if file.state != "uploading" or start != file.received:
            raise Problem("conflict", f"It stands at {file.received}.", field="Upload-Offset")
        grown = await edge.intake.go_on(file, request.stream())
    found = Response(status_code=204, headers={"Upload-Offset": str(grown.received)})
    if grown.state == "uploading":
        found.headers["Upload-Expires"] = tus.expires(file.expires_at)
    return found


@operation(gives={204: None}, refuses=("conflict",))
async def give_up(request: Request) -> Response:
    """Take an upload back, or a file that no message holds: nothing of it stays. By tus too (`termination`)."""
    edge = edge_of(request)
    gone = await files.give_up(edge.db, (await who(request)).account.id, path_id(request))
    if gone.held:
        raise Problem("conflict", "A message holds it: take that back.")
    await edge.intake.forget(gone.parts, gone.home)
    return Response(status_code=204, headers={"Tus-Resumable": tus.VERSION})


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_type(request: Request, name: str) -> None:
    """Raises 422 for a name whose ending is not allowed: whether the content agrees is for the scan to say."""
    allowed = edge_of(request).settings.file_types
    if extension(name) not in allowed:
        raise Problem("invalid", f"Files may be: {', '.join(sorted(allowed))}.", field="filename")


def _progress(file: File) -> dict[str, str]:
    found = {"Upload-Offset": str(file.received), "Cache-Control": "no-store"}
    return found | ({"Upload-Expires": tus.expires(file.expires_at)} if file.state == "uploading" else {})

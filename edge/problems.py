"""Errors over HTTP: RFC 9457 problem documents with the protocol's codes."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import msgspec
from starlette.responses import Response

from edge.codes import MESSAGES

STATUS: dict[str, int] = {
    "bad_frame": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "id_conflict": 409,
    "closed": 409,
    "conflict": 409,
    "unsupported_version": 412,
    "too_large": 413,
    "quota_exceeded": 413,
    "unsupported_type": 415,
    "invalid": 422,
    "rate_limited": 429,
    "internal": 500,
    "disabled": 503,
    "overloaded": 503,
    "unavailable": 503,
}


class Problem(Exception):
    """A request is refused with `code`; whoever raises it says what the caller may read."""

    def __init__(
        self, code: str, detail: str | None = None, *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail or MESSAGES[code])
        self.code = code
        self.detail = detail or MESSAGES[code]
        self.field = field
        self.retry_after = retry_after


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, msgspec.Meta(pattern="^urn:parley:problem:[a-z_]+$")]
    title: Annotated[str, msgspec.Meta(description="What the code means, for a person.")]
    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    code: Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(STATUS)})]
    detail: Annotated[str, msgspec.Meta(description="What was wrong this time, for a person.")]
    field: Annotated[str, msgspec.Meta(description="What of the request is wrong.")] | msgspec.UnsetType = msgspec.UNSET
    retry_after: (
        Annotated[float, msgspec.Meta(ge=0, description="Seconds before the next attempt.")] | msgspec.UnsetType
    ) = msgspec.UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "type": "urn:parley:problem:invalid",
        "title": MESSAGES["invalid"],
        "status": 422,
        "code": "invalid",
        "detail": "It says nothing.",
        "field": "body",
    }


def problem_body(problem: Problem) -> ProblemDocument:
    """The problem as a document; what is unknown or too much now says when to try again."""
    status = STATUS[problem.code]
    retry_after = 1.0 if problem.retry_after is None and status == 503 else problem.retry_after
    return ProblemDocument(
        type=f"urn:parley:problem:{problem.code}",
        title=MESSAGES[problem.code],
        status=status,
        code=problem.code,
        detail=problem.detail,
        field=msgspec.UNSET if problem.field is None else problem.field,
        retry_after=msgspec.UNSET if retry_after is None else retry_after,
    )


def problem_response(problem: Problem) -> Response:
    """The problem as an answer; `Retry-After` in whole seconds, since HTTP knows no fractions."""
    body = problem_body(problem)
    headers = {}
    if body.retry_after is not msgspec.UNSET:
        headers["Retry-After"] = str(max(1, math.ceil(body.retry_after)))
    if body.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if body.status == 413:
        headers["Connection"] = "close"  # else the rest of what is too large would have to be read
    return Response(msgspec.json.encode(body), body.status, headers, media_type="application/problem+json")

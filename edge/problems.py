"""Errors over HTTP: RFC 9457 problem documents with the protocol's codes."""

from __future__ import annotations

import math
from typing import Any

import orjson
from starlette.responses import Response

from edge.codes import MESSAGES

STATUS: dict[str, int] = {
    "bad_frame": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "disabled": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "id_conflict": 409,
    "closed": 409,
    "too_large": 413,
    "invalid": 422,
    "rate_limited": 429,
    "internal": 500,
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


def problem_response(problem: Problem) -> Response:
    """The problem as an answer; `Retry-After` in whole seconds, since HTTP knows no fractions."""
    status = STATUS[problem.code]
    body: dict[str, Any] = {
        "type": f"urn:parley:problem:{problem.code}",
        "title": MESSAGES[problem.code],
        "status": status,
        "code": problem.code,
        "detail": problem.detail,
    }
    headers = {}
    if problem.field is not None:
        body["field"] = problem.field
    retry_after = problem.retry_after
    if retry_after is None and status == 503:
        retry_after = 1.0
    if retry_after is not None:
        body["retry_after"] = retry_after
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 413:
        headers["Connection"] = "close"  # else the rest of what is too large would have to be read
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")

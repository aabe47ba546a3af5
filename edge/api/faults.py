"""What becomes of a request that cannot be served: every kind of fault is one problem document, logged at most once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from edge.auth.tokens import AuthError
from edge.problems import Problem, problem_response
from storage.errors import StorageError

log = structlog.get_logger()

OF_STORAGE = frozenset({"not_found", "forbidden", "invalid"})
OF_HTTP = {404: "not_found", 405: "method_not_allowed"}


class LastResort:
    """ASGI middleware for what nobody expected: logged here, once, and answered `internal` without a word of why.

    Starlette's own handler of `Exception` raises again behind its answer, so that the server logs a second time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            return
        except Exception as fault:
            log.error("api.fault", method=scope["method"], path=scope["path"], exc_info=fault)
            if not begun:
                await problem_response(Problem("internal"))(scope, receive, send)


async def _problem(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)
    return problem_response(fault)


async def _not_authenticated(request: Request, fault: Exception) -> Response:
    return problem_response(Problem("unauthenticated", str(fault)))


async def _storage_refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, StorageError)
    if fault.code in OF_STORAGE:
        said = fault.__doc__ if fault.outspoken else None
        return problem_response(Problem(fault.code, said, field=fault.field))
    log.warning("api.unavailable", method=request.method, path=request.url.path, reason=str(fault))
    read = request.method in ("GET", "HEAD")
    return problem_response(Problem("unavailable", "The database does not answer; try again." if read else None))


async def _http_refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    answer = problem_response(Problem(OF_HTTP.get(fault.status_code, "bad_frame")))
    answer.headers.update(fault.headers or {})
    return answer


HANDLERS: Mapping[Any, ExceptionHandler] = {
    Problem: _problem,
    AuthError: _not_authenticated,
    StorageError: _storage_refused,
    HTTPException: _http_refused,
}
"""For Starlette: whose fault it is decides the answer."""

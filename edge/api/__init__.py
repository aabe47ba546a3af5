"""The HTTP API: every route of this edge in one table, and how each kind of fault becomes an answer."""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from edge.api import auth, conversations, health, messages
from edge.auth.tokens import AuthError
from edge.headers import SecurityHeaders
from edge.problems import Problem, problem_response
from edge.services import Edge
from storage.errors import StorageError

log = structlog.get_logger()

API = "/api/v1"


def routes() -> list[BaseRoute]:
    """The table."""
    conversation = "/conversations/{id}"
    return [
        Route("/healthz", health.healthz),
        Route("/readyz", health.readyz),
        Mount(
            API,
            routes=[
                Route("/auth/login", auth.login, methods=["POST"]),
                Route("/auth/refresh", auth.refresh, methods=["POST"]),
                Route("/auth/logout", auth.logout, methods=["POST"]),
                Route("/me", auth.me),
                Route("/conversations", conversations.index),
                Route("/conversations", conversations.create, methods=["POST"]),
                Route(conversation, conversations.show),
                Route(f"{conversation}/read", conversations.read, methods=["PUT"]),
                Route(f"{conversation}/events", conversations.events),
                Route(f"{conversation}/messages", messages.send, methods=["POST"]),
                Route(f"{conversation}/members/{{account}}", messages.join, methods=["PUT"]),
                Route(f"{conversation}/members/{{account}}", messages.leave, methods=["DELETE"]),
            ],
        ),
    ]


def application(edge: Edge) -> Starlette:
    """The routes as an application, with every error as a problem document."""
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={
            Problem: _problem,
            AuthError: _auth_error,
            StorageError: _storage_error,
            HTTPException: _http_error,
            Exception: _fault,
        },
    )
    app.router.redirect_slashes = False
    app.state.edge = edge
    app.state.doorman = auth.Doorman()
    return app


async def _problem(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)
    return problem_response(fault)


async def _auth_error(request: Request, fault: Exception) -> Response:
    return problem_response(Problem("unauthenticated", str(fault)))


async def _storage_error(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, StorageError)
    code = fault.code if fault.code in ("not_found", "forbidden", "invalid") else "unavailable"
    if code == "unavailable":
        log.warning("api.unavailable", path=request.url.path, reason=str(fault))
    return problem_response(Problem(code, field=fault.field))


async def _http_error(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(fault.status_code, "bad_frame")
    answer = problem_response(Problem(code))
    for name, value in (fault.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _fault(request: Request, fault: Exception) -> Response:
    log.error("api.fault", path=request.url.path, exc_info=fault)
    return problem_response(Problem("internal"))

"""The HTTP API: every route of this edge in one table."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.api import (
    administration,
    auth,
    changes,
    conversations,
    csp,
    documents,
    files,
    health,
    me,
    messages,
    oversight,
    people,
    projects,
    quarantine,
    served,
    statistics,
    uploads,
)
from edge.api.counted import Counted
from edge.api.faults import HANDLERS, LastResort
from edge.api.operations import Operation
from edge.api.requests import check_caller
from edge.headers import SecurityHeaders
from edge.services import Edge
from edge.webapp import REPORTS, WebApp

API = "/api/v1"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PREFLIGHT_SECONDS = 7200
"""How long a browser may remember what it may ask; Chromium remembers no longer whatever it is told."""

TUS_ASKED = ("Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset")
TUS_TOLD = (
    *("Location", "Upload-Offset", "Upload-Length", "Upload-Expires"),
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
)

TABLE: dict[str, dict[str, Operation]] = {
    "/healthz": {"GET": health.healthz},
    "/readyz": {"GET": health.readyz},
    f"{API}/auth/login": {"POST": auth.login},
    f"{API}/auth/refresh": {"POST": auth.refresh},
    f"{API}/auth/logout": {"POST": auth.logout},
    f"{API}/me": {"GET": me.show, "PATCH": me.change},
    f"{API}/conversations": {"GET": conversations.index, "POST": conversations.create},
    f"{API}/conversations/{{id}}": {
        "GET": conversations.show,
        "PATCH": conversations.change,
        "DELETE": conversations.archive,
    },
    f"{API}/conversations/{{id}}/read": {"PUT": conversations.read},
    f"{API}/conversations/{{id}}/events": {"GET": conversations.events},
    f"{API}/conversations/{{id}}/messages": {"POST": messages.send},
    f"{API}/conversations/{{id}}/messages/{{seq}}": {"PATCH": changes.edit, "DELETE": changes.delete},
    f"{API}/conversations/{{id}}/messages/{{seq}}/history": {"GET": changes.history},
    f"{API}/conversations/{{id}}/messages/{{seq}}/reactions/{{emoji}}": {
        "PUT": changes.react,
        "DELETE": changes.unreact,
    },
    f"{API}/conversations/{{id}}/members/{{account}}": {"PUT": messages.join, "DELETE": messages.leave},
    f"{API}/conversations/{{id}}/files": {"GET": files.index},
    f"{API}/files": {"POST": uploads.create, "OPTIONS": uploads.abilities},
    f"{API}/files/{{id}}": {
        "GET": files.show,
        "HEAD": uploads.offset,
        "PATCH": uploads.append,
        "DELETE": uploads.give_up,
    },
    f"{API}/files/{{id}}/url": {"GET": files.address},
    "/files/{id}/{variant}": {"GET": served.serve},
    f"{API}/scanner": {"GET": files.scanner},
    f"{API}/accounts": {"GET": people.index},
    f"{API}/accounts/{{id}}": {"GET": people.show},
    f"{API}/projects": {"GET": projects.index, "POST": projects.create},
    f"{API}/projects/{{id}}": {"GET": projects.show, "PATCH": projects.change},
    f"{API}/projects/{{id}}/members": {"GET": projects.members},
    f"{API}/projects/{{id}}/members/{{account}}": {"PUT": projects.add_member, "DELETE": projects.remove_member},
    f"{API}/admin/accounts": {"GET": administration.index, "POST": administration.create},
    f"{API}/admin/accounts/{{id}}": {"GET": administration.show, "PATCH": administration.change},
    f"{API}/admin/accounts/{{id}}/password": {"POST": administration.reset_password},
    f"{API}/admin/accounts/{{id}}/sessions": {"DELETE": administration.end_sessions},
    f"{API}/admin/audit": {"GET": administration.audit},
    f"{API}/admin/conversations": {"GET": oversight.index},
    f"{API}/admin/conversations/{{id}}": {"GET": oversight.show},
    f"{API}/admin/conversations/{{id}}/events": {"GET": oversight.events},
    f"{API}/admin/files": {"GET": quarantine.index},
    f"{API}/admin/files/{{id}}": {"DELETE": quarantine.delete},
    f"{API}/admin/files/{{id}}/release": {"POST": quarantine.release},
    f"{API}/admin/stats": {"GET": statistics.show},
    REPORTS: {"POST": csp.report},
}


def routes() -> list[BaseRoute]:
    """The table as Starlette's routes: one for each path, so that a 405 can name all that the path allows."""
    return [_route(path, operations) for path, operations in TABLE.items()]


def _route(path: str, operations: dict[str, Operation]) -> Route:
    async def by_method(request: Request) -> Response:
        asked = "GET" if request.method == "HEAD" and "HEAD" not in operations else request.method
        operation = operations[asked]
        await check_caller(request, operation.by)
        return await operation.handler(request)

    return Route(path, by_method, methods=list(operations), name=path)


def cross_origin(origins: tuple[str, ...]) -> Middleware:
    """CORS for the pages of these origins (Fetch standard, 3.2), errors included: it stands outside of their handlers.

    No credentials: these pages show a token, which no browser sends by itself. The session cookies are for pages of
    this server (`edge.auth.cookies`), and count for no other, whatever CORS would let it read.
    """
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=("Authorization", "Content-Type", "Idempotency-Key", *TUS_ASKED),
        expose_headers=("Allow", "Retry-After", "WWW-Authenticate", *TUS_TOLD),
        allow_credentials=False,
        max_age=PREFLIGHT_SECONDS,
    )


def application(edge: Edge) -> Starlette:
    """The routes as an application, with every error as a problem document."""
    app = Starlette(
        routes=[*routes(), *documents.routes(TABLE)],
        middleware=[
            Middleware(Counted, counters=edge.http),
            Middleware(SecurityHeaders),
            cross_origin(edge.settings.origins),
            Middleware(LastResort),
        ],
        exception_handlers=dict(HANDLERS),
    )
    app.router.redirect_slashes = False
    app.router.default = _or_a_page(WebApp(edge.settings.web_folder, edge.settings.files_origin), app.router.default)
    app.state.edge = edge
    app.state.doorman = auth.Doorman()
    app.state.reports = csp.Reports(edge.violations)
    return app


def _or_a_page(webapp: WebApp, nothing: ASGIApp) -> ASGIApp:
    """Where no route is: the web app, or `nothing`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        found = webapp.answer(Request(scope)) if scope["method"] in ("GET", "HEAD") else None
        await (nothing if found is None else found)(scope, receive, send)

    return serve

"""What the API is, for programs (`/api/openapi.json`, `/api/asyncapi.json`) and for people (`/api/docs`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.api import asyncapi, docs, openapi

FRESH_SECONDS = 300
STYLE = Path(__file__).with_name("docs.css")
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""A page of text and a style sheet: nothing runs, nothing is asked of anybody else."""


def routes(table: openapi.Table) -> list[BaseRoute]:
    """The documents and the page; made when somebody asks for the first time, and kept."""

    def page() -> bytes:
        return docs.page(openapi.document(table), asyncapi.document()).encode()

    return [
        _served("/api/openapi.json", "application/json", lambda: msgspec.json.encode(openapi.document(table))),
        _served("/api/asyncapi.json", "application/json", lambda: msgspec.json.encode(asyncapi.document())),
        _served("/api/docs", "text/html; charset=utf-8", page),
        _served("/api/docs/docs.css", "text/css; charset=utf-8", STYLE.read_bytes),
    ]


def _served(path: str, kind: str, make: Callable[[], bytes]) -> Route:
    body = cache(make)
    headers = {"Cache-Control": f"public, max-age={FRESH_SECONDS}", "Content-Security-Policy": POLICY}

    async def serve(request: Request) -> Response:
        return Response(body(), media_type=kind, headers=headers)

    return Route(path, serve, methods=["GET"], name=path)

"""`/api/openapi.json`, `/api/asyncapi.json`: what the API is, in the form that programs read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.api import asyncapi, openapi

FRESH_SECONDS = 300


def routes(table: openapi.Table) -> list[BaseRoute]:
    """The documents; made when somebody asks for the first time, and kept."""
    return [
        _json("/api/openapi.json", lambda: openapi.document(table)),
        _json("/api/asyncapi.json", asyncapi.document),
    ]


def _json(path: str, make: Callable[[], dict[str, Any]]) -> Route:
    @cache
    def body() -> bytes:
        return msgspec.json.encode(make())

    async def serve(request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={FRESH_SECONDS}"}
        return Response(body(), media_type="application/json", headers=headers)

    return Route(path, serve, methods=["GET"], name=path)

"""Counts what the HTTP API answers."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.counters import HttpCounters

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are told as one: whoever asks must not be able to make as many time series as there are words."""


class Counted:
    """ASGI middleware, the outermost, so that nothing is answered behind its back."""

    def __init__(self, app: ASGIApp, counters: HttpCounters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        method = scope["method"] if scope["method"] in METHODS else "other"

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counters.answers[method, message["status"]] += 1
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._counters.seconds.observe(time.monotonic() - began)

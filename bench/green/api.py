"""The few HTTP requests of a load test, on green threads: sign in, start a conversation."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import orjson

from bench.http import ApiError, Id, Json

SECONDS = 30.0

Record = Callable[[str, str, float, Exception | None], None]
"""Hears of each request: kind, name, seconds, and what went wrong."""


class GreenApi:
    """Speaks to one server; nothing is retried. Raises ApiError when refused, OSError when there is no answer."""

    def __init__(self, url: str, record: Record) -> None:
        self.url = url
        self._record = record

    def login(self, email: str, password: str) -> Json:
        """Sign in: the session with its access token and account."""
        return self._call("POST", "auth/login", {"email": email, "password": password})

    def create(self, token: str, subject: str, members: Sequence[Id]) -> Json:
        """Start a conversation of the token's account with `members`."""
        return self._call("POST", "conversations", {"subject": subject, "members": list(members)}, token)

    def _call(self, method: str, path: str, body: Json, token: str | None = None) -> Json:
        began = time.monotonic()
        fault: Exception | None = None
        try:
            return self._ask(method, path, body, token)
        except (ApiError, OSError) as caught:
            fault = caught
            raise
        finally:
            self._record("HTTP", f"{method} {path}", time.monotonic() - began, fault)

    def _ask(self, method: str, path: str, body: Json, token: str | None) -> Json:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        asking = kind(parts.netloc, timeout=SECONDS)
        try:
            asking.request(method, f"{parts.path.rstrip('/')}/api/v1/{path}", orjson.dumps(body), headers)
            answer = asking.getresponse()
            content = orjson.loads(answer.read() or b"{}")
        except (HTTPException, orjson.JSONDecodeError) as fault:
            raise ConnectionError(f"no answer that makes sense: {fault}") from fault
        finally:
            asking.close()
        if answer.status >= 400:
            raise ApiError(answer.status, content)
        found: Json = content
        return found

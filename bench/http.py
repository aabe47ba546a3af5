"""The HTTP API, as a client sees it. One method per route; whatever is refused raises `ApiError`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, TypeAlias

import aiohttp
import orjson

Id: TypeAlias = str
Json: TypeAlias = dict[str, Any]


class ApiError(Exception):
    """The server refused a request: `code` as in the protocol, `status` as in HTTP."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status = status
        self.code = str(problem.get("code") or "unavailable")
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.field: str | None = problem.get("field")
        self.retry_after: float | None = problem.get("retry_after")
        super().__init__(f"{status} {self.code}: {self.detail}")


class Api:
    """Speaks to one server at `url`. `token` is sent with each request once it is set.

    Raises `ApiError` for an answer that refuses, `aiohttp.ClientError` or `TimeoutError` when there is none.
    Nothing is retried here: a write that may be repeated takes the `key` under which it is the same write.
    """

    def __init__(self, url: str, token: str | None = None, *, seconds: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def call(
        self, method: str, path: str, body: Json | None = None, *, key: Id | None = None, **query: Any
    ) -> Json:
        """One request below /api/v1; the answer's JSON, or an empty map."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=self._timeout)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self._http.request(
            method,
            f"{self.url}/api/v1/{path}",
            data=None if body is None else orjson.dumps(body),
            headers=headers,
            params={name: value for name, value in query.items() if value is not None},
        ) as answer:
            raw = await answer.read()
            try:
                content = orjson.loads(raw) if raw else {}
            except orjson.JSONDecodeError:
                content = {"title": raw[:200].decode(errors="replace")}
            if answer.status >= 400:
                raise ApiError(answer.status, content if isinstance(content, dict) else {})
            return content if isinstance(content, dict) else {"items": content}

    async def login(self, email: str, password: str) -> Json:
        """Sign in; later requests carry the access token."""
        session = await self.call("POST", "auth/login", {"email": email, "password": password})
        self.token = session["access_token"]
        return session

    async def refresh(self, refresh_token: str) -> Json:
        """A new access token (and refresh token) for a session."""
        session = await self.call("POST", "auth/refresh", {"refresh_token": refresh_token})
        self.token = session["access_token"]
        return session

    async def logout(self) -> None:
        """End the session of the token."""
        await self.call("POST", "auth/logout", {})

    async def me(self) -> Json:
        """Who the token says we are."""
        return await self.call("GET", "me")

    async def conversations(self) -> AsyncIterator[Json]:
        """All of the account's conversations, the last active first."""
        after: str | None = None
        while True:
            page = await self.call("GET", "conversations", after=after)
            for item in page["items"]:
                yield item
            after = page.get("next")
            if not after:
                return

    async def conversation(self, conversation: Id) -> Json:
        """One conversation with its members."""
        return await self.call("GET", f"conversations/{conversation}")

    async def create(
        self, subject: str, members: Sequence[Id], *, project: Id | None = None, key: Id | None = None
    ) -> Json:
        """Start a conversation; the caller is a member of it."""
        body: Json = {"subject": subject, "members": list(members)}
        if project is not None:
            body["project"] = project
        return await self.call("POST", "conversations", body, key=key or str(uuid.uuid4()))

    async def events(
        self,
        conversation: Id,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> Json:
        """A page of the log, in order of seq: {epoch, items, head, next}."""
        return await self.call("GET", f"conversations/{conversation}/events", after=after, before=before, limit=limit)

    async def post(self, conversation: Id, body: str, *, reply_to: int | None = None, key: Id | None = None) -> Json:
        """Say something; {id, conversation, seq, at}."""
        message: Json = {"body": body}
        if reply_to is not None:
            message["reply_to"] = reply_to
        path = f"conversations/{conversation}/messages"
        return await self.call("POST", path, message, key=key or str(uuid.uuid4()))

    async def join(self, conversation: Id, account: Id) -> None:
        """Make the account a member."""
        await self.call("PUT", f"conversations/{conversation}/members/{account}")

    async def leave(self, conversation: Id, account: Id) -> None:
        """End the account's membership."""
        await self.call("DELETE", f"conversations/{conversation}/members/{account}")

    async def mark_read(self, conversation: Id, seq: int) -> None:
        """Everything up to `seq` has been read."""
        await self.call("PUT", f"conversations/{conversation}/read", {"seq": seq})

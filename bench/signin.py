"""A signed-in person's tokens, renewed before they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import aiohttp

from bench.http import Api, ApiError, Json

EARLY_SECONDS = 30.0
"""An access token is renewed this long before its end."""


class Unreachable(Exception):
    """None of the servers answers."""


class SignIn:
    """Signs in at the first of `urls` that answers and keeps `api` supplied with a valid token."""

    def __init__(
        self,
        urls: Sequence[str],
        email: str,
        password: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.apis = [Api(url, seconds=10.0) for url in urls]
        self.api = self.apis[0]
        self.account: Json = {}
        self._email = email
        self._password = password
        self._clock = clock
        self._refresh: str | None = None
        self._ends_at = 0.0

    async def close(self) -> None:
        """Close the connections; the session lives on until it ends by itself."""
        for api in self.apis:
            await api.close()

    async def token(self, refused: bool = False) -> str:
        """A valid access token; a new one if the last was `refused` or ends soon.

        Raises ApiError when e-mail or password are refused, Unreachable when no server answers.
        """
        if self.api.token is not None and not refused and self._clock() < self._ends_at - EARLY_SECONDS:
            return self.api.token
        for api in self.apis:
            try:
                session = await self._renew(api)
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
            except ApiError as fault:
                if fault.status < 500:
                    raise
                continue
            self.api = api
            self._refresh = session["refresh_token"]
            self._ends_at = self._clock() + float(session["expires_in"])
            return str(session["access_token"])
        raise Unreachable(", ".join(api.url for api in self.apis))

    async def ready(self) -> Api:
        """The API with a valid token."""
        await self.token()
        return self.api

    async def _renew(self, api: Api) -> Json:
        if self._refresh is not None:
            try:
                return await api.refresh(self._refresh)
            except ApiError as fault:
                if fault.status >= 500:
                    raise
                self._refresh = None  # ended or revoked: the password decides
        session = await api.login(self._email, self._password)
        self.account = session["account"]
        return session

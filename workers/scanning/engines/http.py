"""A scanning service that is asked over HTTP: `POST` of the bytes, an answer in JSON.

`{"infected": false}` is clean, `{"infected": true, "signature": "…"}` is not. Anything else, another status included,
is an error: the file waits. The key goes as `Authorization: Bearer …`. A service that speaks otherwise needs an adapter
that speaks so.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec

from workers.scanning.engines.contract import Condition, Judgement

SECONDS = 120.0
ANSWER_BYTES = 64 * 1024


class Answer(msgspec.Struct):
    """What a service says; further fields are its own affair."""

    infected: bool
    signature: str | None = None
    version: str = ""


class Service:
    """The service at `url`."""

    name = "http"
    in_cell = False

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._version = ""
        self._works = True

    async def scan(self, path: Path) -> Judgement:
        try:
            answer = await self._asked(path)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, ValueError) as fault:
            self._works = False
            return Judgement("error", detail=f"http: {type(fault).__name__} {fault}"[:300])
        self._works, self._version = True, answer.version
        if answer.infected:
            return Judgement("infected", signature=(answer.signature or "unnamed")[:200])
        return Judgement("clean")

    async def condition(self) -> Condition:
        """As of the last file: a service that counts what it is asked is not asked for nothing."""
        return Condition(self._works, f"http {self._version}".strip()[:200])

    async def _asked(self, path: Path) -> Answer:
        with await asyncio.to_thread(path.open, "rb") as file:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS), headers=self._headers) as http,
                http.post(
                    self._url, data=file, headers={"Content-Type": "application/octet-stream"}, allow_redirects=False
                ) as answer,
            ):
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}")
                return msgspec.json.decode(await answer.content.read(ANSWER_BYTES), type=Answer)

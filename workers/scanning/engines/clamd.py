"""ClamAV's daemon by INSTREAM (clamd(8), "Commands"): the bytes go in chunks, each with its length before it.

Over its `StreamMaxLength` clamd says so or just closes: both mean that the file was not scanned whole, never that it is
clean. Its own limits it tells with `AlertExceedsMax yes`, as `Heuristics.Limits.Exceeded`.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from workers.scanning.engines.contract import Condition, Judgement

CHUNK = 128 * 1024
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 120.0
ANSWER_BYTES = 4096
CUT_OFF = "clamd closed the connection before it answered"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clamd:
    """The daemon at `address`: `host:port`, or the path of its socket."""

    name = "clamd"
    in_cell = False

    def __init__(self, address: str) -> None:
        self._address = address

    async def scan(self, path: Path) -> Judgement:
        judged = await self._asked(path)
        if judged.verdict != "error" or not (await self.condition()).works:
            return judged
        # It lives, and did not answer. Cut off twice it was not a restart: it does not take so much.
        again = await self._asked(path)
        if {judged.detail, again.detail} == {CUT_OFF} and (await self.condition()).works:
            return Judgement("rejected", reason="too_hard", detail=CUT_OFF)
        return again

    async def _asked(self, path: Path) -> Judgement:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._connected() as (reader, writer):
                answer = await _streamed(path, reader, writer)
        except ConnectionError:
            return Judgement("error", detail=CUT_OFF)
        except (OSError, TimeoutError) as fault:
            return Judgement("error", detail=f"clamd: {type(fault).__name__} {fault}".strip())
        return understood(answer)

    async def condition(self) -> Condition:
        try:
            async with asyncio.timeout(CONNECT_SECONDS), self._connected() as (reader, writer):
                writer.write(b"zVERSION\0")
                await writer.drain()
                version = (await reader.read(ANSWER_BYTES)).rstrip(b"\0\n").decode(errors="replace")
        except (OSError, TimeoutError) as fault:
            return Condition(False, f"clamd does not answer: {fault}"[:200])
        # ClamAV 1.4.3/27500/Mon Nov 23 …: engine, signatures, their date
        return Condition(bool(version), f"clamd {version}"[:200])

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Streams]:
        async with asyncio.timeout(CONNECT_SECONDS):
            host, colon, port = self._address.rpartition(":")
            if colon and not self._address.startswith("/"):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            else:
                reader, writer = await asyncio.open_unix_connection(self._address)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _streamed(path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """All of the file, then what clamd says; it may say so, and close, before all of it has gone."""
    writer.write(b"zINSTREAM\0")
    with await asyncio.to_thread(path.open, "rb") as file:
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                writer.write(struct.pack(">L", len(chunk)) + chunk)
                await writer.drain()
            writer.write(struct.pack(">L", 0))
            await writer.drain()
        except ConnectionError:
            pass  # its last words may still be there
    said = await reader.read(ANSWER_BYTES)
    if not said:
        raise ConnectionResetError("closed without an answer")
    return said.rstrip(b"\0\n").decode(errors="replace")


def understood(answer: str) -> Judgement:
    """What clamd's answer to INSTREAM means; whatever is not known is an error."""
    said = answer.removeprefix("stream:").strip()
    if said == "OK":
        return Judgement("clean")
    if said.endswith(" FOUND"):
        name = said.removesuffix(" FOUND").strip()[:200]
        if name.startswith(("Heuristics.Limits.Exceeded", "Heuristics.Encrypted")):
            return Judgement("rejected", reason="encrypted" if "Encrypted" in name else "too_hard", detail=name)
        return Judgement("infected", signature=name)
    if "size limit exceeded" in said:
        return Judgement("rejected", reason="too_hard", detail=said[:200])
    return Judgement("error", detail=f"clamd: {said[:200]}")

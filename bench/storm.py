"""Many connections that open at once, each behind in many conversations: how long until all have caught up.

`python -m bench.storm --help`. Everybody is known to the server from an earlier visit, and comes back with its
cursors; every event must come once and in order.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
import uuid
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport

from bench.dial import allow_files, dial
from bench.frames import Acked, Delivered, Doubted, Failed, Frame, Greeted, Hello, Reached, decode, encode
from bench.groups import SetupError, add_server, create, people, secret, token, urls
from bench.latency import percentiles
from bench.program import conclude

FIRST = 1
"""The seq of a conversation's `created`: where everybody's cursor stands."""
FLYING = 200
VISITS_AT_ONCE = 32
SETUP_SECONDS = 120.0
LONGEST_SECONDS = 60.0
PAUSE_SECONDS = 2.0


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--connections", type=int, default=500, help="that open at once (default 500)")
    parser.add_argument("--cursors", type=int, default=20, help="conversations of each (default 20)")
    parser.add_argument("--behind", type=int, default=50, help="events behind in each of them (default 50)")
    parser.add_argument("--group", type=int, default=10, help="members of a conversation (default 10)")
    parser.add_argument("--rounds", type=int, default=1, help="how often they come back (default once)")
    parser.add_argument("--size", type=int, default=40, help="characters of a message (default 40)")
    add_server(parser)
    given = parser.parse_args(argv)
    if min(given.group, given.cursors, given.behind, given.rounds) < 1 or given.connections % given.group:
        parser.error("--connections must be a multiple of --group, and everything at least 1")
    return given


class Caller(WSListener):
    """A connection that greets; `heard` says what else it does. `over` is set when it is done or gone."""

    def __init__(self, token: str, cursors: Mapping[str, int], epoch: str | None) -> None:
        self.over = asyncio.Event()
        self.epoch = ""
        self.errors: Counter[str] = Counter()
        self.transport: WSTransport | None = None
        self._hello = encode(Hello(token, "storm/1", dict(cursors), epoch))

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet."""
        self.transport = transport
        transport.send(WSMsgType.BINARY, self._hello)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Decode what says something."""
        if frame.msg_type is WSMsgType.CLOSE:
            self.errors[f"closed {frame.get_close_code()}"] += 1
            transport.disconnect()
        if frame.msg_type is not WSMsgType.BINARY:
            return
        try:
            heard = decode(frame.get_payload_as_memoryview())
        except msgspec.ValidationError:
            return
        if type(heard) is Greeted:
            self.epoch = heard.epoch
        elif type(heard) is Failed:
            self.errors[heard.code] += 1
        self.hear(heard)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Nothing more will come."""
        self.transport = None
        self.over.set()

    def hear(self, heard: object) -> None:
        """What this connection came for: a visitor only wants to be known."""
        if type(heard) is Greeted:
            self.over.set()

    async def live(self, url: str, number: int, seconds: float) -> None:
        """From the handshake until it is over, and away again. Raises OSError, TimeoutError or WSError."""
        async with asyncio.timeout(seconds):
            await dial(self, url, number=number)
            await self.over.wait()

    def leave(self) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.disconnect()


class Writer(Caller):
    """Says `behind` messages in each of its group's conversations, some hundred under way at a time."""

    def __init__(self, token: str, conversations: Sequence[str], behind: int, size: int) -> None:
        super().__init__(token, {}, None)
        self._left = [one for one in conversations for _ in range(behind)]
        self._flying = 0
        self._body = "x" * size

    def hear(self, heard: object) -> None:
        """Say more."""
        if type(heard) is Acked:
            self._flying -= 1
        elif type(heard) is Failed:
            self.over.set()
        elif type(heard) is not Greeted:
            return
        while self._left and self._flying < FLYING and self.transport is not None:
            self._flying += 1
            self.transport.send(WSMsgType.BINARY, encode(Frame(str(uuid.uuid4()), self._left.pop(), self._body)))
        if not self._left and not self._flying:
            self.over.set()


class Returner(Caller):
    """Comes back with its cursors, and is over when all its conversations are caught up."""

    def __init__(self, token: str, conversations: Sequence[str], behind: int, epoch: str) -> None:
        super().__init__(token, dict.fromkeys(conversations, FIRST), epoch)
        self.events = 0
        self.faults = 0
        self.ready_at = 0.0
        self.caught_up_at = 0.0
        self._next = dict.fromkeys(conversations, FIRST + 1)
        self._waiting = set(conversations)
        self._head = FIRST + behind

    def hear(self, heard: object) -> None:
        """Check every event."""
        if type(heard) is Delivered:
            if self._next.get(heard.conversation) == heard.seq:
                self._next[heard.conversation] += 1
                self.events += 1
            else:
                self.faults += 1
        elif type(heard) is Reached:
            self.faults += self._next[heard.conversation] != self._head + 1
            self._waiting.discard(heard.conversation)
            if not self._waiting:
                self.caught_up_at = time.monotonic()
                self.over.set()
        elif type(heard) is Doubted:
            self.faults += not self.over.is_set()
            self.over.set()
        elif type(heard) is Greeted:
            self.ready_at = time.monotonic()


class Storm:
    """The accounts, their conversations and what stands in them; `blow` lets all of them come at once."""

    def __init__(self, given: argparse.Namespace, edges: Sequence[str], key: str) -> None:
        self._given = given
        self._edges = edges
        self._key = key
        self._groups = people(given.connections, given.group)
        self._conversations: list[list[str]] = []
        self._epoch = ""

    async def prepare(self) -> None:
        """Make the conversations and what is said in them, and let everybody be seen once. Raises SetupError."""
        made = await create(self._edges[0], self._key, self._groups, self._given.cursors)
        each = self._given.cursors
        self._conversations = [made[at : at + each] for at in range(0, len(made), each)]
        writers = [
            Writer(token(self._key, group[0], first=True), conversations, self._given.behind, self._given.size)
            for group, conversations in zip(self._groups, self._conversations, strict=True)
        ]
        await self._all(writers, SETUP_SECONDS)
        visitors = [Caller(one, {}, None) for one, _ in self._people()]
        await self._all(visitors, SETUP_SECONDS)
        for caller in (*writers, *visitors):
            if caller.errors or not caller.epoch:
                raise SetupError(f"What they are behind cannot be written: {dict(caller.errors) or 'no ready'}.")
        self._epoch = writers[0].epoch

    def _people(self) -> list[tuple[str, list[str]]]:
        """A token and the conversations of everybody."""
        return [
            (token(self._key, account, first=account == group[0]), conversations)
            for group, conversations in zip(self._groups, self._conversations, strict=True)
            for account in group
        ]

    async def _all(self, callers: Sequence[Caller], seconds: float, *, at_once: int = VISITS_AT_ONCE) -> None:
        gate = asyncio.Semaphore(at_once)

        async def one(number: int, caller: Caller) -> None:
            async with gate:
                try:
                    await caller.live(self._edges[number % len(self._edges)], number, seconds)
                except (OSError, TimeoutError, WSError) as fault:
                    caller.errors[f"not connected: {type(fault).__name__}"] += 1

        try:
            await asyncio.gather(*(one(number, caller) for number, caller in enumerate(callers)))
        finally:
            for caller in callers:
                caller.leave()

    async def blow(self) -> dict[str, Any]:
        """One storm; its figures."""
        callers = [Returner(one, mine, self._given.behind, self._epoch) for one, mine in self._people()]
        gc.collect()
        gc.disable()
        began = time.monotonic()
        try:
            await self._all(callers, LONGEST_SECONDS, at_once=len(callers))
        finally:
            gc.enable()
        done = [caller for caller in callers if caller.caught_up_at]
        events = sum(caller.events for caller in callers)
        seconds = max((caller.caught_up_at for caller in done), default=began) - began
        expected = len(callers) * self._given.cursors * self._given.behind
        faults = sum(caller.faults for caller in callers)
        errors = sum((caller.errors for caller in callers), Counter[str]())
        return {
            "caught_up": len(done),
            "seconds": seconds if len(done) == len(callers) else None,
            "events": events,
            "events_per_second": events / seconds if seconds else None,
            "expected": expected,
            "faults": faults,
            "errors": dict(errors),
            "sound": len(done) == len(callers) and events == expected and not faults and not errors,
            "ready_ms": percentiles(array("d", [c.ready_at - began for c in done]))._asdict(),
            "caught_up_ms": percentiles(array("d", [c.caught_up_at - began for c in done]))._asdict(),
            "load_average": os.getloadavg(),
        }


async def run(given: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """The whole run; its figures. Raises SetupError."""
    allow_files(given.connections)
    storm = Storm(given, urls(given, env), secret(given, env))
    await storm.prepare()
    rounds = []
    for _ in range(given.rounds):
        await asyncio.sleep(PAUSE_SECONDS)
        rounds.append(await storm.blow())
    return {
        **{name: getattr(given, name) for name in ("connections", "cursors", "behind", "group")},
        "rounds": rounds,
        "sound": all(one["sound"] for one in rounds),
        "cpus": os.cpu_count(),
    }


def render(figures: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{figures['connections']:,} connections at once, {figures['cursors']} cursors each,"
        f" {figures['behind']} events behind in each"
    ]
    for one in figures["rounds"]:
        seconds = "not all" if one["seconds"] is None else f"all in {one['seconds']:.2f} s"
        lines.append(
            f"caught up: {one['caught_up']:,} ({seconds}), {one['events']:,} of {one['expected']:,} events,"
            f" {one['faults']:,} out of turn, ready p50 {one['ready_ms']['p50']:,.0f} ms,"
            f" caught up p50 {one['caught_up_ms']['p50']:,.0f} ms{_errors(one['errors'])}"
        )
    return "\n".join([*lines, "Sound." if figures["sound"] else "NOT SOUND."])


def _errors(errors: Mapping[str, int]) -> str:
    return "".join(f"; {what} {n:,}" for what, n in sorted(errors.items()))


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when all caught up and every event came once, in order; 1 when not; 2 when there was no run."""
    given = arguments(argv)
    return conclude(run(given, env), render, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

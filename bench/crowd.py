"""Very many quiet connections: what each costs an edge in memory, and how fast they come in.

`python -m bench.crowd --help`. Every connection is an account of its own that says hello with a token, hears
`ready`, and then pings once, as its heartbeat would: memory is looked at behind that.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport

from bench.dial import allow_files, dial
from bench.frames import Failed, Greeted, Hello, Ping, Ponged, decode, encode
from bench.groups import SetupError, add_server, secret, token, urls
from bench.latency import percentiles
from bench.processes import between, usage
from bench.program import conclude

EDGE = "python -m edge"
READY_SECONDS = 60.0
PONG_SECONDS = 20.0


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000, help="(default 10,000)")
    parser.add_argument("--at-once", type=int, default=64, help="handshakes under way at a time (default 64)")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds over which they ping once, all together")
    add_server(parser)
    given = parser.parse_args(argv)
    if given.connections < 1 or given.at_once < 1 or given.idle < 0:
        parser.error("--connections and --at-once must be at least 1, --idle not below 0")
    return given


class Guest(WSListener):
    """One quiet connection."""

    def __init__(self, crowd: Crowd, greeting: bytes) -> None:
        self.transport: WSTransport | None = None
        self.ready: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._crowd = crowd
        self._greeting = greeting

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Greet."""
        self.transport = transport
        transport.send(WSMsgType.BINARY, self._greeting)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Note what is heard."""
        if frame.msg_type is WSMsgType.CLOSE:
            self._crowd.closes[str(frame.get_close_code())] += 1
            transport.disconnect()
        if frame.msg_type is not WSMsgType.BINARY:
            return
        try:
            heard = decode(frame.get_payload_as_memoryview())
        except msgspec.ValidationError:
            return
        if type(heard) is Greeted and self.ready is not None:
            if not self.ready.done():
                self.ready.set_result(None)
        elif type(heard) is Ponged:
            self._crowd.pongs += 1
        elif type(heard) is Failed:
            self._crowd.errors[heard.code] += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """It is over."""
        self.transport = None
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before ready"))


class Crowd:
    """All connections of a run."""

    def __init__(self, edges: Sequence[str], tokens: Sequence[str]) -> None:
        self.guests: list[Guest] = []
        self.ready_seconds = array("d")
        self.errors: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.pongs = 0
        self._edges = edges
        self._greetings = [encode(Hello(one, "crowd/1", {})) for one in tokens]

    async def come(self, at_once: int) -> float:
        """Bring all in, `at_once` at a time; the seconds that it took."""
        began = time.monotonic()
        numbers = iter(range(len(self._greetings)))
        await asyncio.gather(*(self._bring(numbers) for _ in range(at_once)))
        return time.monotonic() - began

    async def _bring(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            began = time.monotonic()
            guest = Guest(self, self._greetings[number])
            assert guest.ready is not None
            try:
                await dial(guest, self._edges[number % len(self._edges)], number=number)
                await asyncio.wait_for(guest.ready, READY_SECONDS)
            except (OSError, TimeoutError, WSError) as fault:
                self.errors[f"not connected: {type(fault).__name__}"] += 1
                continue
            self.ready_seconds.append(time.monotonic() - began)
            guest.ready = None
            self.guests.append(guest)

    @property
    def present(self) -> int:
        """Connections that stand."""
        return sum(guest.transport is not None for guest in self.guests)

    async def ping(self, seconds: float) -> None:
        """Let every connection ping once, evenly over `seconds`, and wait for the answers."""
        ping = encode(Ping({}))
        began = time.monotonic()
        for number, guest in enumerate(self.guests):
            if guest.transport is not None:
                guest.transport.send(WSMsgType.BINARY, ping)
            if (early := began + seconds * number / len(self.guests) - time.monotonic()) > 0.001:
                await asyncio.sleep(early)
        deadline = time.monotonic() + PONG_SECONDS
        while self.pongs < self.present and time.monotonic() < deadline:  # noqa: ASYNC110 — answers come one by one
            await asyncio.sleep(0.05)

    async def leave(self) -> None:
        """Hang up everywhere."""
        leaving = [guest.transport for guest in self.guests if guest.transport is not None]
        for transport in leaving:
            transport.disconnect()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.gather(*(transport.wait_disconnected() for transport in leaving))


def memory_of_edges(data_dir: Path) -> int:
    """Resident bytes of the instance's edges; 0 when they are not on this machine."""
    return sum(one.rss_bytes for one in usage(data_dir).values() if one.name == EDGE)


async def run(given: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """The whole run; its figures. Raises SetupError."""
    allow_files(given.connections)
    edges, key = urls(given, env), secret(given, env)
    crowd = Crowd(edges, [token(key, str(uuid.uuid4()), first=False) for _ in range(given.connections)])
    before, cost_before = memory_of_edges(given.data_dir), usage(given.data_dir)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        seconds = await crowd.come(given.at_once)
        if not crowd.guests:
            raise SetupError(f"Nobody came in at {edges[0]}: {dict(crowd.errors)}. Is it running (make run)?")
        connected, cost_connected = memory_of_edges(given.data_dir), usage(given.data_dir)
        await crowd.ping(given.idle)
        after, present = memory_of_edges(given.data_dir), crowd.present
    finally:
        gc.enable()
        await crowd.leave()
    return {
        "connections": given.connections,
        "ready": len(crowd.guests),
        "present": present,
        "pongs": crowd.pongs,
        "sound": present == crowd.pongs == given.connections,
        "connect_seconds": seconds,
        "connects_per_second": len(crowd.guests) / seconds,
        "ready_ms": percentiles(crowd.ready_seconds)._asdict(),
        "edge_bytes_before": before,
        "edge_bytes_connected": connected,
        "edge_bytes_after": after,
        "bytes_each": (after - before) / present if before and present else None,
        "processes": [cost._asdict() for cost in between(cost_before, cost_connected)],
        "errors": dict(crowd.errors),
        "closes": dict(crowd.closes),
        "load_average": os.getloadavg(),
        "cpus": os.cpu_count(),
    }


def render(figures: Mapping[str, Any]) -> str:
    """The figures for people."""
    ready, each = figures["ready_ms"], figures["bytes_each"]
    memory = "unknown (the edge is not on this machine)" if each is None else f"{each / 1000:.1f} KB each"
    lines = [
        f"{figures['ready']:,} of {figures['connections']:,} connections in {figures['connect_seconds']:.1f} s:"
        f" {figures['connects_per_second']:,.0f}/s",
        f"from connect to ready: p50 {ready['p50']:.1f} ms, p99 {ready['p99']:.1f} ms",
        f"{figures['present']:,} stood to the end, {figures['pongs']:,} heard a pong",
        f"edge memory: {memory}",
    ]
    lines += [
        f"{name}: " + ", ".join(f"{what} {n:,}" for what, n in sorted(figures[name].items()))
        for name in ("errors", "closes")
        if figures[name]
    ]
    lines += [
        f"{cost['name']}: {1000 * cost['cpu_seconds'] / figures['ready']:.2f} ms of processor time a connect"
        for cost in figures["processes"]
    ]
    return "\n".join([*lines, "Sound." if figures["sound"] else "NOT SOUND."])


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when all came in, stayed and were answered, 1 when not, 2 when there was no run."""
    given = arguments(argv)
    return conclude(run(given, env), render, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

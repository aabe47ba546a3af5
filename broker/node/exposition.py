"""`/metrics` and `/healthz` of a process, on a loopback port of its own.

The event loop answers by itself: rendering takes about a millisecond of it, at most once a second however many ask,
where a thread would hold the interpreter's lock just as long and take it at a worse moment. Whoever asks gets two
seconds for the head of his request and five to take the answer; more than a few at once are turned away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from broker.node.lag import LoopLag

log = structlog.get_logger()

HOST = "127.0.0.1"
AT_ONCE = 8
HEAD_BYTES = 8 * 1024
HEAD_SECONDS = 2.0
TAKE_SECONDS = 5.0
FRESH_SECONDS = 1.0
BIND_AGAIN_SECONDS = 5.0
PLAIN = "text/plain; charset=utf-8"


class Exposition:
    """Answers HTTP requests from a registry; `open_exposition` makes it and gives it its port."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._rendered = b""
        self._rendered_at = float("-inf")
        self._asking: set[asyncio.Task[None]] = set()

    def text(self, now: float) -> bytes:
        """All metrics in Prometheus's text format, at most a second old."""
        if now - self._rendered_at >= FRESH_SECONDS:
            self._rendered = generate_latest(self._registry)
            self._rendered_at = now
        return self._rendered

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody is there: the callback of `asyncio.start_server`."""
        if len(self._asking) >= AT_ONCE:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.response(head))
            writer.close()
            async with asyncio.timeout(TAKE_SECONDS):
                await writer.wait_closed()
        except asyncio.LimitOverrunError:
            writer.write(_http("431 Request Header Fields Too Large", b""))
            writer.close()
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            pass
        except Exception:  # a collector of ours: the scraper sees a failed scrape, the process goes on
            log.exception("metrics.fault")
            writer.write(_http("500 Internal Server Error", b""))
            writer.close()
        finally:
            if not writer.is_closing() or writer.transport.get_write_buffer_size():
                writer.transport.abort()

    def response(self, head: bytes) -> bytes:
        """The whole answer to a request, by its head."""
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _http("400 Bad Request", b"")
        method, target, _ = words
        path = target.partition(b"?")[0]
        if path not in (b"/metrics", b"/healthz"):
            return _http("404 Not Found", b"There is /metrics and /healthz.\n")
        if method not in (b"GET", b"HEAD"):
            return _http("405 Method Not Allowed", b"", "Allow: GET, HEAD\r\n")
        if path == b"/healthz":
            body, kind = b"alive\n", PLAIN
        else:
            body, kind = self.text(time.monotonic()), CONTENT_TYPE_PLAIN_0_0_4
        return _http("200 OK", body, kind=kind, without_body=method == b"HEAD")

    async def close(self) -> None:
        """Let go of whoever still asks."""
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def _http(status: str, body: bytes, more: str = "", *, kind: str = PLAIN, without_body: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"X-Content-Type-Options: nosniff\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + (b"" if without_body else body)


@asynccontextmanager
async def open_exposition(port: int | None, collectors: Iterable[Collector]) -> AsyncIterator[None]:
    """Tell what the collectors know on that loopback port while the context is open; None or 0: tell nobody.

    A port that cannot be had is no reason not to serve: it is logged once, and tried again every few seconds.
    """
    if not port:
        yield
        return
    registry = CollectorRegistry()
    async with AsyncExitStack() as parts:
        for collector in (*collectors, await parts.enter_async_context(LoopLag())):
            registry.register(collector)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        exposition = Exposition(registry)
        tried = asyncio.Event()
        serving = asyncio.get_running_loop().create_task(_serve(exposition, port, tried))
        await tried.wait()
        try:
            yield
        finally:
            serving.cancel()
            # Those who still ask first: a server that closes waits for them.
            await exposition.close()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def _serve(exposition: Exposition, port: int, tried: asyncio.Event) -> None:
    """Listen for ever, once the port can be had; `tried` is set after the first attempt."""
    told = False
    while True:
        try:
            server = await asyncio.start_server(exposition.connected, HOST, port, limit=HEAD_BYTES, backlog=AT_ONCE)
        except OSError as fault:
            if not told:
                log.warning("metrics.unavailable", port=port, reason=fault.strerror)
            told = True
            tried.set()
            await asyncio.sleep(BIND_AGAIN_SECONDS)
            continue
        log.info("metrics.listening", port=port)
        tried.set()
        try:
            await server.serve_forever()
        finally:
            server.close()

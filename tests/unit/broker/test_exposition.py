"""`/metrics` of a process: what it answers, whom it turns away, and that it never harms the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from structlog.testing import capture_logs

from broker.node import exposition
from broker.node.exposition import AT_ONCE, HEAD_BYTES, open_exposition
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.anyio

GET = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"


class Counted(Collector):
    """Counts how often it was asked; raises when `broken`."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        if self.broken:
            raise RuntimeError("planted")
        yield CounterMetricFamily("parley_asked_total", "Asked.", value=self.asked)


async def ask(port: int, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body of the answer; a connection cut without one is three times nothing."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            writer.write(request)
            async with asyncio.timeout(5):
                answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def answered(port: int) -> str:
    """The first status line that `GET` gets, however often it has to be asked; in 5 seconds."""
    async with asyncio.timeout(5):
        while True:
            if status := (await ask(port, GET))[0]:
                return status
            await asyncio.sleep(0.01)


def values(body: bytes) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if not sample.labels
    }


async def test_what_the_collectors_know_is_told_with_the_process_and_the_loop():
    port = free_port()
    async with open_exposition(port, [Counted()]):
        status, headers, body = await ask(port, GET)
    assert status == "HTTP/1.1 200 OK"
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert int(headers["Content-Length"]) == len(body)
    told = values(body)
    assert told["parley_asked_total"] == 1
    assert {
        "parley_loop_lag_seconds_count",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    } <= told.keys()


async def test_many_who_ask_within_a_second_cost_one_rendering():
    port, counted = free_port(), Counted()
    async with open_exposition(port, [counted]):
        bodies = {(await ask(port, GET))[2] for _ in range(5)}
        asked = counted.asked
    assert asked <= 2, "the second may turn in between"
    assert len(bodies) == asked


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics?name[]=x HTTP/1.0\r\n\r\n", "200 OK"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", "200 OK"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"GET /metrics/../etc HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "405 Method Not Allowed"),
        (b"hello\r\n\r\n", "400 Bad Request"),
        (b"\r\n\r\n", "400 Bad Request"),
        (b"GET /metrics SPDY/3\r\n\r\n", "400 Bad Request"),
        (b"\xff\xfe \x00 HTTP/1.1\r\n\r\n", "404 Not Found"),
    ],
    ids=["query", "health", "head", "root", "path", "post", "word", "empty", "protocol", "junk"],
)
async def test_a_request_gets_the_answer_that_it_deserves(request_, status):
    port = free_port()
    async with open_exposition(port, [Counted()]):
        assert (await ask(port, request_))[0] == f"HTTP/1.1 {status}"


async def test_a_head_that_does_not_end_is_refused_and_harms_nobody():
    port = free_port()
    async with open_exposition(port, [Counted()]):
        status, _, _ = await ask(port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 2 * HEAD_BYTES)
        assert status in ("HTTP/1.1 431 Request Header Fields Too Large", ""), "cut off with what it has not read"
        assert (await ask(port, GET))[0] == "HTTP/1.1 200 OK"


async def test_a_head_request_gets_the_head_alone():
    port = free_port()
    async with open_exposition(port, [Counted()]):
        _, headers, body = await ask(port, GET.replace(b"GET", b"HEAD"))
    assert int(headers["Content-Length"]) > 0
    assert body == b""


async def test_who_says_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(exposition, "HEAD_SECONDS", 0.05)
    port = free_port()
    async with open_exposition(port, [Counted()]):
        assert await ask(port, b"GET /metrics") == ("", {}, b"")


async def test_those_who_take_no_answer_are_let_go_for_others(monkeypatch):
    monkeypatch.setattr(exposition, "TAKE_SECONDS", 0.05)
    port = free_port()

    class Endless(Collector):
        def collect(self) -> Iterator[Metric]:
            yield CounterMetricFamily("parley_endless_total", "x" * 8_000_000, value=1)

    async with open_exposition(port, [Endless()]):
        asking = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_ONCE)]
        for one in asking:
            one.send(GET)
        assert await answered(port) == "HTTP/1.1 200 OK"
        for one in asking:
            one.close()


async def test_who_comes_when_too_many_ask_already_is_turned_away_and_may_come_again():
    port = free_port()
    async with open_exposition(port, [Counted()]):
        asking = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
        for _, writer in asking:
            writer.write(b"GET /metrics HTTP/1.1\r\n")
        assert await ask(port, GET) == ("", {}, b"")
        for reader, writer in asking:
            writer.write(b"\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
            writer.close()
        assert (await ask(port, GET))[0] == "HTTP/1.1 200 OK"


async def test_a_collector_that_fails_costs_one_scrape():
    port, counted = free_port(), Counted()
    async with open_exposition(port, [counted]):
        counted.broken = True
        with capture_logs() as logs:
            assert (await ask(port, GET))[0] == "HTTP/1.1 500 Internal Server Error"
        assert [line["event"] for line in logs] == ["metrics.fault"]
        counted.broken = False
        assert (await ask(port, GET))[0] == "HTTP/1.1 200 OK"


async def test_a_port_that_is_taken_is_logged_once_and_had_as_soon_as_it_is_free(monkeypatch):
    monkeypatch.setattr(exposition, "BIND_AGAIN_SECONDS", 0.01)
    with capture_logs() as logs, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with open_exposition(port, [Counted()]):
            taken.close()
            assert await answered(port) == "HTTP/1.1 200 OK"
    assert [line["event"] for line in logs] == ["metrics.unavailable", "metrics.listening"]


@pytest.mark.parametrize("port", [None, 0])
async def test_without_a_port_nothing_listens_and_nobody_is_asked(port):
    counted = Counted()
    with capture_logs() as logs:
        async with open_exposition(port, [counted]):
            pass
    assert (counted.asked, logs) == (0, [])


async def test_a_process_that_stops_does_not_wait_for_those_who_ask():
    port = free_port()
    async with asyncio.timeout(1.5):
        async with open_exposition(port, [Counted()]):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET ")
            await asyncio.sleep(0)
        writer.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)

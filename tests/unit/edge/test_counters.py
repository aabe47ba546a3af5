"""What an edge counts of deliveries and of HTTP requests."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from starlette.types import Message, Receive, Scope, Send

from broker.wire.payloads import Logged, logged
from edge.api.counted import Counted
from edge.counters import HttpCounters, SocketCounters


def event(seq: int, ago: float) -> Logged:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return logged({"type": "event", "seq": seq, "kind": "message", "at": stamp, "body": "hello"})


def test_a_delivery_is_as_late_as_its_last_event_is_old():
    counters = SocketCounters()
    counters.forwarded([event(1, 60.0), event(2, 2.0)], 10)
    assert (counters.events, counters.deliveries) == (2, 20)
    assert sum(counters.delivery_seconds.counts) == 1
    assert 1.9 < counters.delivery_seconds.sum < 3.0


def test_what_nobody_here_hears_is_not_late():
    counters = SocketCounters()
    counters.forwarded([event(1, 60.0)], 0)
    assert (counters.events, counters.deliveries, counters.delivery_seconds.sum) == (1, 0, 0.0)


async def asked(app: object, scope: Scope) -> list[Message]:
    """What the application answers."""
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, None, send)  # type: ignore[operator]  # an ASGI application
    return said


async def teapot(scope: Scope, receive: Receive, send: Send) -> None:
    if scope.get("path") == "/fault":
        raise RuntimeError("planted")
    time.sleep(0.002)  # noqa: ASYNC251 - something to measure
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.anyio
async def test_requests_are_counted_by_method_and_status_and_the_answer_is_left_alone():
    counters = HttpCounters()
    app = Counted(teapot, counters)
    for method in ("GET", "GET", "BREW", "X" * 50):
        assert len(await asked(app, {"type": "http", "method": method})) == 2
    assert counters.answers == {("GET", 418): 2, ("other", 418): 2}
    assert counters.seconds.sum >= 4 * 0.002


@pytest.mark.anyio
async def test_a_fault_passes_through_and_its_time_counts():
    counters = HttpCounters()
    with pytest.raises(RuntimeError):
        await asked(Counted(teapot, counters), {"type": "http", "method": "GET", "path": "/fault"})
    assert (counters.answers, sum(counters.seconds.counts)) == ({}, 1)


@pytest.mark.anyio
async def test_what_is_no_request_is_not_counted():
    counters = HttpCounters()
    await asked(Counted(teapot, counters), {"type": "lifespan"})
    assert sum(counters.seconds.counts) == 0

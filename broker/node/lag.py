"""How late the event loop is: what every client of this process waits in addition."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from broker.node.histogram import Histogram

LOOK_SECONDS = 0.25


class LoopLag(Collector):
    """Sets itself a timer four times a second, and notes by how much it is late. Open it with `async with`.

    libuv's timers know whole milliseconds, so the first of lag means little.
    """

    def __init__(self) -> None:
        self.seconds = Histogram()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    async def __aenter__(self) -> LoopLag:
        self._set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + LOOK_SECONDS
        self._timer = loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self.seconds.observe(asyncio.get_running_loop().time() - self._due)
        self._set()

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        yield self.seconds.family("parley_loop_lag_seconds", "How late a timer of the event loop came.")

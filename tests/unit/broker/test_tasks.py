"""Background work: it runs, it is ended, and its faults are logged once, without harm to other work."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from broker.node.tasks import Tasks

pytestmark = pytest.mark.anyio


async def test_work_runs_beside_everything_else_and_leaves_no_word():
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    with capture_logs() as logs:
        Tasks().spawn(work())
        await asyncio.wait_for(done.wait(), 5.0)
        await asyncio.sleep(0)
    assert logs == []


async def test_a_fault_is_logged_once_and_other_work_goes_on():
    tasks = Tasks()
    go_on, done = asyncio.Event(), asyncio.Event()

    async def bad() -> None:
        raise RuntimeError("planted")

    async def good() -> None:
        await go_on.wait()
        done.set()

    with capture_logs() as logs:
        tasks.spawn(bad())
        tasks.spawn(good())
        await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.wait_for(done.wait(), 5.0)
    assert [entry["event"] for entry in logs] == ["task.fault"]
    assert str(logs[0]["exc_info"]) == "planted"


async def test_cancel_returns_when_everything_has_ended_its_own_way():
    tasks = Tasks()
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append(name)

    tasks.spawn(work("one"))
    tasks.spawn(work("two"))
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await tasks.cancel()
    assert sorted(ended) == ["one", "two"]
    assert logs == []


async def test_what_runs_is_waited_for_but_not_for_ever():
    tasks = Tasks()
    go_on = asyncio.Event()

    async def work() -> None:
        await go_on.wait()

    await tasks.finish(5.0)
    tasks.spawn(work())
    began = asyncio.get_running_loop().time()
    await tasks.finish(0.05)
    assert asyncio.get_running_loop().time() - began >= 0.04
    go_on.set()
    await tasks.finish(5.0)
    assert not tasks._running

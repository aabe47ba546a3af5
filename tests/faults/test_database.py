"""Locks that somebody holds, and a worker stopped while its append is open: others go on, nothing stays locked."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import defaultdict

import psycopg
import pytest

from tests.faults.history import Operation
from tests.faults.measures import acks_between, first_ack, longest_silence, slowest, unhindered
from tests.faults.run import Run, running, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]

HELD_SECONDS = 30.0
OPEN = """SELECT state, wait_event_type FROM pg_stat_activity
           WHERE application_name = %s AND xact_start IS NOT NULL AND query LIKE '%%append_events%%'"""


async def test_while_one_conversation_is_locked_for_thirty_seconds_the_others_are_served(database_url, record_property):
    """Judged by those who are not in it: a client that waits for an answer there may hold its own other wishes back."""

    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        inside.update(talker.name for talker in run.talkers if run.rooms[0] in talker.rooms)
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", (run.rooms[0],))
            held.append(time.monotonic())
            await asyncio.sleep(HELD_SECONDS)
            await other.rollback()
        free.append(time.monotonic())
        await asyncio.sleep(7)

    inside: set[str] = set()
    held: list[float] = []
    free: list[float] = []
    async with running(database_url, seed=40) as run:
        verdict = await under_load(run, plan, seconds=HELD_SECONDS + 9)

        def outside(operation: Operation) -> bool:
            """One who was never in the locked conversation, over a WebSocket."""
            return operation.client not in inside and "-http-" not in operation.client

        def locked(operation: Operation) -> bool:
            return operation.conversation == run.rooms[0]

        wait = slowest(run, held[0], free[0] - 1, outside)
        silence = longest_silence(run, held[0], free[0], outside)
        back = min(at for op in run.history.operations.values() if locked(op) for _, at in op.acks if at >= free[0])
        late = slowest(run, free[0] + 5, free[0] + 6)
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("others", f"wait {wait:.2f} s at most, silence {silence:.2f} s; back {back - free[0]:.2f} s")
    assert acks_between(run, held[0] + 0.2, free[0], locked) == 0
    assert silence <= 1.5, silence
    assert wait <= 2.5, wait
    assert back - free[0] <= 5
    assert late <= 2, late


async def test_when_the_whole_table_was_locked_for_thirty_seconds_service_is_back_within_five(
    database_url, record_property
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("LOCK TABLE conversations IN EXCLUSIVE MODE")
            held.append(time.monotonic())
            await asyncio.sleep(HELD_SECONDS)
            await other.rollback()
        free.append(time.monotonic())
        await asyncio.sleep(7)

    held: list[float] = []
    free: list[float] = []
    async with running(database_url, seed=41) as run:
        verdict = await under_load(run, plan, seconds=HELD_SECONDS + 9)
        back = first_ack(run, free[0])
        late = slowest(run, free[0] + 5, free[0] + 6)
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("table", f"first ack {back:.2f} s after the lock; called 5 s later, {late:.2f} s at most")
    assert acks_between(run, held[0] + 0.5, free[0]) == 0
    assert back <= 5
    assert late <= 2, late


@pytest.mark.parametrize("lock", ["at once", "a second later"])
async def test_a_worker_stopped_while_its_append_is_open_leaves_no_lock_and_the_other_takes_over_within_three_seconds(
    database_url, lock, record_property
):
    """Its transaction waits for a lock when it is stopped: it is seen in the server, and ends there without it.

    Judged without what stands behind a command that was refused for good: while its first copy may still be stored,
    in the stopped worker, the refusal of the second is not told, and its lane waits.
    """

    async def plan(run: Run) -> None:
        await asyncio.sleep(1)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
            while not seen["open"]:
                async with await psycopg.AsyncConnection.connect(database_url) as other:
                    await other.execute("SELECT FROM conversations FOR UPDATE")
                    await until(admin, lambda rows: ("active", "Lock") in rows)
                    run.system.kill("persistence", signal.SIGSTOP)
                    began[:] = [time.monotonic()]
                    seen["open"] = await sessions(admin)
                    if lock != "at once":
                        await asyncio.sleep(1)
                    await other.rollback()
                if ("active", "Lock") not in seen["open"]:  # its half second was over between the two looks
                    seen["open"] = []
                    run.system.kill("persistence", signal.SIGCONT)
            await asyncio.sleep(0.5)
            seen["left"] = await sessions(admin)
            await asyncio.sleep(began[0] + 10 - time.monotonic())
            run.system.kill("persistence", signal.SIGCONT)
            await asyncio.sleep(1)

    async def sessions(admin: psycopg.AsyncConnection) -> list[tuple[str, str | None]]:
        return list(await (await admin.execute(OPEN, ("persistence",))).fetchall())

    async def until(admin: psycopg.AsyncConnection, enough) -> None:
        async with asyncio.timeout(5):
            while not enough(await sessions(admin)):  # noqa: ASYNC110 — in another process
                await asyncio.sleep(0.005)

    began: list[float] = []
    seen: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    async with running(database_url, seed=42) as run:
        verdict = await under_load(run, plan, seconds=14)
        late = slowest(run, began[0] + 3, began[0] + 8, unhindered(run))
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    assert seen["open"] == [("active", "Lock")]
    assert seen["left"] == []
    record_property("late", f"{late:.2f} s")
    assert late <= 1, late

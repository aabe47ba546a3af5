"""The instance that `make run` starts, when PostgreSQL or the machine fails under load: every ack is still true."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.launched import Launched, launched
from tests.faults.measures import acks_between, first_ack, slowest
from tests.faults.run import Run, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]

SMALL_DISK_MB = 200
FULL_SECONDS = 10.0


def instance(run: Run) -> Launched:
    """The launcher and its processes."""
    assert isinstance(run.system, Launched)
    return run.system


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL], ids=["immediate", "killed"])
async def test_when_everything_and_postgresql_die_at_once_every_ack_is_there_and_service_back_in_thirty_seconds(
    fast_path, how, record_property
):
    async def plan(run: Run) -> None:
        await asyncio.sleep(3)
        before.append(sum(bool(op.acks) for op in run.history.operations.values()))
        await instance(run).kill_everything(how)
        await asyncio.sleep(1)
        began.append(time.monotonic())
        instance(run).launch()
        await instance(run).ready(30)
        await asyncio.sleep(4)

    before: list[int] = []
    began: list[float] = []
    async with launched(fast_path, seed=30) as run:
        verdict = await under_load(run, plan, seconds=14)
        back = first_ack(run, began[0])
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    assert before[0] > 200
    record_property("back", f"{back:.2f} s, {before[0]} acknowledged before, {verdict.acked} in all")
    assert back <= 30


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_when_postgresql_restarts_acks_flow_again_within_five_seconds(fast_path, how, record_property):
    async def plan(run: Run) -> None:
        for _ in range(3):
            await asyncio.sleep(2)
            os.kill(instance(run).postmaster(), how)
            began.append(time.monotonic())
            await asyncio.sleep(0.2)
            await instance(run).database_ready()
            ready.append(time.monotonic())
            await asyncio.sleep(6)

    began: list[float] = []
    ready: list[float] = []
    async with launched(fast_path, seed=31) as run:
        verdict = await under_load(run, plan, seconds=34)
        back = [first_ack(run, at) for at in ready]
        late = [slowest(run, at + 5, at + 6) for at in ready]
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("away", [round(up - down, 2) for down, up in zip(began, ready, strict=True)])
    record_property("back", [round(one, 2) for one in back])
    assert max(back) <= 5, back
    assert max(late) <= 2, late


async def test_connections_killed_in_their_commit_leave_nothing_unknown_for_good(fast_path, record_property):
    """A standby that never answers holds every COMMIT behind its fsync; there the sessions are ended."""

    async def plan(run: Run) -> None:
        async with await psycopg.AsyncConnection.connect(run.database_url, autocommit=True) as admin:
            for _ in range(20):
                await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
                await admin.execute("SELECT pg_reload_conf()")
                await asyncio.sleep(0.15)
                ended = await admin.execute(
                    "SELECT pg_terminate_backend(pid), query LIKE '%%append_events%%' FROM pg_stat_activity"
                    " WHERE wait_event = 'SyncRep'"
                )
                killed.extend(append for _, append in await ended.fetchall())
                await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await admin.execute("SELECT pg_reload_conf()")
                await asyncio.sleep(0.3)
            healed.append(time.monotonic())
            await asyncio.sleep(6)

    killed: list[bool] = []
    healed: list[float] = []
    async with launched(fast_path, seed=32) as run:
        async with await psycopg.AsyncConnection.connect(run.database_url, autocommit=True) as admin:
            await admin.execute("ALTER SYSTEM SET wal_level = 'replica'")
            await admin.execute("ALTER SYSTEM SET max_wal_senders = 1")
        os.kill(instance(run).postmaster(), signal.SIGINT)
        await asyncio.sleep(0.5)
        await instance(run).database_ready()
        await instance(run).ready()
        verdict = await under_load(run, plan, seconds=22)
        back = first_ack(run, healed[0])
        late = slowest(run, healed[0] + 5, healed[0] + 6)
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    record_property("killed", f"{len(killed)} in COMMIT, {sum(killed)} of them appends; back after {back:.2f} s")
    assert sum(killed) >= 20
    assert back <= 5
    assert late <= 1


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A filesystem of its own that is soon full. Mounting one takes root."""
    folder = Path(tempfile.mkdtemp(prefix="parley-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"this test mounts a small tmpfs, which takes root: {done.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


async def test_on_a_full_disk_nothing_is_acknowledged_and_when_there_is_room_again_service_comes_back_by_itself(
    small_disk, tmp_path, record_property
):
    """First tables cannot grow, then PostgreSQL cannot write its log and dies again and again. Logs fill up, too."""
    ballast = small_disk / "ballast"

    async def plan(run: Run) -> None:
        await asyncio.sleep(3)
        fill(ballast)
        full.append(time.monotonic())
        await asyncio.sleep(FULL_SECONDS)
        with pytest.raises(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(run.database_url, autocommit=True) as admin:
                for _ in range(20):
                    fill(ballast)
                    await admin.execute("SELECT pg_switch_wal()")
                    await admin.execute("SELECT pg_logical_emit_message(true, 'parley', 'what fills a log')")
        down.append(time.monotonic())
        for _ in range(int(10 * FULL_SECONDS)):
            fill(ballast)
            await asyncio.sleep(0.1)
        ballast.unlink()
        free.append(time.monotonic())
        await instance(run).database_ready(60)
        ready.append(time.monotonic())
        await asyncio.sleep(6)

    full: list[float] = []
    down: list[float] = []
    free: list[float] = []
    ready: list[float] = []
    async with launched(tmp_path, data=small_disk / "data", seed=33) as run:
        verdict = await under_load(run, plan, seconds=50)
        back = first_ack(run, free[0])
        late = slowest(run, ready[0] + 5, ready[0] + 6)
        ended = set(re.findall(r"parley: (\S+) (?:ended|was killed)", instance(run).words.read_text()))
    assert verdict.sound, verdict.faults
    assert verdict.open == 0
    told = f"{acks_between(run, full[0], down[0])} acks with full tables, {acks_between(run, down[0], free[0])} without"
    record_property("full", f"{told} a log; PostgreSQL {ready[0] - free[0]:.2f} s, acks {back:.2f} s after room")
    assert acks_between(run, down[0], free[0]) == 0
    assert back <= 15
    assert late <= 5  # clients themselves wait longer and longer between their attempts
    assert ended == {"postgres"}


def fill(ballast: Path) -> None:
    """Leave no byte free on its filesystem."""
    with ballast.open("ab", buffering=0) as file:
        while left := shutil.disk_usage(ballast.parent).free:
            try:
                file.write(b"\0" * min(left, 1 << 20))
            except OSError:
                return

"""The supervisor over real processes: small stand-ins that say what they hear."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from deploy import supervisor as module
from deploy.errors import LaunchError
from deploy.plan import Process, Stage
from deploy.supervisor import Supervisor

pytestmark = pytest.mark.anyio

POLITE = """
import signal, sys, time
def leave(*_):
    print("leaving", time.monotonic(), flush=True)
    time.sleep(0.1)
    print("left", time.monotonic(), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up", time.monotonic(), flush=True)
while True:
    signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
KEEPER = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
print("up", child.pid, flush=True)
signal.pause()
"""


class Instance:
    """A supervisor with its notices and logs at hand."""

    def __init__(self, logs: Path) -> None:
        self.notices: list[str] = []
        self.logs = logs
        self.supervisor = Supervisor(folder=logs, logs=logs, notice=self.notices.append)

    def process(self, name: str, stage: Stage, code: str) -> Process:
        return Process(name=name, stage=stage, argv=(sys.executable, "-c", code), env=dict(os.environ))

    async def lines(self, name: str, count: int = 1, word: str = "up") -> list[str]:
        """The log's lines that begin with `word`, once there are `count`."""
        async with asyncio.timeout(10):
            while True:
                path = self.logs / f"{name}.log"
                found = [line for line in _read(path) if line.startswith(word)]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)

    def pid(self, name: str) -> int:
        return next(child.pid for child in self.supervisor._children if child.process.name == name and child.pid)


def _read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def instance(tmp_path):
    made = Instance(tmp_path)
    yield made
    made.supervisor.hurry()
    await made.supervisor.stop()


async def test_a_killed_process_is_started_again_after_a_tenth_of_a_second(instance):
    instance.supervisor.start([instance.process("edge", Stage.EDGES, POLITE)])
    await instance.lines("edge")
    instance.supervisor.settled()
    killed = instance.pid("edge")
    os.kill(killed, signal.SIGKILL)
    await instance.lines("edge", count=2)
    assert instance.pid("edge") != killed
    assert instance.notices == ["edge was killed by SIGKILL; starting it again in 0.1 s"]


async def test_a_process_killed_during_the_launch_is_started_again_too(instance):
    instance.supervisor.start([instance.process("edge", Stage.EDGES, POLITE)])
    await instance.lines("edge")
    os.kill(instance.pid("edge"), signal.SIGKILL)
    await instance.lines("edge", count=2)
    assert not instance.supervisor.failed.done()


async def test_each_stage_has_ended_before_the_next_is_told_to(instance):
    stages = {stage.name.lower(): stage for stage in Stage}
    instance.supervisor.start([instance.process(name, stage, POLITE) for name, stage in stages.items()])
    for name in stages:
        await instance.lines(name)
    await instance.supervisor.stop()
    order = sorted(stages, key=lambda name: stages[name], reverse=True)
    for earlier, later in pairwise(order):
        left = float((await instance.lines(earlier, word="left"))[0].split()[1])
        told = float((await instance.lines(later, word="leaving"))[0].split()[1])
        assert left <= told, f"{later} was told to stop before {earlier} had"


async def test_a_process_that_does_not_stop_is_killed_when_its_time_is_up(instance, monkeypatch):
    monkeypatch.setitem(module.STOP_SECONDS, Stage.WORKERS, 0.2)
    instance.supervisor.start([instance.process("fanout", Stage.WORKERS, DEAF)])
    await instance.lines("fanout")
    pid = instance.pid("fanout")
    await instance.supervisor.stop()
    assert not alive(pid)
    assert instance.notices == ["fanout did not stop within 0 s: killed"]


async def test_hurrying_ends_the_wait(instance):
    instance.supervisor.start([instance.process("fanout", Stage.WORKERS, DEAF)])
    await instance.lines("fanout")
    began = time.monotonic()
    stopping = asyncio.create_task(instance.supervisor.stop())
    await asyncio.sleep(0.05)
    instance.supervisor.hurry()
    await stopping
    assert time.monotonic() - began < 2


async def test_a_process_that_cannot_start_ends_the_launch_with_its_last_words(instance):
    code = "print('Traceback'); raise SystemExit('EDGE_FOO is not a setting')"
    instance.supervisor.start([instance.process("edge", Stage.EDGES, code)])
    async with asyncio.timeout(10):
        error = await instance.supervisor.failed
    assert "edge ended with status 1 at the start: EDGE_FOO is not a setting" in str(error)
    assert sorted(error.words) == ["EDGE_FOO is not a setting", "Traceback"]


async def test_a_settled_process_that_ends_by_itself_is_started_again(instance):
    instance.supervisor.settled()
    instance.supervisor.start([instance.process("edge", Stage.EDGES, "print('up', flush=True)")])
    await instance.lines("edge", count=3)
    assert instance.notices[:2] == [
        "edge ended with status 0; starting it again in 0.1 s",
        "edge ended with status 0; starting it again in 0.2 s",
    ]


async def test_a_step_that_fails_ends_the_launch(instance):
    await instance.supervisor.run(instance.process("migrate", Stage.DATABASE, "pass"))
    with pytest.raises(LaunchError, match="demo ended with status 3 at the start: it said nothing"):
        await instance.supervisor.run(instance.process("demo", Stage.DATABASE, "raise SystemExit(3)"))


async def test_a_program_that_is_not_there_ends_the_launch(instance):
    lost = Process(name="edge", stage=Stage.EDGES, argv=(str(instance.logs / "nothing"),), env={})
    with pytest.raises(LaunchError, match="edge cannot be started"):
        instance.supervisor.start([lost])


async def test_a_step_is_stopped_with_the_rest(instance):
    running = asyncio.create_task(instance.supervisor.run(instance.process("migrate", Stage.DATABASE, POLITE)))
    await instance.lines("migrate")
    running.cancel()  # as the launch is, before the stop
    await asyncio.wait([running])
    await instance.supervisor.stop()
    await instance.lines("migrate", word="left")
    assert instance.notices == []


async def test_every_process_has_a_session_of_its_own(instance):
    """Ctrl-C reaches a whole process group; edges must drain before the database goes."""
    instance.supervisor.start([instance.process("edge", Stage.EDGES, POLITE)])
    await instance.lines("edge")
    assert os.getsid(instance.pid("edge")) == instance.pid("edge")


async def test_a_log_that_outgrew_its_bound_is_turned_over_under_a_running_process(instance, monkeypatch):
    monkeypatch.setattr("deploy.child.LOG_BYTES", 100)
    instance.supervisor.start([instance.process("edge", Stage.EDGES, POLITE)])
    await instance.lines("edge")
    log = instance.logs / "edge.log"
    with log.open("a") as more:
        more.write("old line\n" * 50)
    child = instance.supervisor._children[0]
    child.rotate()
    assert "old line" in (instance.logs / "edge.log.1").read_text()
    child.send(signal.SIGTERM)
    await instance.lines("edge", word="left")
    assert log.read_text().startswith("leaving")


ORPHANED = """
import asyncio, os, signal, sys
from pathlib import Path
from deploy import orphans
from deploy.plan import Process, Stage
from deploy.supervisor import Supervisor
async def main():
    orphans.adopt()
    folder = Path(sys.argv[1])
    supervisor = Supervisor(folder=folder, logs=folder, notice=lambda text: print(text, flush=True))
    argv = (sys.executable, "-c", sys.argv[2])
    keeper = Process(name="postgres", stage=Stage.DATABASE, argv=argv, env=dict(os.environ))
    supervisor.start([keeper])
    while not (folder / "postgres.log").read_text().startswith("up"):
        await asyncio.sleep(0.01)
    print("supervising", flush=True)
    if sys.argv[3] == "stop":
        await supervisor.stop()
    else:
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["stop", "kill -9"])
async def test_no_process_outlives_the_supervisor(tmp_path, monkeypatch, end):
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORPHANED, str(tmp_path), KEEPER if end == "stop" else POLITE, end),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(module.__file__).parent.parent,
    )
    assert launcher.stdout is not None
    assert await asyncio.wait_for(launcher.stdout.readline(), 10) == b"supervising\n"
    word = (tmp_path / "postgres.log").read_text().split()
    if end == "stop":
        told = (await asyncio.wait_for(launcher.stdout.read(), 20)).decode()
        assert await launcher.wait() == 0
        assert f"killed process {word[1]}" in told, "the grandchild that nobody looked after"
        assert not alive(int(word[1]))
    else:
        left = await _children_of(launcher.pid)
        launcher.kill()
        await launcher.wait()
        async with asyncio.timeout(5):
            while any(alive(pid) for pid in left):  # noqa: ASYNC110 — strangers die unannounced
                await asyncio.sleep(0.01)


async def _children_of(pid: int) -> list[int]:
    from deploy import orphans

    found = list(orphans.children(pid))
    assert found
    return found

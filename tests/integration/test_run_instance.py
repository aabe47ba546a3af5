"""`python -m deploy.run`, whole: real PostgreSQL, broker, workers and edge, from the start to the last process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.ports import free_port, free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 120.0
STOP_SECONDS = 20.0
MODULES = ("storage serve", "broker", "workers.persistence", "workers.fanout", "workers.scanning", "edge")


def scraped(data_dir: Path) -> list[str]:
    """The names of the processes in the list for Prometheus, each of which tells its metrics as that kind."""
    names = []
    for target in json.loads((data_dir / "metrics.json").read_text()):
        with urllib.request.urlopen(f"http://{target['targets'][0]}/metrics", timeout=5) as answer:
            assert f"parley_{target['labels']['kind']}_" in answer.read().decode()
        names.append(target["labels"]["process"])
    return sorted(names)


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every living process that carries this DATA_DIR, with its command line."""
    mark = f"DATA_DIR={data_dir}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
    return found


def eventually(true: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Launched:
    """A launcher in a process group of its own, as a terminal gives it, and what it prints."""

    def __init__(self, data_dir: Path, *, under: tuple[str, ...] = (), **env: str) -> None:
        self.data_dir = data_dir
        self.port = env.setdefault("PORT", str(free_port()))
        self.words = data_dir.parent / f"{data_dir.name}.words"
        given = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "AUTH_JWT_SECRET")}
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "deploy.run"],
                cwd=ROOT,
                env=given | {"PARLEY_DEMO": "0", "DATA_DIR": str(data_dir)} | env,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.words.read_text()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def counts(self) -> dict[str, int]:
        """How many brokers and workers the first edge sees."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
            seen = json.load(answer)
        return {name: seen[name] for name in ("brokers", "persistence", "fanout")}

    def pid_of(self, module: str) -> int | None:
        found = [pid for pid, line in processes_of(self.data_dir).items() if line.endswith(f"-m {module}")]
        return found[0] if found else None

    def await_running(self) -> None:
        eventually(lambda: "stop      Ctrl-C" in self.said() or self.process.poll() is not None, START_SECONDS)
        assert "Parley is running at" in self.said(), self.said()

    def ended(self) -> int:
        return self.process.wait(STOP_SECONDS)


@pytest.fixture
def launch(tmp_path) -> Iterator[Callable[..., Launched]]:
    made: list[Launched] = []

    def start(name: str = "data", under: tuple[str, ...] = (), **env: str) -> Launched:
        made.append(Launched(tmp_path / name, under=under, **env))
        return made[-1]

    yield start
    for launched in made:
        if launched.process.poll() is None:
            launched.process.terminate()
            launched.process.wait(60)


def test_an_instance_starts_serves_heals_and_leaves_nothing_behind(launch):
    """One long test, because a start takes seconds: each part stands on the one before."""
    launched = launch(METRICS_PORT=str(free_ports(5)))
    launched.await_running()
    assert f"http://127.0.0.1:{launched.port}" in launched.said()
    assert launched.is_ready()
    assert scraped(launched.data_dir) == ["broker", "edge", "fanout", "persistence", "scanning"]

    running = processes_of(launched.data_dir)
    for module in MODULES:
        assert any(line.endswith(f"python -m {module}") for line in running.values()), module
    server = [pid for pid, line in running.items() if "/postgres -D" in line]
    assert server
    assert all(os.getsid(pid) != os.getsid(launched.process.pid) for pid in running if pid != launched.process.pid)
    assert launched.data_dir.stat().st_mode & 0o777 == 0o700
    assert (launched.data_dir / "jwt.secret").stat().st_mode & 0o777 == 0o600

    for module in ("edge", "broker", "workers.persistence", "workers.fanout", "storage serve"):
        before = launched.pid_of(module)
        assert before is not None, module
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda m=module, b=before: launched.pid_of(m) not in (None, b), 5), launched.said()
        assert eventually(launched.is_ready, 30), f"{module}: {launched.said()}"

    began = time.monotonic()
    os.killpg(launched.process.pid, signal.SIGINT)  # what Ctrl-C does
    assert launched.ended() == 0, launched.said()
    assert time.monotonic() - began < 16
    assert "did not stop" not in launched.said()
    assert not processes_of(launched.data_dir)


def test_a_launcher_killed_with_9_leaves_no_process_and_the_next_start_has_the_data(launch):
    first = launch()
    first.await_running()
    secret = (first.data_dir / "jwt.secret").read_text()
    first.process.kill()
    first.process.wait()
    assert eventually(lambda: not processes_of(first.data_dir), 10), processes_of(first.data_dir)

    again = launch(PORT=first.port)
    again.await_running()
    assert "makes a database" in again.said()
    assert (again.data_dir / "jwt.secret").read_text() == secret
    again.process.terminate()
    assert again.ended() == 0
    assert not processes_of(again.data_dir)


def test_everything_killed_at_once_starts_again(launch):
    first = launch()
    first.await_running()
    for pid in processes_of(first.data_dir):
        os.kill(pid, signal.SIGKILL)
    first.process.wait()
    assert eventually(lambda: not processes_of(first.data_dir), 10)
    again = launch(PORT=first.port)
    again.await_running()


def test_two_instances_run_side_by_side_and_a_third_is_refused(launch):
    one, two = launch("one"), launch("two", EDGES="2", BROKERS="2", PERSISTENCE_WORKERS="2", FANOUT_WORKERS="2")
    one.await_running()
    two.await_running()
    assert len(re.findall(r"http://127\.0\.0\.1:\d+", two.said().split("Parley is running")[1])) >= 2
    assert sum(line.endswith("-m broker") for line in processes_of(two.data_dir).values()) == 2

    assert eventually(lambda: two.counts() == {"brokers": 2, "persistence": 2, "fanout": 2}, 10)
    third = add_by_hand(two, "workers.persistence")
    assert eventually(lambda: two.counts()["persistence"] == 3, 10), two.counts()
    third.terminate()
    assert third.wait(10) == 0
    assert eventually(lambda: two.counts()["persistence"] == 2, 2)

    same_port = launch("three", PORT=one.port)
    assert same_port.ended() == 1
    assert f"PORT={one.port} on 127.0.0.1 cannot be used" in same_port.said()
    assert not processes_of(same_port.data_dir)

    same_folder = Launched(one.data_dir.with_name("x"), DATA_DIR=str(one.data_dir))
    assert same_folder.ended() == 1
    assert f"is in use by process {one.process.pid}" in same_folder.said()
    slip = Launched(one.data_dir.with_name("y"), DATA_DIR=str(one.data_dir), WORKER_QUEUE="1")
    assert slip.ended() == 1
    assert "WORKER_QUEUE is not a setting" in slip.said()
    assert one.is_ready()
    assert two.is_ready()


def add_by_hand(launched: Launched, module: str) -> subprocess.Popen[bytes]:
    """One more, by another supervisor: it needs to know where the brokers and the data are, nothing else."""
    pid = launched.pid_of(module)
    named = dict(entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry)
    env = {name: named[name] for name in ("PATH", "DATA_DIR", "BROKER_ADDRESSES")}
    return subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=env)


def test_make_run_starts_a_launcher_that_carries_its_data_folder_also_when_none_is_named(tmp_path):
    """The recipe itself, in a folder of the test's own; the environment stands already."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "AUTH_JWT_SECRET")}
    said = tmp_path / "words"
    with said.open("wb") as words:
        make = subprocess.Popen(
            [
                "make",
                "-f",
                str(ROOT / "Makefile"),
                *("-o", "run-environment", "-o", "webapp"),
                f"VENV={sys.prefix}/bin",
                "run",
            ],
            cwd=tmp_path,
            env=env | {"PYTHONPATH": str(ROOT), "PORT": str(free_port()), "PARLEY_DEMO": "0", "DATA_DIR": ""},
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    data_dir = tmp_path / ".parley"
    try:
        # From then on it listens to signals.
        assert eventually(lambda: "starting PostgreSQL" in said.read_text(), 60), said.read_text()
        # Not by its line alone: a child of its that is just being started bears the same for a moment.
        launcher = int((data_dir / "launcher.lock").read_text())
        assert processes_of(data_dir)[launcher].endswith("-m deploy.run")
        os.kill(launcher, signal.SIGTERM)
        assert make.wait(60) == 0, said.read_text()
        assert not processes_of(data_dir)
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGKILL)  # all that it started goes with it
            make.wait()


def test_a_wrong_setting_of_any_process_is_found_before_anything_is_made(launch):
    for number, slip in enumerate(
        ({"EDGE_ACCESS_SECONDS": "1"}, {"WORKER_BATCH_COMMANDS": "501"}, {"HOST": "192.0.2.1"})
    ):
        launched = launch(f"data-{number}", **slip)
        assert launched.process.wait(60) == 1
        assert next(iter(slip)) in launched.said()
        assert not launched.data_dir.exists()


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"STORAGE_POOL": "1"}, "STORAGE_POOL"),
        ({"BROKER_BINDS": "1"}, "BROKER_BINDS"),
        ({"WORKER_QUEUE": "1"}, "WORKER_QUEUE"),
        ({"EDGE_NOTHING": "1"}, "EDGE_NOTHING"),
        ({"RATE_LIMIT": "much"}, "RATE_LIMIT"),
        ({"AUTH_JWT_SECRET": "short"}, "AUTH_JWT_SECRET"),
        ({"AUTH_JWKS_FILE": "/dev/null"}, "AUTH_JWKS_FILE"),
        ({"HOST": "192.0.2.1"}, "HOST=192.0.2.1 is no address of this machine"),
        ({"DATABASE_URL": "mysql://db/parley"}, "write postgresql://"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "DATABASE_URL"),
        ({"DATA_DIR": "/proc/parley"}, "DATA_DIR=/proc/parley"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_work_is_named_in_one_line_and_nothing_is_left_running(launch, tmp_path, env, named):
    launched = launch(**env)
    status, said = launched.process.wait(60), launched.said()
    assert status == 1, said
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("parley: ")
    assert named in last
    assert not processes_of(tmp_path / "data")


def test_a_make_killed_with_9_takes_the_instance_with_it(launch):
    """make starts the launcher and waits; the launcher asks for a SIGTERM at its end, so all stops in order."""
    like_make = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    launched = launch(under=like_make, PARLEY_DIE_WITH_PARENT="1")
    launched.await_running()
    launched.process.kill()
    launched.process.wait()
    assert eventually(lambda: not processes_of(launched.data_dir), 16), processes_of(launched.data_dir)
    assert "stopped; the data is kept" in launched.said()


def test_ctrl_c_during_the_start_stops_it(launch):
    launched = launch()
    assert eventually(lambda: "starting PostgreSQL" in launched.said(), 30)
    os.killpg(launched.process.pid, signal.SIGINT)
    assert launched.ended() == 0, launched.said()
    assert "Traceback" not in launched.said()
    assert not processes_of(launched.data_dir)

"""The embedded server as a process: started, killed, recovered, side by side, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from storage import cluster, embedded
from storage.embedded import EmbeddedError, Server

ROOT = Path(__file__).parents[2]


def serve(data_dir: Path, **env: str) -> subprocess.Popen[str]:
    """`python -m storage serve`, ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "storage", "serve"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "PostgreSQL is ready" in line:
            return process
    raise AssertionError("it never became ready")


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def gone(data_dir: Path) -> bool:
    """Whether no process of this server is left, waiting for it ten seconds at most."""
    end = time.monotonic() + 10
    while cluster.Cluster(data_dir).users():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def execute(data_dir: Path, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(embedded.dsn(data_dir), autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload]  # psycopg wants a literal
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def data_dir(fast_path: Path) -> Path:
    return fast_path / "a folder with \"odd\" 'names'"


def test_it_runs_in_a_session_of_its_own_durable_and_private(data_dir):
    process = serve(data_dir)
    try:
        pid = postmaster(data_dir)
        assert os.getsid(pid) == pid
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert f"DATA_DIR={data_dir}".encode() in environment
        for name, value in {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}.items():
            assert execute(data_dir, f"SHOW {name}") == [(value,)]
        assert execute(data_dir, "SHOW listen_addresses") == [("",)]
        home = cluster.Cluster(data_dir)
        assert home.secret.stat().st_mode & 0o777 == 0o600
        for folder in (home.root, home.data, home.sockets):
            assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(embedded.dsn(data_dir), password="guessed")
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert gone(data_dir)


def test_a_signal_stops_it_cleanly_and_the_next_start_has_the_data(data_dir):
    process = serve(data_dir)
    execute(data_dir, "CREATE TABLE kept AS SELECT 1 AS one")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert gone(data_dir)
    with Server(data_dir) as server:
        assert execute(data_dir, "SELECT one FROM kept") == [(1,)]
        assert server.process is not None
    assert gone(data_dir)


def test_killed_with_9_it_leaves_no_process_and_recovers(data_dir):
    process = serve(data_dir)
    execute(data_dir, "CREATE TABLE kept AS SELECT 1 AS one")
    process.kill()
    process.wait()
    assert gone(data_dir)
    process = serve(data_dir)
    assert execute(data_dir, "SELECT one FROM kept") == [(1,)]
    os.kill(postmaster(data_dir), signal.SIGKILL)  # PostgreSQL itself: the wrapper says so and ends
    assert process.wait(20) == 1
    assert process.stderr is not None
    assert "PostgreSQL ended by itself" in process.stderr.read()
    assert gone(data_dir)
    with Server(data_dir):
        assert execute(data_dir, "SELECT one FROM kept") == [(1,)]


def test_it_ends_with_the_supervisor_that_started_it(data_dir):
    starter = "import os, subprocess, sys;subprocess.Popen([sys.executable, '-m', 'storage', 'serve'], stderr=2).wait()"
    with subprocess.Popen(
        [sys.executable, "-c", starter],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), "PARLEY_DIE_WITH_PARENT": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stderr is not None
        while "PostgreSQL is ready" not in supervisor.stderr.readline():
            pass
        supervisor.kill()
    assert gone(data_dir)


def test_a_pid_file_that_lies_does_not_keep_it_from_starting(data_dir):
    """After a kill -9 the number in it may have become another process of ours."""
    with Server(data_dir):
        pass
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data_dir / 'postgres'}\n0\n5432\n")
    with Server(data_dir):
        assert execute(data_dir, "SELECT 1") == [(1,)]


def test_two_instances_run_side_by_side_and_one_folder_takes_one(fast_path):
    with Server(fast_path / "one"), Server(fast_path / ("two" + "x" * 120)) as two:
        execute(fast_path / "one", "CREATE TABLE here AS SELECT 1")
        assert execute(two.data_dir, "SELECT to_regclass('here')") == [(None,)]
        with pytest.raises(EmbeddedError, match="another Parley already runs the database"):
            Server(two.data_dir).start()
        assert execute(two.data_dir, "SELECT 1") == [(1,)]


def test_a_comma_in_the_folder_is_no_second_host(fast_path):
    data_dir = fast_path / "one, two"
    with Server(data_dir) as server:
        assert execute(data_dir, "SELECT 1") == [(1,)]
        assert server.cluster.sockets.exists()
    assert not server.cluster.sockets.exists()  # it lay outside of DATA_DIR, where nobody would look for it


def test_a_leftover_that_does_not_end_is_named(data_dir, monkeypatch):
    with Server(data_dir):
        pass
    monkeypatch.setattr(embedded, "LEFTOVER_SECONDS", 0.1)
    with subprocess.Popen(["/bin/sleep", "30"], cwd=data_dir / "postgres") as leftover:
        with pytest.raises(EmbeddedError, match=f"{leftover.pid}.*still use"):
            Server(data_dir).start()
        leftover.kill()
    with Server(data_dir):
        pass


def test_a_server_that_cannot_start_is_reported_and_nothing_stays_locked(data_dir, fast_path):
    with Server(data_dir):
        pass
    control = data_dir / "postgres" / "global" / "pg_control"
    control.rename(fast_path / "pg_control")
    with (fast_path / "output").open("wb") as output, pytest.raises(EmbeddedError, match="ended at once"):
        Server(data_dir, output=output).start()
    assert "pg_control" in (fast_path / "output").read_text()
    (fast_path / "pg_control").rename(control)
    with Server(data_dir):
        assert execute(data_dir, "SELECT 1") == [(1,)]


def test_a_server_that_does_not_answer_in_time_is_stopped(data_dir, monkeypatch):
    with Server(data_dir):
        pass
    monkeypatch.setattr(embedded, "START_SECONDS", 0.0)

    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("not yet")

    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(EmbeddedError, match="does not answer"):
        Server(data_dir).start()
    assert gone(data_dir)


def test_a_stop_that_takes_too_long_becomes_an_immediate_one(data_dir, monkeypatch):
    server = Server(data_dir)
    server.start()
    execute(data_dir, "CREATE TABLE kept AS SELECT 1 AS one")
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.0)
    server.stop()
    server.stop()  # a second time is nothing
    assert gone(data_dir)
    monkeypatch.undo()
    with Server(data_dir):
        assert execute(data_dir, "SELECT one FROM kept") == [(1,)]


def test_an_interrupted_first_start_is_done_over(data_dir):
    (data_dir / "postgres.new" / "half").mkdir(parents=True)
    data_dir.chmod(0o700)
    with Server(data_dir):
        assert execute(data_dir, "SELECT 1") == [(1,)]
    assert not (data_dir / "postgres.new").exists()


def test_where_namespaces_are_forbidden_it_is_handed_to_another_user(monkeypatch, data_dir):
    """Root lends it `nobody`; an ordinary user, who could lend nothing, stands in with its own number here."""
    user = cluster.NOBODY if os.getuid() == 0 else os.getuid()
    groups = "--clear-groups" if os.getuid() == 0 else "--keep-groups"
    way = ("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user if os.getuid() == 0 else os.getgid()}", groups)
    monkeypatch.setattr(cluster, "NOBODY", user)
    monkeypatch.setattr(cluster, "prefix", lambda: way)
    for _ in range(2):
        with Server(data_dir):
            assert execute(data_dir, "SHOW fsync") == [("on",)]
            assert Path(f"/proc/{postmaster(data_dir)}").stat().st_uid == user
    assert gone(data_dir)


def test_a_user_without_a_name_has_a_database_where_namespaces_are_allowed_and_else_is_told_what_to_do(data_dir):
    """Whoever runs this becomes the number 54321, which no machine has given a name."""
    unnamed = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
    allowed = subprocess.run([*unnamed, "true"], capture_output=True, check=False).returncode == 0
    become = unnamed if allowed else ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
    start = (
        "import os, sys; from pathlib import Path; from storage import cluster; from storage.embedded import Server\n"
        "assert os.getuid() == 54321\n"
        "with Server(Path(sys.argv[1])) as server:\n"
        "    print(cluster.prefix(), (server.cluster.data / 'postmaster.pid').stat().st_uid)"
    )
    done = subprocess.run(
        [*become, sys.executable, "-c", start, str(data_dir)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if allowed:
        assert done.returncode == 0, done.stderr
        assert "--map-user=" in done.stdout
        assert done.stdout.endswith(" 54321\n")
    else:
        assert done.returncode != 0
        assert any(words in done.stderr for words in ("who has none", "ermission denied", "not permitted"))
    assert gone(data_dir)

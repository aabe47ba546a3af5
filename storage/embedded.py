"""The embedded PostgreSQL: one server per DATA_DIR, on a socket that only its owner may open.

It needs nothing installed and never outlives the process that started it: a clean stop is a fast shutdown,
and when we are killed with -9 the kernel sends PostgreSQL the signal for one. Killed with -9 itself, it
recovers from its log at the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from storage import cluster, parent
from storage.cluster import Cluster, EmbeddedError

__all__ = ["EmbeddedError", "Server", "dsn", "serve"]

STOP_SECONDS = 20.0  # a fast shutdown writes a checkpoint; past this, an immediate one leaves it to recovery
START_SECONDS = 120.0  # recovery after a crash replays up to max_wal_size
LEFTOVER_SECONDS = 30.0
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def dsn(data_dir: Path, database: str = cluster.DATABASE) -> str:
    """The URL of a database in the server of `data_dir`; raises `EmbeddedError` if none was ever made."""
    home = Cluster(data_dir)
    credentials = f"{cluster.USER}:{quote(home.password(), safe='')}"
    return f"postgresql://{credentials}@/{database}?host={quote(str(home.sockets), safe='')}&port={cluster.PORT}"


class Server:
    """A running server: `with Server(data_dir):`. The process that enters it is the one it dies with.

    Enter it from the main thread: the kernel's signal of a parent's death means the *thread* that forked.
    """

    def __init__(self, data_dir: Path, *, output: IO[bytes] | None = None) -> None:
        self.cluster = Cluster(data_dir)
        self.data_dir = data_dir
        self._output = output
        self._lock: IO[str] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers; raises `EmbeddedError`. Nothing is left running then."""
        self.cluster.claim()
        self._lock = self.cluster.lock.open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._unlock()
            raise EmbeddedError(
                f"another Parley already runs the database in {self.cluster.root}: stop it, or set DATA_DIR elsewhere"
            ) from error
        try:
            self._clear_leftovers()
            self.cluster.prepare()
            self.process = self._spawn()
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and wait for it: fast, or at once (it costs a recovery) if that takes too long."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        self.process = None
        if self._lock is not None:
            self.cluster.tidy()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _clear_leftovers(self) -> None:
        """Wait until what a killed server left behind is gone, then drop its pid file.

        PostgreSQL trusts that file more than it should: after a kill -9 the number in it may have become
        another process of ours, and the server would refuse to start.
        """
        end = time.monotonic() + LEFTOVER_SECONDS
        while left := self.cluster.users():
            if time.monotonic() > end:
                raise EmbeddedError(f"the processes {left} still use {self.cluster.data}: end them first")
            time.sleep(0.05)
        (self.cluster.data / "postmaster.pid").unlink(missing_ok=True)
        # It names its owner too, and a killed one that nobody has reaped yet still counts as alive.
        (self.cluster.sockets / f".s.PGSQL.{cluster.PORT}.lock").unlink(missing_ok=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [
            *(str(cluster.binary("postgres")), "-D", str(self.cluster.data)),
            *("-c", f"config_file={self.cluster.data / 'parley.conf'}"),
        ]
        return subprocess.Popen(  # noqa: S603 — our own binary
            cluster.guarded(command, "SIGINT"),
            env={**os.environ, "DATA_DIR": str(self.data_dir)},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, when all else has stopped
        )

    def _await_answer(self) -> None:
        assert self.process is not None
        end = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise EmbeddedError(
                    f"PostgreSQL ended at once (status {self.process.returncode}): its own words are above"
                )
            try:
                self._make_database()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > end:
                    raise EmbeddedError(f"PostgreSQL does not answer: {error}") from error
            time.sleep(0.02)

    def _make_database(self) -> None:
        with psycopg.connect(dsn(self.data_dir, "postgres"), autocommit=True, connect_timeout=5) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [cluster.DATABASE])
            if known.rowcount == 0:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(cluster.DATABASE)))


def serve(data_dir: Path, env: Mapping[str, str]) -> int:
    """Run the server in the foreground until a signal or its own end; the status to exit with.

    With PARLEY_DIE_WITH_PARENT=1 we end with the supervisor, and PostgreSQL with us.
    """
    if env.get("PARLEY_DIE_WITH_PARENT") == "1":
        parent.die_with_parent(os.getppid(), signal.SIGKILL)

    def leave(_: int, __: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stop
        raise SystemExit(0)

    for number in ENDING:
        signal.signal(number, leave)
    with Server(data_dir) as server:
        _say(f"PostgreSQL is ready in {server.cluster.root}")
        assert server.process is not None
        status = server.process.wait()
    _say(f"PostgreSQL ended by itself (status {status})")
    return 1


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # a log on a full disk must not end the server that has just come up
        sys.stderr.write(f"storage: {words}\n")
        sys.stderr.flush()

"""One child process: started in a session of its own, watched by a pidfd, its output appended to a log."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from pathlib import Path

from deploy.plan import Process

PR_SET_PDEATHSIG = 1
LOG_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 16 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel for the signal `number` when the thread that started this process ends."""
    _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


class Child:
    """A process of the plan, as it runs now.

    It has a session of its own, because Ctrl-C in a terminal reaches the whole process group, and edges must
    drain before the database goes. Its log is a file that it writes itself: a launcher that is stopped or
    slow never holds a process up. The launcher must fork from its main thread, which is what the kernel
    means by a parent (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, process: Process, *, log: Path, folder: Path) -> None:
        self.process = process
        self.log = log
        self._folder = folder
        self._running: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._log_start = 0
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.exited.set_result(0)
        self.started_at = 0.0

    @property
    def pid(self) -> int | None:
        """The number of the running process."""
        return self._running.pid if self._running is not None and not self.exited.done() else None

    def start(self) -> None:
        """Start it; raises OSError. `exited` becomes its status: negative for a signal, as in subprocess."""
        loop = asyncio.get_running_loop()
        launcher = os.getpid()

        def before_exec() -> None:
            # Without this, a launcher killed while a child still imports its modules would leave it behind.
            die_with_parent()
            if os.getppid() != launcher:
                os._exit(1)

        self.rotate()
        with open(self.log, "ab", opener=_private) as log:
            self._log_start = log.tell()
            self._running = subprocess.Popen(
                self.process.argv,
                env=self.process.env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec,
            )
        self._pidfd = os.pidfd_open(self._running.pid)
        self.started_at = loop.time()
        self.exited = loop.create_future()
        loop.add_reader(self._pidfd, self._has_ended)

    def _has_ended(self) -> None:
        assert self._running is not None
        status = self._running.wait()  # the pidfd is readable: this only reaps
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        if not self.exited.done():
            self.exited.set_result(status)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, to this very process, if it still runs."""
        if not self.exited.done():
            signal.pidfd_send_signal(self._pidfd, number)

    def tail(self, lines: int) -> tuple[str, ...]:
        """The last lines that it wrote since its start."""
        try:
            with self.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                start = self._log_start if self._log_start <= end else 0  # rotated meanwhile
                log.seek(max(start, end - TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except OSError:
            return ()
        return tuple(line for line in text.splitlines() if line.strip())[-lines:]

    def rotate(self) -> None:
        """Keep one older log beside a log that outgrew its bound; the process goes on in the same file."""
        try:
            if self.log.stat().st_size <= LOG_BYTES:
                return
            older = self.log.with_suffix(".log.1")
            older.unlink(missing_ok=True)
            with self.log.open("rb") as source, open(older, "wb", opener=_private) as target:
                os.sendfile(target.fileno(), source.fileno(), 0, LOG_BYTES * 2)
            os.truncate(self.log, 0)
        except OSError:
            return  # a log that cannot be turned over is no reason to stop


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

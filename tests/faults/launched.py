"""A whole instance as `make run` starts it, with its own PostgreSQL: what dies is started again by the launcher."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from deploy.ready import database_answers
from storage import embedded
from tests.faults.run import Run, connected
from tests.fixtures.ports import free_ports
from tests.fixtures.system import READY_SECONDS, ROOT, SECRET, System

START_SECONDS = 60.0
STOP_SECONDS = 60.0
OF_EACH = 2


class Launched(System):
    """`python -m deploy.run` with two of each process, its data in `data`, what it says itself in `folder`."""

    def __init__(self, folder: Path, data: Path) -> None:
        super().__init__("", folder)
        self.data = data
        self.port = free_ports(2)
        self.ports = {"edge": self.port, "edge-2": self.port + 1}
        self.launcher: subprocess.Popen[bytes] | None = None

    @property
    def database_url(self) -> str:
        return embedded.dsn(self.data)

    @property
    def words(self) -> Path:
        """What the launcher says."""
        return self.folder / "launcher.log"

    def launch(self) -> None:
        """Start the launcher; what it says goes to a file beside the data."""
        number = dict.fromkeys(("EDGES", "BROKERS", "PERSISTENCE_WORKERS", "FANOUT_WORKERS"), str(OF_EACH))
        own = {"DATA_DIR": str(self.data), "PORT": str(self.port), "AUTH_JWT_SECRET": SECRET, "PARLEY_DEMO": "0"}
        kept = {name: value for name, value in self._env.items() if name not in ("DATABASE_URL", "DATA_DIR")}
        with self.words.open("ab") as words:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "deploy.run"],
                env=kept | number | own,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    async def ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every edge says that it can serve."""
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as http:
            for port in self.ports.values():
                while True:
                    try:
                        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                            if answer.status == 200:
                                break
                    except aiohttp.ClientError:
                        pass
                    await asyncio.sleep(0.02)

    async def database_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until PostgreSQL answers."""
        async with asyncio.timeout(seconds):
            while await database_answers(lambda: self.database_url):  # noqa: ASYNC110 — in another process
                await asyncio.sleep(0.02)

    def postmaster(self) -> int:
        """The number of PostgreSQL's first process."""
        return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])

    def everything(self) -> list[int]:
        """Every process of ours, without PostgreSQL's."""
        mark = f"DATA_DIR={self.data}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    ours = mark in (entry / "environ").read_bytes().split(b"\0")
                    if ours and "postgres" not in (entry / "exe").readlink().name:
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    async def kill_everything(self, database: int) -> None:
        """PostgreSQL gets its signal (SIGQUIT is `pg_ctl stop -m immediate`), and at once all else SIGKILL."""
        assert self.launcher is not None
        others = self.everything()
        os.kill(self.postmaster(), database)
        for pid in (self.launcher.pid, *others):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await asyncio.to_thread(self.launcher.wait)

    def stop(self) -> None:
        if self.launcher is not None:
            self.launcher.terminate()
            self.launcher.wait(STOP_SECONDS)

    def logs(self) -> str:
        found = [self.words, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in found)


@asynccontextmanager
async def launched(
    folder: Path, *, seed: int, data: Path | None = None, clients: int = 50, rooms: int = 20
) -> AsyncIterator[Run]:
    """An instance, and clients that are connected to it."""
    system = Launched(folder, data or folder / "data")
    system.launch()
    try:
        began = time.monotonic()
        while not (system.data / "postgres.secret").exists() and time.monotonic() < began + START_SECONDS:  # noqa: ASYNC110 — a file of another process
            await asyncio.sleep(0.02)
        await system.ready(START_SECONDS)
        run = Run(system, system.database_url, seed)
        await run.populate(clients=clients, rooms=rooms)
        async with connected(run):
            yield run
    except BaseException as fault:
        fault.add_note(system.logs())
        raise
    finally:
        system.stop()

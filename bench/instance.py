"""A Parley of our own to put under load: `make run` in a temporary folder, without a rate limit, gone afterwards.

With `demo` it has the people and conversations of the demo."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from bench.groups import SetupError

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 180.0
STOP_SECONDS = 30.0
UNWANTED = ("DATABASE_URL", "DATA_DIR", "HOST", "PORT", "AUTH_JWT_SECRET", "AUTH_JWKS_FILE")
"""What would make it another instance than ours; all other settings are tried by setting them."""


class Instance:
    """`with Instance(env) as it:` starts it and waits until it can serve; raises SetupError with what it said."""

    def __init__(self, env: Mapping[str, str], *, port: int | None = None, demo: bool = False) -> None:
        self.folder = Path()
        self._env = env
        self._edges = int(env.get("EDGES") or 1)
        self._port = port
        self._demo = demo
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        """Where its data and its secret are."""
        return self.folder / "data"

    @property
    def urls(self) -> list[str]:
        """Its edges."""
        assert self._port is not None
        return [f"http://127.0.0.1:{self._port + number}" for number in range(self._edges)]

    @property
    def options(self) -> list[str]:
        """What a load generator of ours must be told to find it."""
        return ["--data-dir", str(self.data_dir), *(word for url in self.urls for word in ("--url", url))]

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
        try:
            self._start()
            self._await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process that belongs to it."""
        kept = {name: value for name, value in self._env.items() if name not in UNWANTED}
        return {**kept, "DATA_DIR": str(self.data_dir), **more}

    def _start(self) -> None:
        if self._port is None:
            self._port = _free_ports(self._edges)
        settings = {
            "PORT": str(self._port),
            "RATE_LIMIT": "0",
            "PARLEY_DEMO": str(int(self._demo)),
            "PARLEY_DIE_WITH_PARENT": "1",
        }
        with (self.folder / "launcher.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.run"],
                cwd=ROOT,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _await_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_SECONDS
        waiting = self.urls
        while waiting:
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / "launcher.log").read_text(errors="replace").strip()
                raise SetupError(f"The instance does not start: {words[-1000:]}")
            waiting = [url for url in waiting if not _serves(url)]
            time.sleep(0.05)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _serves(url: str) -> bool:
    asking = HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        asking.request("GET", "/readyz")
        return asking.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        asking.close()


def _free_ports(count: int) -> int:
    """The first of `count` neighbouring ports of the loopback that nothing has, below those of who connects."""
    while True:
        first = 12_000 + secrets.randbelow(20_000 - count)
        if all(_is_free(first + number) for number in range(count)):
            return first


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False

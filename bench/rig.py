"""What measures: generators as processes of their own, against instances of our own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.groups import SetupError
from bench.instance import ROOT, Instance

UNSOUND = 1
"""A generator's exit status when it measured something that was not right: still a figure, and marked."""


class Rig:
    """How a table is measured: `runs` of each load, at full length or `quick`, on ports from `port` on."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        runs: int = 3,
        quick: bool = False,
        port: int | None = None,
        notice: Callable[[str], None] = print,
    ) -> None:
        self.runs = runs
        self.quick = quick
        self.notice = notice
        self._env = env
        self._port = port

    def instance(self, number: int = 0) -> Instance:
        """A fresh instance; give the second of two that run at once another number."""
        edges = int(self._env.get("EDGES") or 1)
        return Instance(self._env, port=None if self._port is None else self._port + number * edges)

    def length(self, full: float, quick: float) -> str:
        """An amount, as a word of a command line: the full one, or the one that is enough to see it work."""
        return f"{quick if self.quick else full:g}"

    def generate(self, program: str, instance: Instance, *words: str) -> dict[str, Any]:
        """Run a load generator to its end; its figures. Raises SetupError when there are none."""
        with tempfile.TemporaryDirectory(prefix="parley-figures-") as folder:
            out = Path(folder) / "figures.json"
            command = [sys.executable, "-m", program, *instance.options, "--json", str(out), *words]
            done = self._run(command, instance)
            if done.returncode not in (0, UNSOUND) or not out.exists():
                said = (done.stderr or done.stdout).decode(errors="replace").strip()
                raise SetupError(f"{program} gave no figures: {said[-1000:]}")
            figures: dict[str, Any] = orjson.loads(out.read_bytes())
            return figures

    @contextmanager
    def beside(self, program: str, instance: Instance, *words: str) -> Iterator[Callable[[], int]]:
        """Another generator that runs meanwhile; what is given waits for its end, and says how it ended."""
        command = [sys.executable, "-m", program, *instance.options, *words]
        process = subprocess.Popen(  # noqa: S603 — our own
            command, cwd=ROOT, env=instance.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process.wait
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()

    def fill(self, instance: Instance, conversations: int, events: int) -> None:
        """Put so many events into the instance's database before it is measured. Raises SetupError."""
        command = [sys.executable, "-m", "storage", "ballast"]
        command += ["--conversations", str(conversations), "--events", str(events)]
        done = self._run(command, instance)
        if done.returncode:
            raise SetupError(f"The database cannot be filled: {done.stderr.decode(errors='replace').strip()}")

    @staticmethod
    def _run(command: list[str], instance: Instance) -> subprocess.CompletedProcess[bytes]:
        env = instance.environment()
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False)  # noqa: S603 — our own

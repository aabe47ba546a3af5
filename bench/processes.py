"""What the processes of one instance cost: CPU seconds and resident memory, by name.

An instance is known by DATA_DIR in the environment of its processes, and by their descent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]  # it has no stubs of its own

Key = tuple[int, float]
"""Process id and start time: ids come round again."""


class Usage(NamedTuple):
    """One process at one moment."""

    name: str
    cpu_seconds: float
    rss_bytes: int


class Cost(NamedTuple):
    """A group of processes over a span."""

    name: str
    processes: int
    cpu_seconds: float
    rss_bytes: int


def name_of(command: list[str], executable: str) -> str:
    """`python -m edge` for any interpreter and arguments; all of PostgreSQL is `postgres`."""
    if executable.startswith("postgres") or (command and command[0].startswith("postgres")):
        return "postgres"
    if "-m" in command[:-1]:
        return f"python -m {command[command.index('-m') + 1]}"
    return executable


def usage(data_dir: Path) -> dict[Key, Usage]:
    """All processes of the instance in `data_dir`, and this one."""
    found: dict[Key, Usage] = {}
    for process in _members(data_dir.resolve()):
        try:
            with process.oneshot():
                times = process.cpu_times()
                found[process.pid, process.create_time()] = Usage(
                    name_of(process.cmdline(), process.name()),
                    times.user + times.system,
                    process.memory_info().rss,
                )
        except psutil.Error:
            continue  # ended meanwhile
    return found


def between(before: dict[Key, Usage], after: dict[Key, Usage]) -> list[Cost]:
    """What each group used between two looks, the dearest first. Who ended between them is not counted."""
    groups: dict[str, list[tuple[float, int]]] = {}
    for key, now in after.items():
        earlier = before[key].cpu_seconds if key in before else 0.0
        groups.setdefault(now.name, []).append((now.cpu_seconds - earlier, now.rss_bytes))
    costs = [
        Cost(name, len(parts), sum(cpu for cpu, _ in parts), sum(rss for _, rss in parts))
        for name, parts in groups.items()
    ]
    return sorted(costs, key=lambda cost: -cost.cpu_seconds)


def _members(data_dir: Path) -> Iterator[psutil.Process]:
    seen: set[int] = {os.getpid()}
    yield psutil.Process()
    for process in psutil.process_iter():
        try:
            value = process.environ().get("DATA_DIR")
            if value is None or Path(process.cwd(), value).resolve() != data_dir:
                continue
            family = [process, *process.children(recursive=True)]
        except (psutil.Error, OSError):
            continue
        for member in family:
            if member.pid not in seen:
                seen.add(member.pid)
                yield member

"""Starting a cell (`workers.scanning.cell`) for a file, and making sense of however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec
import structlog

from workers.scanning.cell import Task
from workers.scanning.findings import VARIANTS, Finding, Limits

log = structlog.get_logger()

START_SECONDS = 10.0
"""What a cell may take to start, beyond the time it has for the file: interpreter, libraries, rules."""
OF_LIMITS = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ})
OF_FAULTS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP})


async def looked_at(
    path: Path, ending: str, limits: Limits, out: Path | None, *, structure: bool = True, rules: bool = False
) -> Finding:
    """What a cell finds of the file; pictures of an image lie in `out` under the names of their variants.

    A cell that its limits end, or that the file breaks, is an answer: `rejected`, `too_hard`. One that could not even
    start is `error`.
    """
    descriptors: list[int] = []
    try:
        descriptors.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        for place in (out / name for name in VARIANTS) if out is not None else ():
            descriptors += [os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)]
        task = Task(descriptors[0], ending, tuple(descriptors[1:]), limits, structure, rules)
        found = await _run(task, descriptors)
    except OSError as fault:
        found = Finding(verdict="error", detail=str(fault))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    if out is not None:
        clear(out, keeping=found.variants)
    return found


def clear(out: Path, keeping: tuple[str, ...] = ()) -> None:
    """No pictures but these stay in the folder."""
    for name in VARIANTS:
        if name not in keeping:
            (out / name).unlink(missing_ok=True)


async def _run(task: Task, descriptors: list[int]) -> Finding:
    cell = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "workers.scanning.cell", msgspec.json.encode(task).decode()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=descriptors,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(START_SECONDS + task.limits.seconds):
            said, complaint = await cell.communicate()
    except TimeoutError:
        return Finding(verdict="rejected", reason="too_hard", detail="out of time")
    finally:
        if cell.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                cell.kill()
            await cell.wait()
    return _meant(cell.returncode, said, complaint)


def _meant(code: int | None, said: bytes, complaint: bytes) -> Finding:
    """What it means that a cell ended so."""
    if code == 0:
        try:
            return msgspec.json.decode(said, type=Finding)
        except msgspec.DecodeError as fault:
            return Finding(verdict="error", detail=f"a cell said what it should not: {fault}")
    ended_by = -code if code is not None and code < 0 else 0
    if ended_by in OF_LIMITS or ended_by in OF_FAULTS:
        return Finding(verdict="rejected", reason="too_hard", detail=signal.Signals(ended_by).name)
    last = complaint.decode(errors="replace").strip().splitlines()[-1:] or [f"ended with {code}"]
    if "MemoryError" in last[0]:
        return Finding(verdict="rejected", reason="too_hard", detail="MemoryError")
    log.warning("scanning.cell_failed", code=code, complaint=last[0][:300])
    return Finding(verdict="error", detail=last[0][:300])

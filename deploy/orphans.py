"""Grandchildren whose parent died: the launcher adopts them, and at the end ends them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of every descendant that loses its own, as PostgreSQL when its keeper is killed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(parent: int) -> dict[int, str]:
    """The processes whose parent is `parent` now, with their state letter (proc(5), /proc/pid/stat)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, above = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(above) == parent:
                    found[int(entry.name)] = state
    return found


def reap(known: set[int]) -> None:
    """Forget adopted children that have ended; `known` are the launcher's own, which others wait for."""
    for pid, state in children(os.getpid()).items():
        if state == "Z" and pid not in known:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def end_all(patience_seconds: float, *, but: set[int]) -> list[int]:
    """Wait for every child that is left, kill it when patience ends; returns whom it had to kill.

    `but` are children that the caller had before it supervised anything.

    They are ending already: PostgreSQL, for one, was told to by the kernel when its keeper died.
    """
    killed: list[int] = []
    deadline = time.monotonic() + patience_seconds
    while True:
        reap(but)
        left = children(os.getpid()).keys() - but
        if not left:
            return killed
        if time.monotonic() > deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            deadline = time.monotonic() + patience_seconds
        time.sleep(0.02)

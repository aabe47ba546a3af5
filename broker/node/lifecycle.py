"""How a process of ours ends: asked by a signal, or because the one that started it is gone."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping

PR_SET_PDEATHSIG = 1


def die_with_parent(env: Mapping[str, str]) -> None:
    """If PARLEY_DIE_WITH_PARENT is set, have the kernel kill this process when its parent dies (prctl(2)).

    A supervisor that is itself killed with -9 can end nobody; so its children see to it themselves. The parent may
    die while the wish is made: then we are somebody else's child, and leave at once.
    """
    parent = env.get("PARLEY_DIE_WITH_PARENT", "")
    if parent in ("", "0", "false"):
        return
    before = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != before:
        sys.exit("The process that started this one is gone.")


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    return stop

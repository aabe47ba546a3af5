"""How every process of ours begins: tied to its parent, with logs, on uvloop; a fault of its settings is one line."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import uvloop

from broker.node.environment import SettingError
from broker.node.lifecycle import die_with_parent
from broker.node.logs import configure_logs, log_loop_faults


def run_process(
    name: str, main: Callable[[Mapping[str, str]], Coroutine[Any, Any, None]], *faults: type[Exception]
) -> None:
    """Run `main` with the environment; a `SettingError`, or one of `faults`, ends the process with its message."""
    caught: tuple[type[Exception], ...] = (SettingError, *faults)
    die_with_parent(os.environ)
    configure_logs(name)
    _relax_garbage_collector()
    try:
        uvloop.run(_begin(main))
    except caught as fault:
        sys.exit(str(fault))


async def _begin(main: Callable[[Mapping[str, str]], Coroutine[Any, Any, None]]) -> None:
    log_loop_faults(asyncio.get_running_loop())
    await main(os.environ)


def _relax_garbage_collector() -> None:
    """Look for cycles seldom: reference counts free nearly all we make, and each look costs what all of us wait for.

    With the defaults it took 4 % of the time under load, and its longest pauses stood in the latency's tail. What the
    imports made is put aside for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)

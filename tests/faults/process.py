"""`python -m tests.faults.process MODULE PLANT…`: a process of Parley's with hooks of the fault tests in it.

The hooks live here and in `plants`, none in the code that ships. SIGUSR1 blocks the event loop for ten seconds (or
`BLOCKED_SECONDS`) while ZeroMQ's own thread goes on, which no signal of the system's can do.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time

from tests.faults.plants import PLANTS

BLOCKED_SECONDS = float(os.environ.get("BLOCKED_SECONDS", "10"))


def _block(number: int, frame: object) -> None:
    time.sleep(BLOCKED_SECONDS)


if __name__ == "__main__":
    module, *plants = sys.argv[1:]
    signal.signal(signal.SIGUSR1, _block)
    for name in plants:
        plant, _, argument = name.partition("=")
        PLANTS[plant](argument)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

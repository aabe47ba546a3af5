"""Ending with one's parent: Linux delivers a signal of our choice when the process that started us dies.

Every supervisor leaves orphans when it is itself killed with -9; this leaves none. The module is also a
program, `python parent.py PARENT SIGNAL COMMAND…`: it asks for the signal and becomes the command. It is put
*behind* `unshare` and `setpriv`, because the kernel forgets the wish when a process changes its credentials
(prctl(2), PR_SET_PDEATHSIG). It imports nothing of ours, so it starts in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, with_signal: int) -> None:
    """Have the kernel send us `with_signal` when `parent` dies; raises `SystemExit` if it is dead already.

    The parent is named by the caller because it may have died before we got here; then we would have been
    handed to another one, and would wait for the death of init. The wish survives execve, not fork.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, with_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise SystemExit(f"the process {parent} that started this one is gone")


def main(arguments: list[str]) -> None:
    """Ask for the signal, then become the command."""
    parent, name, *command = arguments
    die_with_parent(int(parent), signal.Signals[name])
    os.execv(command[0], command)  # noqa: S606 — becoming the command is this program's purpose


if __name__ == "__main__":
    main(sys.argv[1:])

"""Ending with one's parent, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import parent

STEP = [sys.executable, "-I", "-S", parent.__file__]
STARTER = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:5], str(os.getpid()), "SIGKILL", "/bin/sleep", "60"])
print(child.pid, flush=True)
child.wait()
"""


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def test_a_child_dies_with_the_parent_that_was_killed():
    with subprocess.Popen([sys.executable, "-c", STARTER, *STEP], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        end = time.monotonic() + 10
        while "sleep" not in command_of(child):  # it has become the command by now
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(starter.pid, signal.SIGKILL)
    while "sleep" in command_of(child):
        assert time.monotonic() < end, "the child lives on"
        time.sleep(0.01)


def test_a_child_whose_parent_is_gone_already_does_not_begin():
    done = subprocess.run([*STEP, "1", "SIGKILL", "/bin/echo", "begun"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is gone" in done.stderr
    assert not done.stdout


def test_a_signal_that_the_kernel_does_not_know_is_an_error():
    with pytest.raises(OSError, match="PDEATHSIG"):
        parent.die_with_parent(os.getppid(), 1000)


def test_the_step_becomes_the_command():
    done = subprocess.run(
        [*STEP, str(os.getpid()), "SIGKILL", "/bin/echo", "begun"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "begun\n")


def test_the_command_line_is_parent_signal_command(monkeypatch):
    """In this process, where the step cannot be let become a command."""
    became = []
    monkeypatch.setattr(parent, "die_with_parent", lambda pid, number: became.append((pid, number)))
    monkeypatch.setattr(os, "execv", lambda path, words: became.append(words))
    parent.main(["7", "SIGINT", "/bin/echo", "begun"])
    assert became == [(7, signal.SIGINT), ["/bin/echo", "begun"]]


def test_an_orphan_ends_before_it_begins():
    with pytest.raises(SystemExit, match="is gone"):
        parent.die_with_parent(os.getppid() + 1, 0)

"""A cell has no hands: what takes a decoder over can open nothing, start nothing, and not go on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from storage.scans import Untold
from workers.scanning import confinement
from workers.scanning.cell import Task
from workers.scanning.findings import VARIANTS, Limits
from workers.scanning.telling import commands

pytestmark = pytest.mark.anyio

CONFINED = """
import json, os, socket, sys
from workers.scanning.cell import confine
from workers.scanning.findings import Limits
confine(Limits(seconds=1, memory_bytes=30 * 1024 * 1024))
def tried(work):
    try:
        work()
    except BaseException as fault:
        return type(fault).__name__
    return "done"
said = {
    "file": tried(lambda: open("/etc/passwd")),
    "socket": tried(socket.socket),
    "pipe": tried(os.pipe),
    "memory": tried(lambda: bytearray(100 * 1024 * 1024)),
    "small memory": tried(lambda: bytearray(1024 * 1024)),
}
os.write(1, json.dumps(said).encode())
if sys.argv[1] == "spin":
    while True:
        pass
"""


def confined(word: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", CONFINED, word], capture_output=True, check=False)


def test_a_cell_opens_nothing_and_grows_no_further():
    said = json.loads(confined("look").stdout)
    assert said == {
        "file": "OSError", "socket": "OSError", "pipe": "OSError", "memory": "MemoryError", "small memory": "done",
    }  # fmt: skip


def test_a_cell_that_goes_on_for_ever_is_ended():
    assert confined("spin").returncode < 0


@pytest.mark.parametrize(
    ("dying", "verdict", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "rejected", "too_hard"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "rejected", "too_hard"),
        ("raise MemoryError", "rejected", "too_hard"),
        ("raise RuntimeError('a fault of ours')", "error", None),
        ("print('no finding')", "error", None),
        ("import sys; sys.exit(3)", "error", None),
        ("import time; time.sleep(60)", "rejected", "too_hard"),
    ],
    ids=["broken", "out of time", "out of memory", "our fault", "nonsense", "another status", "hangs"],
)
async def test_however_a_cell_ends_it_never_means_clean(tmp_path, monkeypatch, dying, verdict, reason):
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\n{dying}\n")
    program.chmod(0o700)
    monkeypatch.setattr(confinement.sys, "executable", str(program))
    monkeypatch.setattr(confinement, "START_SECONDS", 2.0)
    (tmp_path / "file").write_bytes(b"text")
    found = await confinement.looked_at(tmp_path / "file", "txt", Limits(seconds=1.0), None)
    assert (found.verdict, found.reason) == (verdict, reason)


async def test_a_file_that_is_not_there_is_an_error(tmp_path):
    assert (await confinement.looked_at(tmp_path / "none", "txt", Limits(), None)).verdict == "error"


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def test_no_descriptor_stays_open(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    before = open_files()
    for _ in range(3):
        await confinement.looked_at(tmp_path / "file", "txt", Limits(), tmp_path)
    assert open_files() <= before + 1
    assert not any((tmp_path / variant).exists() for variant in VARIANTS)


def test_a_task_survives_its_way():
    task = Task(3, "png", (4, 5, 6), Limits(), structure=False, rules=True)
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task


def test_a_verdict_said_twice_is_the_same_command_and_another_one_is_not():
    untold = Untold("talk", "ann", "file", 1, "clean", None, None, None, None, False)
    [first], [again] = commands([untold]), commands([untold])
    [later] = commands([untold._replace(revision=2, state="infected", signature="Worm.X")])
    assert first == again
    assert first.id != later.id
    assert commands([untold._replace(state="scanning")]) == []

"""Make the virtual environment from the locked, hashed requirements; the first thing that `make` runs.

It runs on the machine's own Python before anything is installed, so it uses the standard library alone and
a syntax that Python 3.7 understands: a machine that lacks something is told what, not shown a traceback.
What is missing is named with its Debian package; nothing is ever installed outside `.venv`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "parley-stamp.json"
OLDEST = (3, 11)
LEVELS = {"run": ["run", "all"], "all": ["all"]}
"""Which sets serve a wish: with `all` installed (it has the same pins), `run` is there too."""


class MissingError(Exception):
    """Something that this machine lacks; the message names it and how to get it."""


def require_machine(system: str, machine: str, version: tuple[int, ...]) -> None:
    """Refuse what the locked wheels cannot run on; raises `MissingError`."""
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        raise MissingError(f"Parley's locked packages are for Linux on x86-64; this is {system} on {machine}.")
    if version[:2] < OLDEST:
        raise MissingError(
            f"Parley needs Python 3.11 or newer; {sys.executable} is {version[0]}.{version[1]}. "
            "On Debian 12: apt-get install python3 python3-venv; another one: make PYTHON=/path/to/python3"
        )


def require_venv() -> None:
    """Debian ships Python without ensurepip; look before `venv` fails half way. Raises `MissingError`."""
    for module in ("venv", "ensurepip"):
        try:
            __import__(module)
        except ImportError:
            raise MissingError(
                f"{sys.executable} has no {module} module. On Debian: apt-get install python3-venv"
            ) from None


def wanted(level: str) -> dict[str, str]:
    """What a stamp holds when `level` is installed for this Python, at this place."""
    lock = ROOT / "requirements" / f"{level}.txt"
    return {
        "level": level,
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "place": str(VENV),
    }


def is_ready(level: str) -> bool:
    """Has a run that came to its end installed what `level` needs?"""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return any(stamp == wanted(enough) for enough in LEVELS[level])


def install(level: str) -> None:
    """Make `.venv` anew if it is not this Python's or not from here, then install; the stamp comes last."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        stamp = {}
    same_home = all(stamp.get(key) == value for key, value in wanted(level).items() if key in ("python", "place"))
    with contextlib.suppress(FileNotFoundError):
        STAMP.unlink()
    if not same_home:
        require_venv()
        shutil.rmtree(str(VENV), ignore_errors=True)
        print("parley: making .venv", flush=True)
        run(
            [sys.executable, "-m", "venv", str(VENV)],
            "python3 -m venv failed. On Debian: apt-get install python3-venv",
        )
    print(f"parley: installing requirements/{level}.txt (once; a minute at most)", flush=True)
    run(
        [
            *(str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *(
                "--no-input",
                "--no-deps",
                "--require-hashes",
                "-r",
                str(ROOT / "requirements" / f"{level}.txt"),
            ),
        ],
        "the packages could not be installed: pip's own words are above",
    )
    partial = STAMP.with_suffix(".new")
    partial.write_text(json.dumps(wanted(level)))
    partial.rename(STAMP)


def run(command: list[str], fault: str) -> None:
    """Run a step; raises `MissingError` with `fault` if it fails. pip need not warn of root: it is a venv."""
    environment = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")
    if subprocess.call(command, env=environment, cwd=str(ROOT)) != 0:
        raise MissingError(fault)


def main(arguments: list[str]) -> int:
    """Bring `.venv` to the level named (`run` or `all`); the status to exit with."""
    level = arguments[0] if arguments else "run"
    try:
        require_machine(platform.system(), platform.machine(), sys.version_info[:2])
        with (ROOT / ".venv.lock").open("w") as lock:  # two instances may start side by side from one clone
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_ready(level):
                install(level)
    except (MissingError, OSError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

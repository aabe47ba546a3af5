"""`python -m deploy.chromium`: the Chromium that the web app is tested and measured in; prints its path.

It is, in this order, the one that `CHROMIUM` names, the machine's, or the one of the npm package that
`edge/web/e2e/chromium/package-lock.json` names, with the libraries that a bare machine lacks; that one is installed
into `edge/web/.chromium` when it is first needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

from deploy import words
from deploy.errors import LaunchError
from deploy.webapp import WEB, Node, from_wheel, on_this_machine, stamp, stamped

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WANTED = WEB / "e2e" / "chromium"
FOLDER = WEB / ".chromium"
UNPACK = "const { default: chromium } = await import('@sparticuz/chromium'); await chromium.executablePath()"


class Chromium(NamedTuple):
    """A Chromium: its program, and where the libraries lie that it needs besides the machine's ("": nowhere)."""

    path: str
    libraries: str = ""


def main() -> int:
    """Print the path; the status to exit with."""
    try:
        words.say(find().path)
    except (LaunchError, OSError) as error:
        words.say(f"parley: {error}", stream=sys.stderr)
        return 1
    return 0


def find() -> Chromium:
    """The one to use; raises `LaunchError` where there is none and none could be installed."""
    named = os.environ.get("CHROMIUM", "")
    if named:
        if shutil.which(named) is None:
            raise LaunchError(f"CHROMIUM is {named}, which is no program")
        return Chromium(named)
    return next((Chromium(path) for path in map(shutil.which, NAMES) if path), None) or from_npm()


def from_npm() -> Chromium:
    """The package's, installed if it is not there; raises `LaunchError`."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:  # test files run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_of = {"lock": hashlib.sha256((WANTED / "package-lock.json").read_bytes()).hexdigest()}
        if stamped(FOLDER) != made_of:
            _install()
            stamp(FOLDER, made_of)
    return Chromium(str(FOLDER / "chromium"), str(FOLDER / "al2023" / "lib"))


def _install() -> None:
    words.notice("this machine has no Chromium: installing the one of npm into edge/web/.chromium (250 MB)")
    node: Node = on_this_machine() or from_wheel()
    for file in WANTED.glob("*.json"):
        shutil.copy(file, FOLDER)
    # The package unpacks into the folder for temporary files, and its libraries where it believes itself in the cloud.
    env = os.environ | {
        "PATH": f"{node.folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "TMPDIR": str(FOLDER),
        "AWS_LAMBDA_JS_RUNTIME": "nodejs20.x",
    }
    steps = (
        [*node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        [str(node.folder / "node"), "--input-type=module", "--eval", UNPACK],
    )
    for step in steps:
        if subprocess.call(step, cwd=FOLDER, env=env, stdout=subprocess.DEVNULL) != 0:
            raise LaunchError("Chromium could not be installed from npm; name one with CHROMIUM=")


if __name__ == "__main__":
    sys.exit(main())

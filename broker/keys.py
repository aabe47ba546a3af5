"""Keys for brokers on other machines: `python -m broker.keys broker|node FOLDER`, `… allow FOLDER NAME FILE`.

docs/operations.md tells the steps. No file is ever overwritten: a key that was lost is a new one, to be allowed anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import zmq.auth

from broker.link.curve import ALLOWED, BROKER, NODE, KeyFault, public_key


def make_pair(folder: Path, name: str) -> None:
    """Make `name`.key and `name`.key_secret; raises `KeyFault` if either is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder / f"{name}.key", folder / f"{name}.key_secret"):
        if path.exists():
            raise KeyFault(f"{path} is there already: nothing was changed. Move it away for a new pair.")
    before = os.umask(0o077)
    try:
        zmq.auth.create_certificates(folder, name)
    finally:
        os.umask(before)
    (folder / f"{name}.key").chmod(0o644)


def allow(folder: Path, name: str, file: Path) -> None:
    """Let the owner of the public key in `file` connect, under that name; raises `KeyFault`."""
    public_key(file)
    if not name or "/" in name or name.startswith("."):
        raise KeyFault(f"{name!r} is no name: it becomes the name of a file.")
    target = folder / ALLOWED / f"{name}.key"
    if target.exists():
        raise KeyFault(f"{target} is there already: nothing was changed. Remove it to let another key have the name.")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def main(argv: Sequence[str]) -> int:
    """Exit code 0, or 1 with one line that says why not."""
    parser = argparse.ArgumentParser(prog="python -m broker.keys", description=__doc__.partition("\n\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    for what, words in ((BROKER, "the brokers' pair"), (NODE, "the pair of this machine's edges and workers")):
        made = commands.add_parser(what, help=f"make {words}")
        made.add_argument("folder", type=Path, help="what BROKER_KEYS names")
    let_in = commands.add_parser("allow", help="on a broker's machine: let a node's public key in")
    let_in.add_argument("folder", type=Path, help="what BROKER_KEYS names")
    let_in.add_argument("name", help="what to call that machine")
    let_in.add_argument("file", type=Path, help="its node.key")
    given = parser.parse_args(argv)
    try:
        if given.what == "allow":
            allow(given.folder, given.name, given.file)
            print(f"{given.name} may connect; running brokers see it within a second.")
        else:
            make_pair(given.folder, given.what)
            where = (
                "every machine with edges or workers" if given.what == BROKER else "`allow` on the brokers' machines"
            )
            print(f"{given.folder}/{given.what}.key is public, for {where}; {given.what}.key_secret stays here.")
    except (KeyFault, OSError) as fault:
        print(f"parley: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

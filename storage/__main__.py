"""`python -m storage`: run the embedded database, migrate, look whether it can be trusted, add accounts."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage import embedded, migrate
from storage.embedded import EmbeddedError
from storage.errors import StorageError, Unavailable
from storage.migrate import MigrationError
from storage.settings import SettingError, StorageSettings, load


def parser() -> argparse.ArgumentParser:
    """The command line, in full."""
    top = argparse.ArgumentParser(prog="python -m storage", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve", help="run the embedded PostgreSQL of DATA_DIR in the foreground")
    migration = verbs.add_parser("migrate", help="bring the schema up, down to a number, or tell its state")
    migration.add_argument("direction", nargs="?", choices=["up", "down", "status"], default="up")
    migration.add_argument("to", nargs="?", type=int, help="the migration to go down to; 0 leaves nothing")
    return top


async def _migrate(settings: StorageSettings, direction: str, to: int | None) -> int:
    if direction == "down":
        if to is None:
            raise MigrationError("say down to which number: `python -m storage migrate down 0` drops everything")
        for name in await migrate.down(settings.url, to):
            print(f"reverted {name}")
    elif direction == "status":
        for line in await migrate.status(settings.url):
            print(f"{line.number:04d} {line.name}: {line.state}")
    else:
        for name in await _patiently_up(settings):
            print(f"applied {name}")
    return 0


async def _patiently_up(settings: StorageSettings) -> list[str]:
    """Migrate as soon as the server answers, which at a first start takes it a few seconds."""
    end = time.monotonic() + settings.open_seconds
    while True:
        try:
            return await migrate.up(settings.url)
        except (Unavailable, EmbeddedError):
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.1)


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Do what the command line says; the status to exit with."""
    given = parser().parse_args(arguments)
    try:
        settings = load(env)
        if given.verb == "serve":
            return embedded.serve(Path(settings.data_dir), env)
        return asyncio.run(_migrate(settings, given.direction, given.to))
    except (SettingError, EmbeddedError, MigrationError, StorageError) as error:
        print(f"storage: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

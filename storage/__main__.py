"""`python -m storage`: run the embedded database, migrate, look whether it can be trusted, add accounts or ballast."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from storage import accounts, ballast, demo, embedded, migrate
from storage.embedded import EmbeddedError
from storage.errors import StorageError, Unavailable
from storage.migrate import MigrationError
from storage.passwords import hash_password
from storage.pool import open_database
from storage.settings import SettingError, StorageSettings, load


def parser() -> argparse.ArgumentParser:
    """The command line, in full."""
    top = argparse.ArgumentParser(prog="python -m storage", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve", help="run the embedded PostgreSQL of DATA_DIR in the foreground")
    migration = verbs.add_parser("migrate", help="bring the schema up, down to a number, or tell its state")
    migration.add_argument("direction", nargs="?", choices=["up", "down", "status"], default="up")
    migration.add_argument("to", nargs="?", type=int, help="the migration to go down to; 0 leaves nothing")
    verbs.add_parser("check", help="say whether the database answers, keeps what it confirms, and is migrated")
    account = verbs.add_parser("account", help="manage the accounts that sign in here")
    add = account.add_subparsers(dest="what", required=True).add_parser("add", help="add an account")
    add.add_argument("email")
    add.add_argument("--role", choices=["client", "agent", "admin"], required=True)
    add.add_argument("--name", default="")
    add.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    verbs.add_parser("demo", help="add people and conversations to look at; a second time adds nothing")
    filler = verbs.add_parser("ballast", help="fill a throw-away database, to measure how a full one behaves")
    filler.add_argument("--conversations", type=int, default=100_000, help="(default 100,000)")
    filler.add_argument("--events", type=int, default=5_000_000, help="in all of them together (default 5,000,000)")
    return top


async def _check(settings: StorageSettings) -> int:
    async with open_database(settings) as db:
        await db.check()
        steps = await migrate.status(settings.url, allow_unsafe=settings.allow_unsafe_durability)
        pending = [step.name for step in steps if step.state != "applied"]
        print(f"epoch {db.epoch}, {'durable' if db.durable else 'NOT durable'}")
    if pending:
        print(f"migrations that do not stand as this release has them: {', '.join(pending)}")
    return 1 if pending else 0


async def _add_account(settings: StorageSettings, given: argparse.Namespace) -> int:
    password = sys.stdin.readline().rstrip("\n") if given.password_stdin else secrets.token_urlsafe(12)
    if not password:
        raise StorageError("the password on standard input is empty")
    async with open_database(settings) as db:
        kept = await asyncio.to_thread(hash_password, password)
        name = given.name or given.email.partition("@")[0]
        account = await accounts.add(db, given.email, name, given.role, password_hash=kept)
    print(account.id)
    if not given.password_stdin:
        print(f"password: {password}")
    return 0


async def _demo(settings: StorageSettings) -> int:
    async with open_database(settings) as db:
        print(f"demo: {await demo.fill(db)} new events")
    return 0


async def _ballast(settings: StorageSettings, conversations: int, events: int) -> int:
    stored = await ballast.fill(settings.url, conversations, events, told=_progress(events))
    print(f"ballast: {stored:,} events in {conversations:,} conversations")
    return 0


def _progress(events: int) -> Callable[[int], None]:
    """Prints every tenth of the way."""
    tenths = 0

    def told(stored: int) -> None:
        nonlocal tenths
        if (now := 10 * stored // events) > tenths:
            tenths = now
            print(f"ballast: {stored:,} events", flush=True)

    return told


async def _migrate(settings: StorageSettings, direction: str, to: int | None) -> int:
    unsafe = settings.allow_unsafe_durability
    if direction == "down":
        if to is None:
            raise MigrationError("say down to which number: `python -m storage migrate down 0` drops everything")
        for name in await migrate.down(settings.url, to, allow_unsafe=unsafe):
            print(f"reverted {name}")
    elif direction == "status":
        for line in await migrate.status(settings.url, allow_unsafe=unsafe):
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
            return await migrate.up(settings.url, allow_unsafe=settings.allow_unsafe_durability)
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
        if given.verb == "migrate":
            return asyncio.run(_migrate(settings, given.direction, given.to))
        if given.verb == "account":
            return asyncio.run(_add_account(settings, given))
        if given.verb == "ballast":
            return asyncio.run(_ballast(settings, given.conversations, given.events))
        return asyncio.run(_check(settings) if given.verb == "check" else _demo(settings))
    except (SettingError, EmbeddedError, MigrationError, StorageError) as error:
        print(f"storage: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""Migrations: pairs of plain SQL files, applied in the order of their numbers, each in its own transaction.

One migrator works at a time (an advisory lock, freed by the server when we die). What was applied is kept
with its checksum: a file changed afterwards is refused, because the schema would not be what it says. A server
that may lose what it confirms is refused before anything is written to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from storage.durability import nature, require_durable
from storage.errors import translated

FOLDER = Path(__file__).parent / "migrations"
NAME = re.compile(r"(\d{4})_(\w+)\.(up|down)\.sql")
LOCK = 0x50_61_72_6C_65_79  # "Parley": one number for one migrator per database

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The schema cannot be migrated; the message says why."""


class Migration(NamedTuple):
    """A step of the schema and its way back."""

    number: int
    name: str
    up: str
    down: str

    @property
    def checksum(self) -> str:
        """What the step was when it was applied."""
        return hashlib.sha256(self.up.encode()).hexdigest()


class State(NamedTuple):
    """`state`: applied, pending, changed (the file is not what was applied) or unknown (a newer one's)."""

    number: int
    name: str
    state: str


def known(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of this release, in order; raises `MigrationError` for a misnamed or lonely file."""
    halves: dict[tuple[int, str], dict[str, str]] = {}
    for path in sorted(folder.glob("*.sql")):
        match = NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named like 0001_accounts.up.sql")
        halves.setdefault((int(match[1]), match[2]), {})[match[3]] = path.read_text()
    steps: list[Migration] = []
    for (number, name), half in sorted(halves.items()):
        if half.keys() != {"up", "down"}:
            raise MigrationError(f"{number:04d}_{name} lacks its other half")
        if steps and steps[-1].number == number:
            raise MigrationError(f"two migrations bear the number {number:04d}")
        steps.append(Migration(number, name, half["up"], half["down"]))
    return steps


async def up(url: str, folder: Path = FOLDER, *, allow_unsafe: bool = False) -> list[str]:
    """Apply what is pending; the names of what was. Raises `MigrationError` or `StorageError`."""
    steps = known(folder)
    async with _alone(url, allow_unsafe) as connection:
        states = await _states(connection, steps)
        changed = [state for state in states if state.state == "changed"]
        if changed:
            raise MigrationError(f"{changed[0].name} was edited after it had been applied: write a new migration")
        pending = {state.number for state in states if state.state == "pending"}
        for step in steps:
            if step.number in pending:
                async with connection.transaction():
                    await connection.execute(step.up)
                    await connection.execute(
                        "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                        [step.number, step.name, step.checksum],
                    )
        return [step.name for step in steps if step.number in pending]


async def down(url: str, to: int, folder: Path = FOLDER, *, allow_unsafe: bool = False) -> list[str]:
    """Revert what is above `to`, newest first; the names of what was. Data in it is gone."""
    steps = known(folder)
    async with _alone(url, allow_unsafe) as connection:
        states = {state.number: state.state for state in await _states(connection, steps)}
        strange = [number for number, state in states.items() if state == "unknown" and number > to]
        if strange:
            raise MigrationError(f"migration {strange[0]:04d} is of another release: only that one can revert it")
        reverted = []
        for step in reversed(steps):
            if step.number > to and states[step.number] != "pending":
                async with connection.transaction():
                    await connection.execute(step.down)
                    await connection.execute("DELETE FROM schema_migrations WHERE number = %s", [step.number])
                reverted.append(step.name)
        return reverted


async def status(url: str, folder: Path = FOLDER, *, allow_unsafe: bool = False) -> list[State]:
    """Every migration that the database or this release knows, in order."""
    steps = known(folder)
    async with _alone(url, allow_unsafe) as connection:
        return await _states(connection, steps)


@asynccontextmanager
async def _alone(url: str, allow_unsafe: bool) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection that holds the migrators' lock, and gives way to traffic rather than block it."""
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
            require_durable(await nature(connection), allow_unsafe=allow_unsafe)
            await connection.execute("SET lock_timeout = '60s'")
            await connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            await connection.execute("SET lock_timeout = '5s'")
            await connection.execute(LEDGER)
            yield connection
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError):
            raise translated(error) from error
        raise MigrationError(str(error)) from error


async def _states(connection: psycopg.AsyncConnection, steps: list[Migration]) -> list[State]:
    cursor = await connection.execute("SELECT number, name, checksum FROM schema_migrations")
    applied = {number: (name, checksum) for number, name, checksum in await cursor.fetchall()}
    ours = {step.number: step for step in steps}
    states = []
    for number in sorted(ours | applied):
        if number not in ours:
            states.append(State(number, applied[number][0], "unknown"))
        elif number not in applied:
            states.append(State(number, ours[number].name, "pending"))
        else:
            same = applied[number][1] == ours[number].checksum
            states.append(State(number, ours[number].name, "applied" if same else "changed"))
    return states

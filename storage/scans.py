"""What scanning workers do with files: take one, judge it, tell it, and clear away what nobody holds.

A worker *claims* a file for as long as its lease; whoever dies gives it back by silence. Only the holder of a claim may
judge, and a verdict moves the row once, with the objects that it names: that is what makes promotion atomic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

import msgspec

from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("scans")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
TOLD_SECONDS = 7 * 86_400.0
"""For how long a verdict is looked at again in case that somebody was not told."""


class Job(msgspec.Struct, frozen=True):
    """A file that a worker has for itself: `parts` make it up while it is in quarantine, `home` holds it once clean.

    `released`: an administrator vouches for it, so that no engine is asked.
    """

    claim: Id
    id: Id
    name: str
    type: str
    size: int
    state: str
    parts: list[str]
    home: str | None
    attempts: int
    released: bool


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be true of a file from here on. `sha256` in hex; None: as it was."""

    state: str
    engine: str
    reason: str | None = None
    signature: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    home: str | None = None
    variants: list[str] = []
    parts: list[str] = []


class Untold(NamedTuple):
    """A conversation that holds a file and does not know its latest verdict."""

    conversation: Id
    owner: Id
    file: Id
    revision: int
    state: str
    reason: str | None
    signature: str | None
    width: int | None
    height: int | None
    previews: bool


class Swept(NamedTuple):
    """A file that is no more, and what lay in the store for it."""

    id: Id
    parts: list[str]
    home: str | None


async def claim(db: Database, lease: float, id: Id | None = None) -> Job | None:
    """The next file to scan (or this one, if it is due), held for `lease` seconds; None if there is none."""
    mine = str(uuid4())
    rows = await db.fetch(SQL["claim"], {"claim": mine, "lease": lease, "id": id}, again=False)
    return Job(mine, *rows[0]) if rows else None


async def renew(db: Database, job: Job, lease: float) -> bool:
    """Hold it for `lease` seconds more; False if it is another's, or gone."""
    return bool(await db.fetch(SQL["renew"], {"id": job.id, "claim": job.claim, "lease": lease}))


async def put_off(db: Database, job: Job, pause: float, fault: str) -> bool:
    """Give it back, to be tried again after `pause` seconds; `fault` is for who looks after it."""
    asked = {"id": job.id, "claim": job.claim, "pause": pause, "fault": fault[:500]}
    return bool(await db.fetch(SQL["put_off"], asked))


async def judge(db: Database, job: Job, verdict: Verdict) -> int | None:
    """Make the verdict true: its revision, or None if the file is another's by now, and nothing changed.

    Not repeated by itself: after `Unavailable` it is unknown, and the claim, if it still stands, runs out.
    """
    asked = {"id": job.id, "claim": job.claim, **msgspec.structs.asdict(verdict)}
    rows = await db.fetch(SQL["judge"], asked, again=False)
    return int(rows[0][0]) if rows else None


async def confirm(db: Database, job: Job, engine: str) -> bool:
    """A clean file is still clean; False if it is another's by now."""
    return bool(await db.fetch(SQL["confirm"], {"id": job.id, "claim": job.claim, "engine": engine}))


async def untold(db: Database, id: Id) -> list[Untold]:
    """Who holds the file and does not know its latest verdict."""
    return [Untold(*row) for row in await db.fetch(SQL["untold"], {"id": id})]


async def untold_files(db: Database) -> list[Id]:
    """Files of whose verdicts somebody has not been told though there was time."""
    return [row[0] for row in await db.fetch(SQL["untold_files"], {"seconds": TOLD_SECONDS})]


async def rescan(db: Database, *, older: float, engine: str | None, most: int) -> int:
    """Have clean files scanned again that were scanned over `older` seconds ago (given an `engine`: by another one,
    or with other signatures), at most so many; how many there were."""
    rows = await db.fetch(SQL["rescan"], {"older": older, "engine": engine, "most": most})
    return int(rows[0][0])


async def announce(db: Database, node: str, engine: str, version: str, works: bool) -> None:
    """Say that this worker scans, and with what."""
    await db.fetch(SQL["announce"], {"node": node, "engine": engine, "version": version, "works": works})


async def withdraw(db: Database, node: str) -> None:
    """Say that this worker scans no more."""
    await db.fetch(SQL["withdraw"], {"node": node})


async def sweep(db: Database, most: int) -> list[Swept]:
    """Give up at most so many files whose time is over and that nobody holds."""
    return [Swept(*row) for row in await db.fetch(SQL["sweep"], {"most": most})]


async def known(db: Database, keys: Sequence[str]) -> frozenset[str]:
    """Of the keys of objects those that a row names: `quarantine/<file>/…` as a part, `<home>/…` by its home."""
    asked = {
        "keys": list(keys),
        "files": [file_of(key) for key in keys],
        "homes": [key.rpartition("/")[0] for key in keys],
    }
    return frozenset(row[0] for row in await db.fetch(SQL["known"], asked))


def file_of(key: str) -> Id | None:
    """The file that a part in quarantine is of, as its key says; None for other keys."""
    area, _, rest = key.partition("/")
    file = rest.partition("/")[0]
    return file if area == "quarantine" and UUID_TEXT.fullmatch(file) else None

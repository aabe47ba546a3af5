"""Files as their uploaders and readers meet them: uploads that grow by parts, and who may see what.

The row decides: how far an upload has come, whether it is whole, whether it may be read. Objects in the store that no
row names are nothing, and are swept (`storage.sweeping`).
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from storage import attachments, cursors
from storage.errors import Invalid, NotFound
from storage.log import Id, moment
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("files")
PARTS = 1000
"""Of one upload at most: whoever sends it byte by byte fills the store with objects."""
LAST = (2**62, 0)
"""The place behind every attachment."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file as `shown` to its readers, and besides: who brought it, when, and how much of it is here (bytes)."""

    shown: dict[str, Any]
    owner: Id
    created_at: str
    received: int
    expires_at: str
    sha256: str | None
    engine: str | None
    parts: int

    @property
    def id(self) -> Id:
        return str(self.shown["id"])

    @property
    def size(self) -> int:
        return int(self.shown["size"])

    @property
    def state(self) -> str:
        return str(self.shown["state"])


class Served(NamedTuple):
    """Where a clean file lies in the store (`home`), and what is said of it to who fetches it."""

    home: str
    name: str
    type: str
    size: int
    sha256: str
    variants: frozenset[str]


class Grown(NamedTuple):
    """An upload after another part: how much is here, and its state."""

    received: int
    state: str


class Removed(NamedTuple):
    """What lay in the store for a file that is given up; `held`: a message has it, so nothing happened."""

    parts: list[str]
    home: str | None
    held: bool


class Scanner(msgspec.Struct, frozen=True):
    """An engine that scans at this moment: its name, its version and signatures, and whether it answers."""

    engine: str
    version: str
    ready: bool


async def begin(
    db: Database, id: Id, owner: Id, name: str, type: str, size: int, *, seconds: float, quota: int, most_open: int
) -> str:
    """Begin an upload of `size` bytes, which may take `seconds`: "" or the code that says why not.

    The same wish again is the same upload. `quota` bounds the bytes of all files of the account, `most_open` how many
    uploads it has begun and not ended.
    """
    wanted = {"id": id, "owner": owner, "name": name, "type": type, "size": size, "seconds": seconds}
    rows = await db.fetch(SQL["begin"], {**wanted, "quota": quota, "most_open": most_open})
    return str(rows[0][0])


async def own(db: Database, owner: Id, id: Id) -> File:
    """A file that this account uploaded, or uploads; raises `NotFound`, also where its time is over."""
    return _one(await db.fetch(SQL["own"], {"id": id, "owner": owner}))


async def visible(db: Database, asker: Id, id: Id) -> File:
    """A file for who may see it; raises `NotFound`."""
    return _one(await db.fetch(SQL["visible"], {"id": id, "asker": asker}))


async def served(db: Database, asker: Id, id: Id) -> Served:
    """Where the bytes of a clean file lie, for who may see it; raises `NotFound` for any other."""
    rows = await db.fetch(SQL["served"], {"id": id, "asker": asker})
    if not rows:
        raise NotFound("file")
    home, name, type, size, sha256, variants = rows[0]
    return Served(home, name, type, size, sha256, frozenset(variants))


def part_key(id: Id, offset: int) -> str:
    """A key for the part of an upload that begins at this byte: never the same twice, so that two who send the same
    part do not write into each other's object."""
    return f"quarantine/{id}/{offset:012d}-{uuid4().hex[:12]}"


async def grow(db: Database, owner: Id, id: Id, offset: int, part: str, size: int) -> Grown | None:
    """Add a part of `size` bytes that lies in the store; None if the upload does not go on at `offset`.

    Not said again by itself: if it fails with `Unavailable`, ask `own` how far the upload is.
    """
    wanted = {"id": id, "owner": owner, "offset": offset, "part": part, "bytes": size}
    rows = await db.fetch(SQL["grow"], wanted, again=False)
    return Grown(*rows[0]) if rows else None


async def give_up(db: Database, owner: Id, id: Id) -> Removed:
    """Take an upload, or a file that no message holds, back; what lay in the store is the caller's to delete.

    Raises `NotFound`.
    """
    rows = await db.fetch(SQL["give_up"], {"id": id, "owner": owner})
    if not rows:
        raise NotFound("file")
    return Removed(*rows[0])


async def page(
    db: Database, asker: Id, conversation: Id, types: list[str] | None, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of a conversation's files of these MIME types (all if None), the newest first, and the next cursor.

    Raises `NotFound` for who is no member, `Invalid` for a cursor that is none of ours.
    """
    seq, place = cursors.decoded(after, int, int) if after is not None else LAST
    if not (0 <= seq <= LAST[0] and 0 <= place < 2**15):
        raise Invalid("not a cursor of this list", field="after")
    wanted = {"conversation": conversation, "account": asker, "types": types, "limit": limit + 1}
    rows = await db.fetch(attachments.SQL["page"], {**wanted, "before_seq": seq, "before_place": place})
    if not rows:
        raise NotFound("conversation")
    found = [row for row in rows if row[0] is not None]
    items = [
        {"file": attachments.shown(row), "seq": row[11], "at": moment(row[13]), "actor": row[14]}
        for row in found[:limit]
    ]
    return items, cursors.following(found, limit, 11, 12)


async def scanners(db: Database) -> list[Scanner]:
    """What scans now, the engines that answer first; none: nothing is scanned, so nothing new is served."""
    return [Scanner(*row) for row in await db.fetch(SQL["scanners"])]


def _one(rows: list[Row]) -> File:
    if not rows:
        raise NotFound("file")
    row = rows[0]
    return File(
        shown=attachments.shown(row),
        owner=row[11],
        created_at=moment(row[12]),
        received=row[13],
        expires_at=moment(row[14]),
        sha256=row[15],
        engine=row[16],
        parts=row[17],
    )

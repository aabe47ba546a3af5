"""Files that were refused, as administrators see them; what they do with one is noted in the same statement."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from storage import cursors
from storage.errors import NotFound
from storage.log import Id, moment
from storage.oversight import LAST
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("quarantine")


class Held(msgspec.Struct, frozen=True):
    """A file in quarantine: whose it is, in which conversations, what was found, by which engine, and how often tried.

    `releasing`: an administrator vouched for it, and a worker will make it clean.
    """

    id: Id
    name: str
    type: str
    size: int
    sha256: str | None
    state: str
    reason: str | None
    signature: str | None
    engine: str | None
    uploaded_by: dict[str, Any]
    attempts: int
    last_error: str | None
    scanned_at: str | None
    created_at: str
    releasing: bool
    conversations: list[dict[str, Any]]


async def page(db: Database, state: str | None, after: str | None, limit: int) -> tuple[list[Held], str | None]:
    """A page of quarantine, newest first, and the cursor of the next; raises `Invalid` for a cursor that is none."""
    at, id_ = cursors.decoded(after, datetime.fromisoformat, UUID) if after is not None else LAST
    asked = {"state": state, "id": None, "before_at": at, "before_id": str(id_), "limit": limit + 1}
    rows = await db.fetch(SQL["page"], asked)
    return [_held(row) for row in rows[:limit]], cursors.following(rows, limit, 14, 0)


async def get(db: Database, id: Id) -> Held:
    """One file in quarantine; raises `NotFound`."""
    asked = {"state": None, "id": id, "before_at": LAST[0], "before_id": str(LAST[1]), "limit": 1}
    rows = await db.fetch(SQL["page"], asked)
    if not rows:
        raise NotFound("file")
    return _held(rows[0])


async def release(db: Database, actor: Id, id: Id, reason: str) -> None:
    """Vouch for a file that was refused, for this reason; raises `NotFound`."""
    if not await db.fetch(SQL["release"], {"actor": actor, "id": id, "reason": reason}, again=False):
        raise NotFound("file")


async def delete(db: Database, actor: Id, id: Id) -> tuple[list[str], str | None]:
    """Take a file out of the world: the parts and the home that lie in the store. Raises `NotFound`."""
    rows = await db.fetch(SQL["delete"], {"actor": actor, "id": id}, again=False)
    if not rows:
        raise NotFound("file")
    return rows[0][0], rows[0][1]


def _held(row: Row) -> Held:
    id_, name, type, size, sha256, state, reason, signature, engine, owner, owner_name = row[:11]
    attempts, fault, scanned_at, created_at, releasing, conversations = row[11:]
    return Held(
        id_,
        name,
        type,
        size,
        sha256,
        state,
        reason,
        signature,
        engine,
        {"id": owner, "name": owner_name},
        attempts,
        fault,
        scanned_at and moment(scanned_at),
        moment(created_at),
        releasing,
        conversations,
    )

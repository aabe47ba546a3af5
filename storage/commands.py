"""What became of a command that was sent before. To send it again is the log's affair (`storage.log.append`)."""

from __future__ import annotations

import msgspec

from storage.log import Id, moment
from storage.pool import Database
from storage.statements import statements

SQL = statements("commands")


class Found(msgspec.Struct, frozen=True):
    """Where the log has it, since when, and the fingerprint of what was said under the id."""

    seq: int
    at: str
    fingerprint: bytes


async def find(db: Database, conversation: Id, actor: Id, id: Id) -> Found | None:
    """The command of that identity, None if none has been committed; one that is on its way may be later."""
    rows = await db.fetch(SQL["find"], {"conversation": conversation, "actor": actor, "id": id})
    if not rows:
        return None
    seq, at, fingerprint = rows[0]
    return Found(seq, moment(at), bytes(fingerprint))

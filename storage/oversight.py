"""What administrators read of conversations that they are not in: each look at one is noted as it is taken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from storage import cursors
from storage.errors import NotFound
from storage.log import Id, Page, moment, page_of
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("oversight")
LAST = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""The place behind every conversation."""


class Overview(msgspec.Struct, frozen=True):
    """A conversation in the list of all; `members` is how many there are."""

    id: Id
    subject: str
    project: Id | None
    status: str
    head: int
    created_at: str
    last_at: str
    members: int


async def page(
    db: Database, query: str, status: str | None, project: Id | None, after: str | None, limit: int
) -> tuple[list[Overview], str | None]:
    """A page of all conversations, newest first, and the cursor of the next; `query` is a part of the subject.

    Raises `Invalid` for a cursor that is none of ours.
    """
    at, id_ = cursors.decoded(after, datetime.fromisoformat, UUID) if after is not None else LAST
    asked = {"query": query, "status": status, "project": project, "before_at": at, "before_id": str(id_)}
    rows = await db.fetch(SQL["page"], {**asked, "limit": limit + 1})
    return [_overview(row) for row in rows[:limit]], cursors.following(rows, limit, 5, 0)


async def get(db: Database, actor: Id, conversation: Id) -> dict[str, Any]:
    """One conversation with its members, noted as read by `actor`; raises `NotFound`."""
    rows = await db.fetch(SQL["get"], {"actor": actor, "conversation": conversation})
    if not rows:
        raise NotFound("conversation")
    id_, subject, project, status, head, created_at, last_at, created_by, *_ = rows[0]
    return {
        "id": id_,
        "subject": subject,
        "project": project,
        "status": status,
        "head": head,
        "created_at": moment(created_at),
        "last_at": moment(last_at),
        "created_by": created_by,
        "members": [{"account": row[8], "name": row[9], "role": row[10]} for row in rows if row[8] is not None],
    }


async def events_after(db: Database, actor: Id, conversation: Id, after: int, limit: int) -> Page:
    """As `log.events_after`, noted as read by `actor`; raises `NotFound`."""
    asked = {"actor": actor, "conversation": conversation, "after": after, "limit": limit}
    return await page_of(db, conversation, await db.fetch(SQL["after"], asked))


async def events_before(db: Database, actor: Id, conversation: Id, before: int, limit: int) -> Page:
    """As `log.events_before`, noted as read by `actor`; raises `NotFound`."""
    asked = {"actor": actor, "conversation": conversation, "before": before, "limit": limit}
    return await page_of(db, conversation, await db.fetch(SQL["before"], asked))


def _overview(row: Row) -> Overview:
    id_, subject, project, status, head, created_at, last_at, members = row
    return Overview(id_, subject, project, status, head, moment(created_at), moment(last_at), members)

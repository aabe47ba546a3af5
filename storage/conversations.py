"""Conversations as their members see them: lists, unread counts, who is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from storage import cursors
from storage.attachments import describe
from storage.errors import NotFound
from storage.log import Id, event_map, moment
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("conversations")


class Summary(msgspec.Struct, frozen=True):
    """What `ready` says of a conversation. `unread` counts others' undeleted messages after `read`, to 100."""

    id: Id
    head: int
    read: int
    unread: int


async def summaries(db: Database, account: Id, limit: int) -> tuple[list[Summary], bool]:
    """The conversations last active, and whether there are more of them."""
    rows = await db.fetch(SQL["summaries"], {"account": account, "limit": limit + 1})
    return [Summary(*row) for row in rows[:limit]], len(rows) > limit


async def page(db: Database, account: Id, after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the list, last active first, and the cursor of the next one.

    A conversation that becomes active meanwhile moves to the front: a reader who pages on does not meet it
    again, but learns of it live. Raises `Invalid` for a cursor that is none of ours.
    """
    at, id_ = cursors.decoded(after, datetime.fromisoformat, UUID) if after is not None else (None, None)
    rows = await db.fetch(SQL["page"], {"account": account, "after_at": at, "after_id": id_, "limit": limit + 1})
    items = [_listed(row) for row in rows[:limit]]
    await describe(db, (item["last_message"] for item in items if item["last_message"] is not None))
    return items, cursors.following(rows, limit, 7, 0)


async def get(db: Database, account: Id, conversation: Id) -> dict[str, Any]:
    """One conversation with its members, those who left excepted; raises `NotFound` for who is not one."""
    rows = await db.fetch(SQL["get"], {"account": account, "conversation": conversation})
    if not rows:
        raise NotFound("conversation")
    id_, subject, project, status, head, created_at, read, unread, *_ = rows[0]
    return {
        "id": id_,
        "subject": subject,
        "project": project,
        "status": status,
        "head": head,
        "read": read,
        "unread": unread,
        "members": [
            {"account": row[8], "name": row[9], "role": row[10], "read": row[11], "delivered": row[12]} for row in rows
        ],
        "created_at": moment(created_at),
    }


async def audience(db: Database, conversation: Id) -> tuple[int, frozenset[Id]] | None:
    """The head and who are members as of it; None if there is no such conversation."""
    rows = await db.fetch(SQL["audience"], {"conversation": conversation})
    return (rows[0][0], frozenset(rows[0][1])) if rows else None


def _listed(row: Row) -> dict[str, Any]:
    id_, subject, project, status, head, read, unread, _, members, seq, kind, actor, at, command, *rest = row
    last = None
    if seq is not None:
        body, data, edited_at, _ = rest
        last = event_map(
            conversation=id_,
            seq=seq,
            kind=kind,
            actor=actor,
            at=moment(at),
            id=command,
            body=body,
            data=data,
            edited_at=edited_at and moment(edited_at),
        )
    return {
        "id": id_,
        "subject": subject,
        "project": project,
        "status": status,
        "head": head,
        "read": read,
        "unread": unread,
        "members": members,
        "last_message": last,
    }

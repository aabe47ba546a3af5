"""Who may find and know whom: staff everybody, clients those whom they have to do with."""

from __future__ import annotations

import msgspec

from storage import cursors
from storage.accounts import Account
from storage.errors import NotFound
from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("people")


class Person(msgspec.Struct, frozen=True):
    """An account as somebody else may know it; `email` is None where the address is not the asker's business."""

    id: Id
    name: str
    email: str | None
    role: str


async def search(
    db: Database, asker: Account, query: str, after: str | None, limit: int
) -> tuple[list[Person], str | None]:
    """A page of those whom the asker may find, by name, and the cursor of the next; `query` is part of a name.

    Raises `Invalid` for a cursor that is none of ours.
    """
    statement = SQL["acquaintances" if asker.role == "client" else "everybody"]
    asked = {"asker": asker.id, "query": query, **cursors.after_name(after), "limit": limit + 1}
    rows = await db.fetch(statement, asked)
    return [Person(*row[:4]) for row in rows[:limit]], cursors.following(rows, limit, 4, 0)


async def get(db: Database, asker: Id, id: Id) -> Person:
    """The account, if the asker may know it; else `NotFound`."""
    rows = await db.fetch(SQL["get"], {"asker": asker, "id": id})
    if not rows:
        raise NotFound("account")
    return Person(*rows[0])

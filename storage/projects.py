"""Projects: what clients and staff work on together, and whom a client may start a conversation with."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("projects")


class Project(msgspec.Struct, frozen=True):
    """A project."""

    id: Id
    name: str


async def add(db: Database, name: str, *, id: Id | None = None) -> Project:
    """A project of this name; given the id of one that exists, it is renamed."""
    rows = await db.fetch(SQL["add"], {"id": id or str(uuid4()), "name": name}, again=id is not None)
    return Project(rows[0][0], name)


async def add_member(db: Database, project: Id, account: Id) -> None:
    """Make the account a member; it may be one already. Raises `BadData` if either does not exist."""
    await db.fetch(SQL["add_member"], {"project": project, "account": account})


async def of_account(db: Database, account: Id) -> list[Project]:
    """The projects that the account belongs to, by name."""
    return [Project(*row) for row in await db.fetch(SQL["of_account"], {"account": account})]

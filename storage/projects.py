"""Projects: what clients and staff work on together, and whom a client may start a conversation with."""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

import msgspec

from storage import cursors
from storage.accounts import Account
from storage.errors import NotFound, Unavailable
from storage.log import Id, moment
from storage.people import Person
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("projects")


class Project(msgspec.Struct, frozen=True):
    """A project; `members` is how many there are."""

    id: Id
    name: str
    created_at: str
    members: int


class Made(NamedTuple):
    """What became of a wish for a project. `replayed`: it was made before; `same`: by a wish with the same content."""

    project: Project
    replayed: bool
    same: bool


async def add(db: Database, name: str, *, id: Id | None = None) -> Project:
    """A project of this name; given the id of one that exists, it is renamed."""
    return _project((await db.fetch(SQL["add"], {"id": id or str(uuid4()), "name": name}, again=id is not None))[0])


async def create(db: Database, id: Id, name: str, fingerprint: bytes) -> Made:
    """The project of this id, made unless it is there: `id` and `fingerprint` are those of the wish for it."""
    for _ in range(3):
        if rows := await db.fetch(SQL["create"], {"id": id, "name": name, "fingerprint": fingerprint}):
            return Made(_project(rows[0]), rows[0][4], rows[0][5])
    raise Unavailable("the project is being made by others")


async def rename(db: Database, id: Id, name: str) -> Project:
    """The project under another name; raises `NotFound`."""
    return _one(await db.fetch(SQL["rename"], {"id": id, "name": name}))


async def get(db: Database, asker: Id, id: Id) -> Project:
    """The project, for its members and staff; raises `NotFound`."""
    return _one(await db.fetch(SQL["get"], {"asker": asker, "id": id}))


async def page(
    db: Database, asker: Account, query: str, after: str | None, limit: int
) -> tuple[list[Project], str | None]:
    """A page of the projects that the asker may see, by name, and the cursor of the next one.

    `query` is a part of the name, in any case. Raises `Invalid` for a cursor that is none of ours.
    """
    rows = await db.fetch(
        SQL["own" if asker.role == "client" else "every"],
        {"asker": asker.id, "query": query, **cursors.after_name(after), "limit": limit + 1},
    )
    return [_project(row) for row in rows[:limit]], cursors.following(rows, limit, 4, 0)


async def members(db: Database, asker: Id, id: Id, after: str | None, limit: int) -> tuple[list[Person], str | None]:
    """A page of the members by name, for members and staff; raises `NotFound`, or `Invalid` for the cursor."""
    place = cursors.after_name(after)
    await get(db, asker, id)
    rows = await db.fetch(SQL["members"], {"asker": asker, "id": id, **place, "limit": limit + 1})
    return [Person(*row[:4]) for row in rows[:limit]], cursors.following(rows, limit, 4, 0)


async def add_member(db: Database, project: Id, account: Id) -> None:
    """Make the account a member; it may be one already, and one of the host's without a row. Raises `NotFound`."""
    if not await db.fetch(SQL["add_member"], {"project": project, "account": account}):
        raise NotFound("project")


async def remove_member(db: Database, project: Id, account: Id) -> None:
    """The account is no member from here on, if it ever was; raises `NotFound` without such a project."""
    if not await db.fetch(SQL["remove_member"], {"project": project, "account": account}):
        raise NotFound("project")


def _project(row: Row) -> Project:
    return Project(row[0], row[1], moment(row[2]), row[3])


def _one(rows: list[Row]) -> Project:
    if not rows:
        raise NotFound("project")
    return _project(rows[0])

"""What administrators do with accounts. Each change is noted in `audit` by the statement that makes it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from storage import cursors
from storage.accounts import checked_address, unique
from storage.errors import HostedAccount, LastAdministrator, NotFound, Unavailable
from storage.log import Id, moment
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("administration")
LAST_NOTE = 2**63 - 1


class AccountRecord(msgspec.Struct, frozen=True):
    """An account as an administrator sees it. `signs_in`: where it shows its password, `parley` or `host`."""

    id: Id
    name: str
    email: str
    role: str
    suspended: bool
    suspended_at: str | None
    signs_in: str
    created_at: str


class Made(NamedTuple):
    """What became of a wish for an account. `replayed`: it was made before; `same`: by a wish with the same content."""

    account: AccountRecord
    replayed: bool
    same: bool


class Note(msgspec.Struct, frozen=True):
    """Who did, or read, what, and when. `target` is an account or a conversation, as the action says."""

    id: int
    at: str
    actor: Id
    action: str
    target: Id | None
    detail: dict[str, Any]


async def page(
    db: Database, query: str, role: str | None, suspended: bool | None, after: str | None, limit: int
) -> tuple[list[AccountRecord], str | None]:
    """A page of all accounts by name, and the cursor of the next; raises `Invalid` for a foreign cursor."""
    asked = {"query": query, "role": role, "suspended": suspended, **cursors.after_name(after), "limit": limit + 1}
    rows = await db.fetch(SQL["page"], asked)
    return [_record(row) for row in rows[:limit]], cursors.following(rows, limit, 7, 0)


async def get(db: Database, id: Id) -> AccountRecord:
    """One account; raises `NotFound`."""
    return _record(_one(await db.fetch(SQL["get"], {"id": id})))


async def create(
    db: Database, actor: Id, id: Id, email: str, name: str, role: str, password_hash: str, fingerprint: bytes
) -> Made:
    """The account of this id, made unless it is there: `id` and `fingerprint` are those of the wish for it.

    Raises `BadAddress`, or `Conflict` if the address signs in another.
    """
    given = {"actor": actor, "id": id, "email": checked_address(email), "name": name, "role": role}
    for _ in range(3):
        rows = await unique(
            db, SQL["create"], {**given, "password_hash": password_hash, "fingerprint": fingerprint}, again=True
        )
        if rows:
            return Made(_record(rows[0]), rows[0][7], rows[0][8])
    raise Unavailable("the account is being made by others")


async def change(
    db: Database,
    actor: Id,
    id: Id,
    *,
    name: str | None = None,
    role: str | None = None,
    suspended: bool | None = None,
) -> AccountRecord:
    """The account as it is then. A suspension ends its sessions.

    Raises `NotFound`, `HostedAccount` (name and role follow the host's tokens), or `LastAdministrator`.
    """
    given = {"actor": actor, "id": id, "name": name, "role": role, "suspended": suspended}
    row = _one(await db.fetch(SQL["change"], given, again=False))
    refusal = row[7]
    if refusal == "last":
        raise LastAdministrator(field="suspended" if suspended else "role")
    if refusal:
        raise HostedAccount(field=refusal.removeprefix("hosted_"))
    return _record(row)


async def reset_password(db: Database, actor: Id, id: Id, password_hash: str) -> list[Id]:
    """Another password; the sessions that end by it. Raises `NotFound`, or `HostedAccount` for who has none here."""
    given = {"actor": actor, "id": id, "password_hash": password_hash}
    ended, changed = _one(await db.fetch(SQL["reset_password"], given, again=False))
    if not changed:
        raise HostedAccount(field="password")
    return list(ended)


async def end_sessions(db: Database, actor: Id, id: Id) -> list[Id]:
    """End the account's sessions; their ids. Raises `NotFound`."""
    return list(_one(await db.fetch(SQL["end_sessions"], {"actor": actor, "id": id}, again=False))[0])


async def audit(
    db: Database, actor: Id | None, target: Id | None, action: str | None, after: str | None, limit: int
) -> tuple[list[Note], str | None]:
    """A page of what was noted, newest first, and the cursor of the next; raises `Invalid` for the cursor."""
    before = cursors.decoded(after, int)[0] if after is not None else LAST_NOTE
    asked = {"before": before, "actor": actor, "target": target, "action": action, "limit": limit + 1}
    rows = await db.fetch(SQL["audit"], asked)
    notes = [Note(row[0], moment(row[1]), *row[2:]) for row in rows[:limit]]
    return notes, cursors.following(rows, limit, 0)


def _one(rows: list[Row]) -> Row:
    if not rows:
        raise NotFound("account")
    return rows[0]


def _record(row: Row) -> AccountRecord:
    id_, name, email, role, suspended_at, local, created_at = row[:7]
    since = suspended_at and moment(suspended_at)
    where = "parley" if local else "host"
    return AccountRecord(id_, name, email, role, since is not None, since, where, moment(created_at))

"""Accounts: who there is, in which role, and who signs in here with a password."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import uuid4

import msgspec

from storage.errors import BadAddress, BadData, Conflict, NotFound, Unavailable
from storage.log import Id
from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("accounts")
UNIQUE_VIOLATION = "23505"
ADDRESS_CHARACTERS = 254
ADDRESS = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
"""What a browser takes in a field for an e-mail address (HTML Living Standard, "valid e-mail address")."""


class Account(msgspec.Struct, frozen=True):
    """A person. `role` is client, agent or admin; a suspended one may neither sign in nor write."""

    id: Id
    name: str
    email: str
    role: str
    suspended: bool


def checked_address(email: str) -> str:
    """The address, if it is one; else raises `BadAddress`. A host application's addresses are its own affair."""
    if len(email) > ADDRESS_CHARACTERS or not ADDRESS.fullmatch(email):
        raise BadAddress(field="email")
    return email


async def add(
    db: Database, email: str, name: str, role: str, *, password_hash: str | None = None, id: Id | None = None
) -> Account:
    """A new account; raises `BadAddress`, or `Conflict` if its id is taken, or its address by one that signs in here
    too."""
    given = {
        "id": id or str(uuid4()),
        "email": checked_address(email),
        "name": name,
        "role": role,
        "password_hash": password_hash,
    }
    return Account(*(await unique(db, SQL["add"], given))[0])


async def by_email(db: Database, email: str) -> tuple[Account, str] | None:
    """Who signs in with this address (in any case), and the password's hash."""
    rows = await db.fetch(SQL["by_email"], {"email": email})
    return (Account(*rows[0][:5]), rows[0][5]) if rows else None


async def get(db: Database, id: Id) -> Account:
    """The account; raises `NotFound`."""
    rows = await db.fetch(SQL["get"], {"id": id})
    if not rows:
        raise NotFound("account")
    return Account(*rows[0])


class Vouched(NamedTuple):
    """What a host application's token says of an account."""

    id: Id
    name: str
    email: str
    role: str


async def ensure(db: Database, vouched: Sequence[Vouched]) -> list[Account]:
    """The accounts as the host application says they are, in the order given, made or updated by one statement.

    None may be named twice. Raises `Conflict` if one signs in here as well and now bears the address of another who
    does, `BadData` for what cannot be stored: nothing of the batch is then, and one of them is to blame.
    """
    found: dict[Id, Account] = {}
    for _ in range(3):
        if missing := [one for one in vouched if one.id not in found]:
            ids, names, emails, roles = map(list, zip(*missing, strict=True))
            given = {"ids": ids, "names": names, "emails": emails, "roles": roles}
            found |= {row[0]: Account(*row) for row in await unique(db, SQL["ensure"], given)}
    if len(found) < len(vouched):
        raise Unavailable("accounts are being changed by others")
    return [found[one.id] for one in vouched]


async def set_password(db: Database, id: Id, password_hash: str | None) -> None:
    """Let the account sign in with another password, or none; raises `NotFound`, or `Conflict` of its address."""
    if not await unique(db, SQL["set_password"], {"id": id, "password_hash": password_hash}):
        raise NotFound("account")


async def suspend(db: Database, id: Id, suspended: bool = True) -> None:
    """Suspend the account, or lift it; raises `NotFound`. Edges notice at their next look at revocations."""
    if not await db.fetch(SQL["suspend"], {"id": id, "suspended": suspended}):
        raise NotFound("account")


async def password_of(db: Database, id: Id) -> str | None:
    """The hash of the account's password; None if it has none here. Raises `NotFound`."""
    rows = await db.fetch(SQL["password_of"], {"id": id})
    if not rows:
        raise NotFound("account")
    kept: str | None = rows[0][0]
    return kept


async def change_own(
    db: Database, id: Id, session: Id, *, name: str | None, old_hash: str | None, new_hash: str | None
) -> tuple[Account, list[Id]] | None:
    """Change one's own name, and one's password if it still is `old_hash`; the account, and the other sessions,
    which end by a new password. None if it has no password here (any more), or another by now.
    """
    given = {"id": id, "session": session, "name": name, "old_hash": old_hash, "new_hash": new_hash}
    rows = await db.fetch(SQL["change_own"], given, again=False)
    return (Account(*rows[0][:5]), list(rows[0][5])) if rows else None


async def unique(
    db: Database, statement: str, given: Mapping[str, str | bytes | list[str] | None], *, again: bool = False
) -> list[Row]:
    """Run a statement that writes an address; raises `Conflict` if another has it."""
    try:
        return await db.fetch(statement, given, again=again)
    except BadData as error:
        if getattr(error.__cause__, "sqlstate", None) == UNIQUE_VIOLATION:
            raise Conflict("account", field="email") from error
        raise

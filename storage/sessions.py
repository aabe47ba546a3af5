"""Sessions of those who signed in here, and what was revoked: the few rows that an edge writes itself.

A session's id is the `jti` of its access tokens. Refresh tokens are kept only as hashes, made by the caller.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("sessions")
PRUNE_AT_ONCE = 5_000
"""Rows of a kind that a statement may delete within its time-out, with room to spare."""


async def open(db: Database, account: Id, refresh_hash: bytes, seconds: float) -> Id:
    """A new session of the account, for so long; its id."""
    id_ = str(uuid4())
    given = {"id": id_, "account": account, "refresh_hash": refresh_hash, "seconds": seconds}
    await db.fetch(SQL["open"], given, again=False)
    return id_


async def rotate(db: Database, old_hash: bytes, new_hash: bytes, grace_seconds: float = 30) -> tuple[Id, Id] | None:
    """Exchange a refresh token; the session and its account, None if the old one is not good (any more).

    The token before the current one is good for `grace_seconds`, for a client that never saw the answer;
    presented later it has been copied, and the session is revoked.
    """
    given = {"old": old_hash, "new": new_hash, "grace": grace_seconds}
    rows = await db.fetch(SQL["rotate"], given, again=False)
    return (rows[0][0], rows[0][1]) if rows and rows[0][2] else None


async def revoke(db: Database, session: Id) -> None:
    """End the session; its access tokens die when the edges next look at revocations."""
    await db.fetch(SQL["revoke"], {"id": session})


async def revoke_all(db: Database, account: Id) -> int:
    """End all sessions of the account; how many there were."""
    return len(await db.fetch(SQL["revoke_all"], {"account": account}))


async def revoke_token(db: Database, jti: str, expires_at: datetime) -> None:
    """Revoke a token of the host application by its `jti`, kept until it expires by itself."""
    await db.fetch(SQL["revoke_token"], {"jti": jti, "expires_at": expires_at})


class Revoked(NamedTuple):
    """What edges must know: `since` is from when to ask next, `tokens` the sessions and `jti`s revoked, `suspended`
    *all* accounts that are (so that one who is suspended no longer is missed from the set), `changed` those whose
    name, role or password is another."""

    since: datetime
    tokens: set[str]
    suspended: set[Id]
    changed: set[Id]


async def revocations(db: Database, since: datetime | None) -> Revoked:
    """What was revoked and changed since; None: revoked ever, and no changes, for who remembers nothing yet."""
    rows = await db.fetch(SQL["revocations"], {"since": since})
    found: dict[str | None, set[str]] = {"token": set(), "suspended": set(), "changed": set()}
    for _, what, id_ in rows:
        if what is not None:
            found[what].add(id_)
    return Revoked(rows[0][0], found["token"], found["suspended"], found["changed"])


async def prune(db: Database) -> int:
    """Forget sessions and revoked tokens that have expired; how many. Safe for several to do at once."""
    pruned = 0
    while True:
        ended: int
        dead: int
        ended, dead = (await db.fetch(SQL["prune"], {"limit": PRUNE_AT_ONCE}))[0]
        pruned += ended + dead
        if max(ended, dead) < PRUNE_AT_ONCE:
            return pruned

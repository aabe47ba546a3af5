"""The feed of commits: which logs grew, for followers that must not miss one however transactions overlap."""

from __future__ import annotations

from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("feed")
PRUNE_AT_ONCE = 20_000  # rows a statement may delete within its time-out, with room to spare


async def follow(db: Database, since: int | None, *, back_seconds: float = 0) -> tuple[int, list[tuple[Id, int]]]:
    """The next `since`, and the logs that grew with the heads they reached.

    None starts here, `back_seconds` ago, and names none yet.

    At least once: what was told may be told again. A follower whose own transactions stay open delays nobody.
    """
    if since is None:
        return (await db.fetch(SQL["start"], {"back": back_seconds}))[0][0], []
    rows = await db.fetch(SQL["follow"], {"since": str(since)})
    return rows[0][0], [(conversation, head) for _, conversation, head in rows if conversation is not None]


async def prune(db: Database, keep_seconds: float = 3600) -> int:
    """Forget commits older than that; the number of them. Safe for several to do at once."""
    pruned = 0
    while True:
        rows = await db.fetch(SQL["prune"], {"keep": keep_seconds, "limit": PRUNE_AT_ONCE})
        pruned += len(rows)
        if len(rows) < PRUNE_AT_ONCE:
            return pruned

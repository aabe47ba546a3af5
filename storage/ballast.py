"""Millions of events that nobody reads, to measure how a full database behaves. For throw-away databases only.

They are written past the append function, set by set on the server, which takes minutes where appends would take
hours; what they leave behind is the same, but for the feed: nobody has to hear of them.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from storage.errors import Conflict, StorageError, translated
from storage.statements import statements

SQL = statements("ballast")
MEMBERS = 10
CONVERSATIONS_EACH = 100
"""In how many conversations an account is, where there are enough of them."""


async def fill(url: str, conversations: int, events: int, *, told: Callable[[int], None] = lambda stored: None) -> int:
    """Add so many conversations with `events` events in all, evenly; how many events these were.

    `told` hears how many are stored, every now and then. Raises `Conflict` when the database holds conversations of
    anybody else, `StorageError` for what PostgreSQL refuses. A second call adds as much again.
    """
    each = events // conversations if conversations > 0 else 0
    if each < 1:
        raise StorageError("there must be a conversation at least, and an event for each")
    people = max(MEMBERS, conversations * MEMBERS // CONVERSATIONS_EACH)
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute("SET statement_timeout = 0")
            found = await (await connection.execute(SQL["others"])).fetchone()
            if found is not None and found[0]:
                raise Conflict("database: it holds conversations, and ballast cannot be taken out again")
            sizes = {"people": people, "rooms": conversations, "members": MEMBERS, "head": each}
            for name in ("people", "index_people", "rooms", "add_accounts", "add_conversations", "add_members"):
                await connection.execute(SQL[name], sizes)
            await connection.execute(SQL["add_created"])
            told(conversations)
            for seq in range(2, each + 1):
                await connection.execute(SQL["add_messages"], {"seq": seq})
                told(conversations * seq)
            # What autovacuum would do in the middle of the measurement.
            await connection.execute("VACUUM (ANALYZE) accounts, conversations, members, events")
            await connection.execute("CHECKPOINT")
    except psycopg.Error as error:
        raise translated(error) from error
    return conversations * each

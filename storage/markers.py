"""How far each member has read, and has been handed, a log: state of the member, not events."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from storage.log import Id
from storage.pool import Database
from storage.statements import statements

SQL = statements("markers")


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Everything up to `read` is read, up to `delivered` delivered; 0 says nothing."""

    account: Id
    conversation: Id
    read: int
    delivered: int


async def mark(db: Database, wishes: Sequence[Mark]) -> list[Mark]:
    """Move markers forward, each (account, conversation) at most once in `wishes`; the markers as they are then.

    One statement, committed when it returns. Whose account is no member (any more) is left out.
    """
    asked = {
        "accounts": [wish.account for wish in wishes],
        "conversations": [wish.conversation for wish in wishes],
        "read": [wish.read for wish in wishes],
        "delivered": [wish.delivered for wish in wishes],
    }
    return [Mark(*row) for row in await db.fetch(SQL["mark"], asked)]

"""The files of messages as clients see them: each as it is now, wherever the message is read again.

What a log keeps of a message's files are their ids. Their names, sizes and verdicts are read beside it: a file that
was found infected later is blocked in every message that holds it, and nobody who reads an old page is told less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from storage.pool import Database, Row
from storage.statements import statements

SQL = statements("attachments")
MOST = 10
"""Files of one message."""


async def describe(db: Database, events: Iterable[dict[str, Any]]) -> None:
    """Put the files themselves where these events name their ids; raises a `StorageError`.

    Costs nothing where no message has files, else one query.
    """
    holding = [event for event in events if event.get("attachments")]
    if not holding:
        return
    known = await described(db, {id for event in holding for id in event["attachments"]})
    for event in holding:
        event["attachments"] = [known[id] for id in event["attachments"] if id in known]


async def described(db: Database, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The files of these ids that there are, as messages show them."""
    rows = await db.fetch(SQL["described"], {"ids": list(ids)})
    return {row[0]: shown(row) for row in rows}


def shown(row: Row) -> dict[str, Any]:
    """A file as its readers see it; what does not apply is left out. A row begins as `described` has it."""
    id, name, type, size, state, revision, reason, signature, width, height, previews = row[:11]
    found: dict[str, Any] = {
        "id": id,
        "name": name,
        "type": type,
        "size": size,
        "state": state,
        "revision": revision,
        "previews": previews,
    }
    found |= {key: value for key, value in (("reason", reason), ("signature", signature)) if value is not None}
    return found | ({"width": width, "height": height} if width is not None and height is not None else {})

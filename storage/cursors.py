"""Opaque cursors of lists: the place of the last item in the list's order, so that no page moves. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson

from storage.errors import Invalid


def encoded(*place: str) -> str:
    """The cursor behind the item with this place."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def decoded(cursor: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...]:
    """The place that `cursor` names, each part read by its kind; raises `Invalid` for what is none of the list's."""
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        if not isinstance(place, list) or not all(isinstance(part, str) and "\x00" not in part for part in place):
            raise ValueError("no place")
        return tuple(kind(part) for kind, part in zip(kinds, place, strict=True))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise Invalid("not a cursor of this list", field="after") from error


def following(rows: Sequence[Sequence[Any]], limit: int, *columns: int) -> str | None:
    """The cursor of the next page, None at the end: of `limit` + 1 rows that were asked for, whose place stands in
    these columns."""
    return encoded(*(str(rows[limit - 1][column]) for column in columns)) if len(rows) > limit else None


def after_name(cursor: str | None) -> dict[str, str]:
    """The parameters `after_name` and `after_id` of a list by name; None is its beginning. Raises `Invalid`."""
    name, id_ = decoded(cursor, str, UUID) if cursor is not None else ("", UUID(int=0))
    return {"after_name": name, "after_id": str(id_)}

"""What part of a list is asked for: `limit`, `after`, and in some a `query`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request

from edge.api.requests import S, query_of
from edge.problems import Problem

LIST_DEFAULT, LIST_MOST = 50, 200
QUERY_CHARACTERS = 200


class Listing(msgspec.Struct):
    """Which part of a list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIST_MOST, description="How many at most.")] = LIST_DEFAULT
    after: Annotated[str, msgspec.Meta(max_length=4000, description="`next` of the page before.")] | None = None


class Search(Listing):
    """Which part of a list, and of which things."""

    query: Annotated[str, msgspec.Meta(max_length=QUERY_CHARACTERS, description="A part of the name, in any case.")] = (
        ""
    )


def search_of(request: Request, kind: type[S]) -> S:
    """As `query_of`, for texts that are looked for: raises 422 for NUL, which no text has here."""
    given = query_of(request, kind)
    for name in kind.__struct_fields__:
        text = getattr(given, name)
        if isinstance(text, str) and "\x00" in text:
            raise Problem("invalid", "A text has no NUL.", field=name)
    return given

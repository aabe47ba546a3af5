"""Which bytes a reader asks for (RFC 9110, 14). Pure."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=\s*(?:([0-9]{1,16})-([0-9]{0,16})|-([0-9]{1,16}))\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """There are no such bytes."""


def asked(header: str | None, size: int) -> tuple[int, int] | None:
    """Where the one range that is asked for begins and ends (not with it); None: all of it.

    A range that cannot be read, or more than one, asks for all: a server may always answer with the whole. Raises
    `Unsatisfiable`.
    """
    match = _ONE.fullmatch(header or "")
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        if int(suffix) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(suffix)), size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(int(last) + 1, size) if last else size

"""What msgspec says is wrong with a message, taken apart; and ids outside of messages. Pure."""

from __future__ import annotations

import re

import msgspec

from broker.wire.payloads import Id

_AT = " - at `"
_MISSING = "missing required field `"
# int(…, 16), and so uuid.UUID, takes underscores, braces and digits of other scripts: one id would have many spellings.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def explained(fault: msgspec.ValidationError) -> tuple[str, str | None]:
    """The fault in words, and the outermost field that it lies in; None when the whole is of the wrong kind."""
    what, at, path = str(fault).rpartition(_AT)
    if not at:
        what, path = str(fault), ""
    path = path.rpartition("` in `")[2]  # of a map's key msgspec says "at `key` in `$.map`"
    field = path.rstrip("`").removeprefix("$").removeprefix(".").partition("[")[0].partition(".")[0]
    if not field and _MISSING in what:
        field = what.partition(_MISSING)[2].rstrip("`")
    return what, field or None


def canonical_id(text: str) -> Id | None:
    """The id that `text` spells in any case, in the lower case that Parley uses everywhere; None if it is no UUID."""
    lower = text.lower()
    return lower if _UUID.fullmatch(lower) else None

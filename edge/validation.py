"""What msgspec says is wrong with a message, in words for a person; and ids outside of messages. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from broker.wire.payloads import Id

_AT = " - at `"
_MISSING = "missing required field `"
# int(…, 16), and so uuid.UUID, takes underscores, braces and digits of other scripts: one id would have many spellings.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "null",
    "bytes": "bytes",
}
"""msgspec's names of types, as people call them."""

_PARTS = {"str": "character", "bytes": "byte", "array": "entry", "object": "entry"}
_PLURALS = {"character": "characters", "byte": "bytes", "entry": "entries"}

_Words: TypeAlias = Callable[[str, re.Match[str]], str]


def _missing(subject: str, fault: re.Match[str]) -> str:
    return f"{subject} lacks `{fault[1]}`." if subject != "It" else f"`{fault[1]}` is missing."


def _wrong_kind(subject: str, fault: re.Match[str]) -> str:
    return f"{subject} must be {_kinds(fault[1])}, not {_kinds(fault[2])}."


def _length(subject: str, fault: re.Match[str]) -> str:
    kind, bound, number = fault[1], fault[2], int(fault[3])
    if (bound, number) == (">=", 1):
        return f"{subject} may not be empty."
    part = _PARTS[kind] if number == 1 else _PLURALS[_PARTS[kind]]
    return f"{subject} has at {'least' if bound == '>=' else 'most'} {number} {part}."


def _bound(subject: str, fault: re.Match[str]) -> str:
    return f"{subject} is at {'least' if fault[1] == '>=' else 'most'} {fault[2]}."


def _form(subject: str, fault: re.Match[str]) -> str:
    if "[0-9a-fA-F]{12}" in fault[1]:
        return f"{subject} must be a UUID, like 0f6f3a3b-7d21-4e0c-8a43-6f1c1c0e9d0b."
    return f"{subject} is not written as it must be."


_SENTENCES: tuple[tuple[re.Pattern[str], _Words], ...] = (
    (re.compile(r"Object missing required field `([^`]+)`"), _missing),
    (re.compile(r"Object contains unknown field `([^`]+)`"), lambda it, fault: f"{it} knows no field `{fault[1]}`."),
    (re.compile(r"Expected `(str|bytes|array|object)` of length (<=|>=) (\d+)"), _length),
    (re.compile(r"Expected `(?:int|float)` (<=|>=) (\S+)"), _bound),
    (re.compile(r"Expected `str` matching regex (.+)"), _form),
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), _wrong_kind),
    (re.compile(r"Invalid enum value (.+)"), lambda it, fault: f"{it} cannot be {fault[1]}."),
)


def explained(fault: msgspec.ValidationError) -> tuple[str, str | None]:
    """The fault in a sentence, and the outermost field that it lies in; None when the whole is of the wrong kind."""
    what, at, path = str(fault).rpartition(_AT)
    if not at:
        what, path = str(fault), ""
    key, _, path = path.rpartition("` in `")  # of a map's key msgspec says "at `key` in `$.map`"
    path = path.rstrip("`").removeprefix("$").removeprefix(".")
    field = path.partition("[")[0].partition(".")[0]
    subject = _subject(field, deeper=path != field, key=bool(key))
    if not field and _MISSING in what:
        field = what.partition(_MISSING)[2].rstrip("`")
    for pattern, words in _SENTENCES:
        if match := pattern.fullmatch(what):
            return words(subject, match), field or None
    return f"{subject} is not valid.", field or None


def _subject(field: str, *, deeper: bool, key: bool) -> str:
    if not field:
        return "It"
    if key:
        return f"A key of `{field}`"
    return f"An entry of `{field}`" if deeper else f"`{field}`"


def _kinds(names: str) -> str:
    return " or ".join(_KINDS.get(name, name) for name in names.split(" | "))


def canonical_id(text: str) -> Id | None:
    """The id that `text` spells in any case, in the lower case that Parley uses everywhere; None if it is no UUID."""
    lower = text.lower()
    return lower if _UUID.fullmatch(lower) else None

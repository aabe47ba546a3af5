"""What an engine is: it says of a file whether it knows something bad in it, and fails closed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class Judgement(NamedTuple):
    """`verdict`: clean, infected (`signature`), rejected (`reason`: it could not be scanned whole), or error."""

    verdict: str
    signature: str | None = None
    reason: str | None = None
    detail: str = ""


class Condition(NamedTuple):
    """Whether an engine answers, and what it is: name, version, signatures."""

    works: bool
    version: str


class Engine(Protocol):
    """One scanner. Neither method raises: what goes wrong is `error`, never clean."""

    name: str
    in_cell: bool
    """The rules are looked for where the file is looked at, so `scan` is not asked."""

    async def scan(self, path: Path) -> Judgement:
        """Judge all of the file."""

    async def condition(self) -> Condition:
        """Does it answer, and as what?"""

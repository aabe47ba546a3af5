"""YARA-X with rules of our own: what there is where nobody runs a virus scanner. It knows little, and says so.

The rules look for what has no place in a file of a conversation (programs, droppers, the EICAR test file), in the bytes
as they are and in what lies in documents that are archives, unpacked within bounds.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import yara_x

from workers.scanning.engines.contract import Condition, Judgement
from workers.scanning.findings import Limits, Refused
from workers.scanning.structure.archives import Budget

RULES = Path(__file__).parents[1] / "rules"
SCAN_SECONDS = 4
MEMBER_BYTES = 32 * 1024 * 1024


class Yara:
    """The bundled rules; they are looked for in the cell."""

    name = "yara-x"
    in_cell = True

    async def scan(self, path: Path) -> Judgement:
        return Judgement("error", detail="yara-x is asked in a cell only")

    async def condition(self) -> Condition:
        return Condition(True, f"yara-x {version('yara-x')}, rules {digest()}")


@cache
def sources() -> str:
    """All of the rules, as they are written."""
    return "\n".join(path.read_text() for path in sorted(RULES.glob("*.yar")))


@cache
def digest() -> str:
    """What tells these rules from others."""
    return hashlib.sha256(sources().encode()).hexdigest()[:12]


@cache
def compiled() -> yara_x.Rules:
    """The rules, ready to be looked for."""
    return yara_x.compile(sources())


def matching(file: BinaryIO, size: int, ending: str, limits: Limits) -> str | None:
    """The name of the first rule that the file, or something in it, matches; None if none does. Raises `Refused`."""
    return _matching(file.read(), Budget(limits), limits.depth)


def _matching(data: bytes, budget: Budget, depth: int) -> str | None:
    scanner = yara_x.Scanner(compiled())
    scanner.set_timeout(SCAN_SECONDS)
    try:
        found = scanner.scan(data).matching_rules
    except yara_x.TimeoutError as fault:
        raise Refused("too_hard", "the rules took too long") from fault
    if found:
        return f"Parley.{found[0].identifier}"
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return None
    if depth <= 0:
        raise Refused("nested_too_deep")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            budget.enter(len(archive.infolist()))
            for entry in archive.infolist():
                with archive.open(entry) as content:
                    member = content.read(MEMBER_BYTES + 1)
                budget.spend(len(member))
                if len(member) > MEMBER_BYTES:
                    raise Refused("unpacks_too_large", entry.filename[:80])
                if (name := _matching(member, budget, depth - 1)) is not None:
                    return name
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as fault:
        raise Refused("damaged", str(fault)[:200]) from fault
    return None

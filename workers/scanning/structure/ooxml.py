"""Office documents that are zip archives (ECMA-376, part 2: packages). Pure."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

from workers.scanning.findings import Limits, Refused
from workers.scanning.structure import sniffing
from workers.scanning.structure.archives import Budget, Member, members, opened

MAIN = {
    "docx": ("word/document.xml", b"wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", b"spreadsheetml.sheet.main+xml"),
}
"""By ending, the part that holds the document and what its content type ends with."""

TYPES = "[content_types].xml"
READ_WHOLE = (TYPES, ".rels")
MACROS = re.compile(rb"vbaproject|macroenabled|vnd\.ms-office\.activex|macrosheet", re.IGNORECASE)
REMOTE = re.compile(
    rb"<Relationship\b(?=[^>]*TargetMode\s*=\s*[\"']External)(?=[^>]*/(?:attachedTemplate|oleObject|frame|subDocument))",
    re.IGNORECASE,
)
"""Parts that the program would fetch from elsewhere and run: template injection (MITRE ATT&CK T1221)."""


def check(file: BinaryIO, size: int, ending: str, limits: Limits) -> None:
    """Raises `Refused` for what is no such document, or one that does more than say something."""
    _check_package(file, size, ending, Budget(limits), 1)


def _check_package(file: BinaryIO, size: int, ending: str, budget: Budget, depth: int) -> None:
    archive = opened(file, size, budget)
    names = {entry.filename for entry in archive.infolist()}
    main, content_type = MAIN[ending]
    if main not in names or "[Content_Types].xml" not in names:
        raise Refused("type_mismatch", f"a .{ending} without {main}")
    for member in members(archive, budget, whole=READ_WHOLE):
        name = member.name.lower()
        if name == TYPES and member.whole is not None:
            if MACROS.search(member.whole):
                raise Refused("macros", "its content types")
            if content_type not in member.whole:
                raise Refused("type_mismatch", f"its content types know no {content_type.decode()}")
        if "vbaproject" in name or "/activex/" in name or "/macrosheets/" in name:
            raise Refused("macros", member.name[:80])
        if name.endswith(".rels") and member.whole is not None and REMOTE.search(member.whole):
            raise Refused("active_content", f"{member.name[:80]} fetches a template or an object from elsewhere")
        _check_within(member, budget, depth)


def _check_within(member: Member, budget: Budget, depth: int) -> None:
    """What lies in a document: another document perhaps, never a program."""
    found = sniffing.kind(member.head)
    if found == "program":
        raise Refused("active_content", f"a program in {member.name[:80]}")
    if found == "archive":
        raise Refused("nested_too_deep", f"an archive of another kind in {member.name[:80]}")
    if found == "ole" and b"O\x00l\x00e\x001\x000\x00N\x00a\x00t\x00i\x00v\x00e" in member.head:
        raise Refused("active_content", f"a packed file in {member.name[:80]}")
    if member.whole is None or found != "zip":
        return
    if depth >= budget.limits.depth:
        raise Refused("nested_too_deep", member.name[:80])
    ending = next((one for one in MAIN if member.name.lower().endswith(f".{one}")), None)
    if ending is None:
        raise Refused("nested_too_deep", f"an archive that is no document: {member.name[:80]}")
    _check_package(io.BytesIO(member.whole), len(member.whole), ending, budget, depth + 1)

"""Office documents of before 2007: OLE compound files ([MS-CFB]), read by `olefile`. Pure."""

from __future__ import annotations

import struct
from typing import BinaryIO

import olefile

from workers.scanning.findings import Limits, Refused

MAIN = {"doc": ("worddocument",), "xls": ("workbook", "book")}
MACROS = {"vba", "_vba_project", "_vba_project_cur", "macros", "_vba_project_xls"}
PACKED = {"\x01ole10native", "package"}
ENCRYPTED = {"encryptedpackage", "encryptioninfo"}
FILE_PASS, BOUND_SHEET = 0x2F, 0x85
MACRO_SHEET = 1
RECORDS = 100_000
STREAM_BYTES = 16 * 1024 * 1024


def check(file: BinaryIO, ending: str, limits: Limits) -> None:
    """Raises `Refused` for what is no such document, is locked, or brings macros or files along."""
    try:
        with olefile.OleFileIO(file) as document:
            _check(document, ending, limits)
    except Refused:
        raise
    except Exception as fault:
        # olefile says what is wrong in many ways, from OleFileError to IndexError.
        raise Refused("damaged", f"{type(fault).__name__}: {fault}"[:200]) from fault


def _check(document: olefile.OleFileIO, ending: str, limits: Limits) -> None:
    paths = document.listdir(streams=True, storages=True)
    if len(paths) > limits.entries:
        raise Refused("too_many_entries")
    parts = {part.lower() for path in paths for part in path}
    top = {path[0].lower() for path in paths if len(path) == 1}
    if parts & ENCRYPTED:
        raise Refused("encrypted")
    main = next((name for name in MAIN[ending] if name in top), None)
    if main is None:
        raise Refused("type_mismatch", f"a .{ending} without a stream {MAIN[ending][0]}")
    if parts & MACROS:
        raise Refused("macros")
    if parts & PACKED:
        raise Refused("active_content", "a packed file")
    stream = document.openstream(main).read(STREAM_BYTES)
    if ending == "doc":
        # FibBase, [MS-DOC] 2.5.2: bit 8 of the flags at offset 10.
        if len(stream) < 32 or stream[:2] != b"\xec\xa5":
            raise Refused("damaged", "no information block")
        if struct.unpack_from("<H", stream, 10)[0] & 0x0100:
            raise Refused("encrypted")
    else:
        _check_records(stream)


def _check_records(stream: bytes) -> None:
    """The records of a workbook ([MS-XLS] 2.1.4) as far as they tell that it is locked or has sheets of macros."""
    at = 0
    for _ in range(RECORDS):
        if at + 4 > len(stream):
            return
        kind, length = struct.unpack_from("<HH", stream, at)
        if at == 0 and kind not in (0x809, 0x009, 0x209, 0x409):
            raise Refused("damaged", "no beginning of a workbook")
        if kind == FILE_PASS:
            raise Refused("encrypted")
        if kind == BOUND_SHEET and length >= 6 and stream[at + 9] == MACRO_SHEET:
            raise Refused("macros", "a sheet of Excel 4.0 macros")
        at += 4 + length

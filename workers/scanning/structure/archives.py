"""Zip archives with everything that is hostile in them told before anything is unpacked to its end. Pure.

Python's `zipfile` reads the directory; what it is lenient about is checked here first: bytes before and behind the
archive, counts that lie, names that lead elsewhere. Nothing is ever written to a disk.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from workers.scanning.findings import Limits, Refused

END = struct.Struct("<4s4H2LH")
SYMLINK = 0o120000
TYPE_OF_FILE = 0o170000
ENCRYPTED = 0x1
CHUNK = 64 * 1024
HEAD_BYTES = 4096
MEMBER_BYTES = 16 * 1024 * 1024
"""Of a member that is itself to be looked into."""


class Budget:
    """How many bytes may still be unpacked, over an archive and all that lie in it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.unpacked_bytes
        self._entries = limits.entries

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Refused("unpacks_too_large")

    def enter(self, entries: int) -> None:
        self._entries -= entries
        if self._entries < 0:
            raise Refused("too_many_entries")


class Member(NamedTuple):
    """A file of an archive: its name and its bytes, of which only the first ones unless it was wanted whole."""

    name: str
    head: bytes
    whole: bytes | None


def opened(file: BinaryIO, size: int, budget: Budget) -> zipfile.ZipFile:
    """The archive that is the whole of the file; raises `Refused`."""
    if size < END.size:
        raise Refused("damaged", "shorter than the end of an archive")
    file.seek(size - END.size)
    mark, disk, disk_of_directory, here, count, length, offset, comment = END.unpack(file.read(END.size))
    if mark != b"PK\x05\x06" or comment:
        raise Refused("trailing_data", "the archive does not end where the file does")
    if count == 0xFFFF:  # or more: zip64 counts on
        raise Refused("too_many_entries")
    if disk or disk_of_directory or here != count or 0xFFFFFFFF in (length, offset):
        raise Refused("damaged", "an archive in parts, or of a size that needs zip64")
    if offset + length != size - END.size:
        raise Refused("trailing_data", "bytes before, between or behind the archive")
    if length > 1024 * budget.limits.entries:
        raise Refused("too_many_entries")
    budget.enter(count)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError, struct.error) as fault:
        raise Refused("damaged", str(fault)) from fault
    if len(archive.infolist()) != count:
        budget.enter(len(archive.infolist()) - count)
        raise Refused("damaged", "the directory counts otherwise")
    if min((entry.header_offset for entry in archive.infolist()), default=0) != 0:
        raise Refused("trailing_data", "bytes before the archive")
    _check_names(archive)
    return archive


def _check_names(archive: zipfile.ZipFile) -> None:
    seen: set[str] = set()
    for entry in archive.infolist():
        name = entry.orig_filename
        parts = name.split("/")
        if (
            name.startswith("/")
            or "\\" in name
            or ":" in name
            or "\x00" in name
            or ".." in parts
            or (entry.external_attr >> 16) & TYPE_OF_FILE == SYMLINK
            or name.lower() in seen
        ):
            raise Refused("unsafe_entry", repr(name[:80]))
        if entry.flag_bits & ENCRYPTED:
            raise Refused("encrypted", repr(name[:80]))
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("damaged", f"compressed by method {entry.compress_type}")
        seen.add(name.lower())


def members(archive: zipfile.ZipFile, budget: Budget, *, whole: tuple[str, ...] = ()) -> Iterator[Member]:
    """Every file of the archive, unpacked to its end within the budget; raises `Refused`.

    Those whose name ends like one of `whole`, and archives, come with all their bytes.
    """
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        try:
            yield _unpacked(archive, entry, budget, whole)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as fault:
            raise Refused("damaged", f"{entry.filename[:80]!r}: {fault}") from fault


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget, whole: tuple[str, ...]) -> Member:
    kept: list[bytes] = []
    size = 0
    keeping = entry.filename.lower().endswith(whole) if whole else False
    with archive.open(entry) as content:
        while chunk := content.read(CHUNK):
            budget.spend(len(chunk))
            size += len(chunk)
            keeping = keeping or (size == len(chunk) and chunk.startswith(b"PK\x03\x04"))
            if keeping:
                if size > MEMBER_BYTES:
                    raise Refused("unpacks_too_large", repr(entry.filename[:80]))
                kept.append(chunk)
            elif not kept:
                kept.append(chunk[:HEAD_BYTES])
    data = b"".join(kept)
    return Member(entry.filename, data[:HEAD_BYTES], data if keeping else None)

"""PDF (ISO 32000-2), as far as it tells whether it is one and whether it acts. Pure.

Objects are not interpreted: names are looked for in the file, their escapes undone, and in the object streams, unpacked
within bounds. So a name in a text that is compressed is not found, and need not be: it does nothing there.
"""

from __future__ import annotations

import re
import zlib
from typing import BinaryIO

from workers.scanning.findings import Limits, Refused
from workers.scanning.structure.sniffing import is_markup

TAIL_BYTES = 1024
STREAMS = 20_000
HEADER = re.compile(rb"%PDF-[12]\.[0-9][\s%]")
ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
ACTS = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|GoToE|ImportData|SubmitForm)(?![A-Za-z0-9])")
LOCKED = re.compile(rb"/Encrypt(?![A-Za-z0-9])")
STREAM = re.compile(rb"/Type\s*/ObjStm\b.{0,400}?stream\r?\n", re.DOTALL)
MARKUP = re.compile(rb"<(?:!doctype|html|script|svg|iframe|body)\b", re.IGNORECASE)


def check(file: BinaryIO, limits: Limits) -> None:
    """Raises `Refused` for what is no PDF from its first byte to its last, is locked, or acts when it is opened."""
    data = file.read()
    if not HEADER.match(data):
        raise Refused("type_mismatch", "no version")
    end = data.rfind(b"%%EOF")
    if end < 0:
        raise Refused("damaged", "no end")
    if data[end + 5 :].strip(b"\x00 \t\r\n\x0c"):
        raise Refused("trailing_data")
    if MARKUP.search(data[:TAIL_BYTES]) or is_markup(data[end + 5 :]):
        raise Refused("active_content", "a page as well")
    _check_names(data)
    left = limits.unpacked_bytes
    for number, stream in enumerate(STREAM.finditer(data)):
        if number >= STREAMS:
            raise Refused("too_many_entries")
        unpacking = zlib.decompressobj()
        try:
            objects = unpacking.decompress(data[stream.end() :], left)
        except zlib.error:
            continue  # not compressed so, or with a filter that no reader would undo without this name in the open
        left -= len(objects)
        if left <= 0:
            raise Refused("unpacks_too_large")
        _check_names(objects)


def _check_names(data: bytes) -> None:
    plain = ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), data) if b"#" in data else data
    for text in (data, plain):
        if found := ACTS.search(text):
            raise Refused("active_content", found[0].decode("ascii", "replace"))
        if LOCKED.search(text):
            raise Refused("encrypted")

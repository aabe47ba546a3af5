"""Plain text and tables of text. Pure.

A cell that a spreadsheet program takes for a formula (`=cmd()`) is text like any other here: it is served as text, and
altering what somebody sent would be worse. docs/files.md says so to readers.
"""

from __future__ import annotations

from typing import BinaryIO

from workers.scanning.findings import Limits, Refused
from workers.scanning.structure.sniffing import HEAD_BYTES, is_markup

CONTROLS = bytes(set(range(32)) - {*b"\t\n\x0b\x0c\r\x1b"})


def check(file: BinaryIO, limits: Limits) -> None:
    """Raises `Refused` for what is no text, or what a browser could take for a page."""
    data = file.read()
    if is_markup(data[:HEAD_BYTES]):
        raise Refused("type_mismatch", "text that begins like a page")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = data.decode("utf-16").encode()
        except UnicodeDecodeError as fault:
            raise Refused("damaged", "no UTF-16") from fault
        if is_markup(text[:HEAD_BYTES]):
            raise Refused("type_mismatch", "text that begins like a page")
        data = text
    if data.translate(None, CONTROLS) != data:
        raise Refused("type_mismatch", "text with control characters")

"""What a file is by its first bytes, and whether that is what its ending says. Pure."""

from __future__ import annotations

from workers.scanning.findings import Refused

HEAD_BYTES = 4096
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b\x08", "archive"),
)
WANTED = {
    "pdf": "pdf",
    "doc": "ole",
    "xls": "ole",
    "docx": "zip",
    "xlsx": "zip",
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "gif": "gif",
    "webp": "webp",
    "txt": "",
    "csv": "",
}
"""By ending; "" is text, which has no mark of its own."""

MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<svg", b"<iframe", b"<?xml", b"<?php", b"<%")
"""What a browser that guesses takes for a page or a picture with script in it (WHATWG, MIME Sniffing)."""


def kind(head: bytes) -> str:
    """What these first bytes are the beginning of; "" if of nothing known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((name for magic, name in MAGIC if head.startswith(magic)), "")


def check(ending: str, head: bytes) -> None:
    """Raises `Refused` where ending and first bytes disagree."""
    if ending not in WANTED:
        raise Refused("type_not_allowed", ending)
    if (found := kind(head)) != WANTED[ending]:
        raise Refused("type_mismatch", f"a .{ending} that begins like {found or 'nothing known'}")


def is_markup(head: bytes) -> bool:
    """Would a browser that guesses take it for markup?"""
    return head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\x0c").lower().startswith(MARKUP)

"""What tus 1.0 (https://tus.io/protocols/resumable-upload) says in headers. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from email.utils import format_datetime

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
CHUNKS = "application/offset+octet-stream"
_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)
_KEY = re.compile(r"[!-+\--~]+", re.ASCII)  # ASCII without blank and comma
METADATA_CHARACTERS = 16 * 1024


class BadHeader(ValueError):
    """A header that says nothing that can be meant; `name` is which."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(fault)
        self.name = name


def number(name: str, text: str | None) -> int:
    """What the header counts, in bytes; raises `BadHeader`."""
    if text is None or not _NUMBER.fullmatch(text):
        raise BadHeader(name, f"{name} says how many bytes, in digits.")
    return int(text)


def metadata(text: str | None) -> dict[str, str]:
    """What `Upload-Metadata` says: keys, each with a value in Base64 or none. Raises `BadHeader`."""
    found: dict[str, str] = {}
    if len(text or "") > METADATA_CHARACTERS:
        raise BadHeader("Upload-Metadata", "That is more than anybody has to say of a file.")
    for pair in (text or "").split(",") if text and text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise BadHeader("Upload-Metadata", "Keys are ASCII, each said once, separated by commas.")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise BadHeader("Upload-Metadata", f"The value of {key} is no UTF-8 in Base64.") from None
    return found


def expires(at: str) -> str:
    """The moment (RFC 3339) as `Upload-Expires` writes it (RFC 9110, 5.6.7)."""
    return format_datetime(datetime.fromisoformat(at), usegmt=True)

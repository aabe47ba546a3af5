"""Names of files as people gave them, made harmless: what is shown, what disks take, what a header can carry. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

NAME_BYTES = 255
"""What file systems take (NAME_MAX of Linux), in UTF-8."""

ENDING_CHARACTERS = 16
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")
"""What Windows takes for a device, whatever follows the dot ("Naming Files, Paths, and Namespaces")."""
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_ATTR_CHARS = "!#$&+-.^_`|~"
"""What RFC 8187 lets stand beside letters and digits."""


def cleaned(name: str) -> str:
    """The name as it is kept and shown: its last part, without what is invisible, turns text around, or means something
    to a system; never empty, at most 255 bytes of UTF-8, its ending kept.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    name = re.split(r"[/\\]", name)[-1]
    # Categories C*: control, format (bidirectional overrides, zero widths), surrogates, private use, unassigned.
    name = "".join(
        " " if unicodedata.category(one) in ("Zl", "Zp", "Zs") else one
        for one in name
        if not unicodedata.category(one).startswith("C")
    )
    name = _FORBIDDEN.sub("_", re.sub(r" {2,}", " ", name)).strip(" ").lstrip(".").rstrip(". ").lstrip(" ")
    if not name:
        return "file"
    if _RESERVED.match(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > ENDING_CHARACTERS:
        stem, dot, ending = name, "", ""
    room = NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + dot + ending


def extension(name: str) -> str:
    """What stands behind the last dot, in lower case; "" if there is none."""
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem else ""


def content_disposition(name: str, *, inline: bool) -> str:
    """The header of RFC 6266 for a name that was `cleaned`: in ASCII for old readers, in UTF-8 (RFC 8187) for new."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%]', "_", plain).strip() or "file"
    if not plain.rpartition(".")[0] and plain.startswith("."):
        plain = f"file{plain}"
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"

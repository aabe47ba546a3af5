"""Which kinds of files Parley can check, each by its ending and with the one MIME type that it is served as. Pure."""

from __future__ import annotations

TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
"""What a scanning worker has a structural check for: nothing else can be allowed."""

DEFAULT = "pdf,doc,docx,xls,xlsx,png,jpg,gif,webp,txt,csv"
KINDS = {
    "image": ["image/png", "image/jpeg", "image/gif", "image/webp"],
    "text": [TYPES["txt"], TYPES["csv"]],
    "document": [TYPES[ending] for ending in ("pdf", "doc", "docx", "xls", "xlsx")],
}
"""What people look for in a list of files."""


def allowed(endings: str) -> frozenset[str]:
    """The endings between the commas, `jpg` being `jpeg` too; raises `ValueError` for one that cannot be checked."""
    given = {part for one in endings.split(",") if (part := one.strip().lower().removeprefix("."))}
    if unknown := sorted(given - TYPES.keys()):
        raise ValueError(f"{', '.join(unknown)} cannot be checked, so cannot be allowed; known are {', '.join(TYPES)}")
    if given & {"jpg", "jpeg"}:
        given |= {"jpg", "jpeg"}
    return frozenset(given)

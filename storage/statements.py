"""SQL is written in SQL: statements live in sql/*.sql, each under `-- name:`, and Python gets them by name."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
HEADING = re.compile(r"^-- name: *(\w+)\s*\n", re.MULTILINE)


def statements(name: str, folder: Path = FOLDER) -> dict[str, str]:
    """The statements of one file; raises `ValueError` for text before the first name or a name given twice."""
    before, *parts = HEADING.split((folder / f"{name}.sql").read_text())
    if before.strip():
        raise ValueError(f"{name}.sql has text before its first `-- name:`")
    found: dict[str, str] = {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        if title in found:
            raise ValueError(f"{name}.sql names {title} twice")
        found[title] = text.strip().removesuffix(";")
    return found

"""The repository as the house tests read it: files from the folder, not from git, so that new ones count at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("broker", "storage", "workers", "edge", "bench", "deploy", "tests")
NOT_OURS = {
    ".git",
    ".venv",
    ".venv-lock",
    "node_modules",
    "__pycache__",
    "dist",
    "build",
    "htmlcov",
    "coverage",
    "results",
}
NOT_TEXT = {".png", ".ico", ".woff2", ".jpg", ".webp", ".gz"}


def files(*suffixes: str, root: Path = ROOT) -> Iterator[Path]:
    """Every file of ours with one of the suffixes, or every text file; relative paths would hide nothing."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(
            name
            for name in below
            if name not in NOT_OURS
            and not name.startswith(".parley")
            and not name.endswith("_cache")
            and not (name.startswith(".") and name != ".ci")
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix in suffixes if suffixes else _is_text(path):
                yield path


def _is_text(path: Path) -> bool:
    return path.suffix not in NOT_TEXT and not path.name.startswith((".coverage", ".pytest.log", ".venv"))


def modules(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """The dotted name and file of every Python module of ours."""
    for package in PACKAGES:
        for path in files(".py", root=root / package):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def shown(path: Path) -> str:
    """A path as a reader wants it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)

"""Which store `STORAGE_URL` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from storage.objects.folder import Folder

if TYPE_CHECKING:
    from storage.objects.contract import Store


def check_url(url: str) -> None:
    """Raises `ValueError` for what names no store."""
    parts = urlsplit(url)
    folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if url and not folder and parts.scheme != "s3":
        raise ValueError("STORAGE_URL is file:///a/folder or s3://bucket/prefix; or leave it empty")


def open_store(url: str, default: Path) -> Store:
    """The store at `url`: `file:///…` a folder, `s3://…` a bucket, empty the folder `default`. Raises `ValueError`."""
    check_url(url)
    if url.startswith("s3:"):
        from storage.objects import s3  # obstore takes a fifth of a second to load, and most have a folder

        return s3.opened(url)
    return Folder(Path(url2pathname(urlsplit(url).path)) if url else default)

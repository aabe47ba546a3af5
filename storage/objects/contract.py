"""What an object store promises: bytes under keys, each there whole or not at all, and there for good once said so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

CHUNK = 256 * 1024
"""Bytes that are read at a time."""

KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*)*", re.ASCII)
KEY_CHARACTERS = 300


class StoreError(Exception):
    """The object store refused."""


class NoObject(StoreError):
    """There is nothing under this key."""


class StoreFull(StoreError):
    """There is no room for it; nothing of it is left."""


class StoreUnavailable(StoreError):
    """The store does not answer, or not as it should. What was being written may be there or not."""


class Found(NamedTuple):
    """An object in a list: its size in bytes, and when it was written."""

    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """One store. Every method raises a `StoreError`, and `ValueError` for a key that nobody could have meant."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Write an object; its size in bytes once it is there for good.

        What `chunks` raises comes through, and nothing is left under the key then, nor if the call is cancelled.
        """

    def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (not with it; the end of the object if None), in chunks."""

    async def size(self, key: str) -> int | None:
        """How long the object is; None if there is none."""

    async def delete(self, keys: Collection[str]) -> None:
        """Take objects away; what is not there is fine."""

    def list(self, prefix: str) -> AsyncIterator[Found]:
        """Every object below `prefix`, which ends where a part of a key ends; in no order."""

    async def sweep(self, older: float) -> int:
        """Take away what was begun more than `older` seconds ago and never became an object; how many."""


def checked(key: str) -> str:
    """The key; raises `ValueError` for one that could mean another place, or none."""
    if len(key) > KEY_CHARACTERS or not KEY.fullmatch(key):
        raise ValueError(f"no key of an object: {key[:80]!r}")
    return key


async def written(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a local file, in chunks: what `put` takes."""

    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk

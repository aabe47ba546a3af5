"""From quarantine to the clean area and back: objects are copied under a new name, and the row that names them decides.

So promotion is atomic: until the verdict is stored nobody is led to the new objects, and after it nobody to the old.
Whoever dies between leaves objects that no row names, which are swept.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from uuid import uuid4

from storage import files
from storage.objects.contract import NoObject, Store, written
from storage.scans import Job


class Incomplete(Exception):
    """The objects in the store are not all of the file."""


async def fetched(store: Store, job: Job, path: Path) -> str:
    """Put the file together at `path`: its SHA-256 in hex. Raises `Incomplete`, or a `StoreError`."""
    keys = [f"{job.home}/original"] if job.home is not None else job.parts
    digest, size = hashlib.sha256(), 0
    with await asyncio.to_thread(path.open, "wb") as file:
        for key in keys:
            try:
                async for chunk in store.get(key):
                    digest.update(chunk)
                    size += len(chunk)
                    await asyncio.to_thread(file.write, chunk)
            except NoObject:
                raise Incomplete(f"{key} is missing") from None
    if size != job.size:
        raise Incomplete(f"{size} bytes of {job.size}")
    return digest.hexdigest()


async def promoted(store: Store, path: Path, out: Path, variants: tuple[str, ...]) -> str:
    """Write a clean file and its pictures where no row leads yet; the home of them."""
    home = f"clean/{uuid4()}"
    await store.put(f"{home}/original", written(path))
    for variant in variants:
        await store.put(f"{home}/{variant}", written(out / variant))
    return home


async def withdrawn(store: Store, job: Job, path: Path) -> list[str]:
    """Write a file that was clean into quarantine; the parts of it, which is one."""
    key = files.part_key(job.id, 0)
    await store.put(key, written(path))
    return [key]


async def below(store: Store, home: str) -> list[str]:
    """The keys of all that lies in a home."""
    return [found.key async for found in store.list(home)]

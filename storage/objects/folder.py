"""The object store in a folder of this machine, or one that several machines mount.

An object is written beside its place, brought to the disk, and renamed into it; then the folder that names it is
brought to the disk too (the order of "Ensuring data reaches disk", Moyer, LWN 2011). Whoever dies on the way leaves a
file that no key can name, which `sweep` takes away.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import uuid4

from storage.objects.contract import CHUNK, Found, NoObject, StoreFull, StoreUnavailable, checked

THREADS = 4
"""What waits for the disk at a time; the rest waits for its turn, not for a thread of its own."""

UNDER_WAY = ".writing-"
"""What the names of unfinished files begin with: no key has a part that begins with a dot."""

ABANDONED_SECONDS = 3600.0
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
P = ParamSpec("P")
R = TypeVar("R")


class Folder:
    """Objects as files below `root`, which is made with the first of them, for its owner alone (0700)."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="objects")

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        place = self._place(key)
        beside, file = await self._run(_begin, place)
        try:
            size = 0
            async for chunk in chunks:
                await self._run(_write, file, chunk)
                size += len(chunk)
            await self._run(_finish, file, beside, place, self._root)
        except BaseException:
            await asyncio.shield(self._run(_discard, file, beside))
            raise
        return size

    async def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        file = await self._run(_opened, self._place(key), start)
        try:
            left = None if end is None else max(0, end - start)
            while chunk := await self._run(file.read, CHUNK if left is None else min(CHUNK, left)):
                yield chunk
                if left is not None:
                    left -= len(chunk)
        finally:
            file.close()

    async def size(self, key: str) -> int | None:
        return await self._run(_size, self._place(key))

    async def delete(self, keys: Collection[str]) -> None:
        await self._run(_delete, [self._place(key) for key in keys], self._root)

    async def list(self, prefix: str) -> AsyncIterator[Found]:
        for found in await self._run(lambda: [*_walk(self._root, checked(prefix))]):
            yield found

    async def sweep(self, older: float = ABANDONED_SECONDS) -> int:
        """Take away what was begun more than `older` seconds ago and never finished; how many files."""
        return await self._run(_sweep, self._root, time.time() - older)

    def _place(self, key: str) -> Path:
        return self._root / checked(key)

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do this in one of our threads; raises what it means that the disk refused."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        except FileNotFoundError:
            raise NoObject("there is nothing under this key") from None
        except OSError as fault:
            if fault.errno in FULL:
                raise StoreFull(str(fault)) from fault
            raise StoreUnavailable(str(fault)) from fault


def _own_folder(folder: Path) -> None:
    """Make it, and what leads to it, for its owner alone: `mkdir` itself gives its mode to the last one only."""
    if not folder.is_dir():
        _own_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _begin(place: Path) -> tuple[Path, BinaryIO]:
    """An unfinished file beside where the object will be."""
    while True:
        _own_folder(place.parent)
        beside = place.parent / f"{UNDER_WAY}{uuid4().hex}"
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:  # a deletion took the empty folder away at this moment
            continue
        return beside, os.fdopen(descriptor, "wb", buffering=0)


def _write(file: BinaryIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:  # a disk that fills up takes a part, and refuses the rest
        left = left[file.write(left) :]


def _finish(file: BinaryIO, beside: Path, place: Path, root: Path) -> None:
    os.fsync(file.fileno())
    file.close()
    beside.replace(place)
    folder = place.parent
    while True:  # a folder that is new is itself a name in its parent
        _sync(folder)
        if folder == root:
            return
        folder = folder.parent


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(file: BinaryIO, beside: Path) -> None:
    file.close()
    beside.unlink(missing_ok=True)


def _opened(place: Path, start: int) -> BinaryIO:
    file = place.open("rb", buffering=0)
    file.seek(start)
    return file


def _size(place: Path) -> int | None:
    try:
        return place.stat().st_size
    except FileNotFoundError:
        return None


def _delete(places: list[Path], root: Path) -> None:
    for place in places:
        place.unlink(missing_ok=True)
        folder = place.parent
        while folder not in (root, *root.parents):
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone
                break
            folder = folder.parent


def _walk(root: Path, prefix: str) -> Iterator[Found]:
    for path in (root / prefix).rglob("*"):
        try:
            seen = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file() and not path.name.startswith(UNDER_WAY):
            modified = datetime.fromtimestamp(seen.st_mtime, UTC)
            yield Found(path.relative_to(root).as_posix(), seen.st_size, modified)


def _sweep(root: Path, before: float) -> int:
    swept = 0
    for path in root.rglob(f"{UNDER_WAY}*"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept

"""Bytes of uploads, from requests into the store: counted as they come, never more than was announced, never all of
them in memory. What came before a sender went away is kept, and the row says how far that is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import structlog
from starlette.requests import ClientDisconnect

from broker.wire.payloads import Id
from edge.problems import Problem
from storage import files
from storage.files import File, Grown
from storage.objects.contract import Store, StoreError, StoreFull
from storage.pool import Database

log = structlog.get_logger()

IDLE_SECONDS = 30.0
"""A sender that says nothing for so long is gone: what came is kept, and it goes on from there."""
AT_ONCE = 64
"""Requests that an edge receives bytes of at a time; each holds a chunk or two."""
OF_ONE_ACCOUNT = 8


class TooMuch(Exception):
    """More bytes came than may."""


class Intake:
    """Receives uploads on one edge. `received` counts bytes, `begun` and `completed` files, for metrics."""

    def __init__(self, db: Database, store: Store, completed: Callable[[Id], None]) -> None:
        """`completed` is called with each file that is whole from here on: a hint to scan it."""
        self._db = db
        self._store = store
        self._completed = completed
        self._open: Counter[Id] = Counter()
        self.received = 0
        self.completed = 0

    @property
    def open(self) -> int:
        """Uploads whose bytes are coming at this moment."""
        return self._open.total()

    @contextmanager
    def admitted(self, account: Id) -> Iterator[None]:
        """Room for one request that brings bytes; raises `Problem` where there is none."""
        if self._open[account] >= OF_ONE_ACCOUNT:
            raise Problem("rate_limited", f"At most {OF_ONE_ACCOUNT} uploads at a time.", retry_after=1.0)
        if self.open >= AT_ONCE:
            raise Problem("overloaded", "Too many uploads at this moment.", retry_after=2.0)
        self._open[account] += 1
        try:
            yield
        finally:
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]

    async def go_on(self, file: File, chunks: AsyncIterator[bytes]) -> Grown:
        """Add what comes to an upload, which stands where `file` says; how far it is then.

        Raises `Problem`: `too_large` for more than was announced (nothing of it is kept), `conflict` if another part
        came first, `unavailable` where the store or the database is away: then ask how far the upload is.
        """
        if file.parts >= files.PARTS:
            raise Problem("too_large", f"It came in {files.PARTS} pieces; begin anew with larger ones.")
        left = file.size - file.received
        key = files.part_key(file.id, file.received)
        size = await self.keep(key, bounded(chunks, left), f"{left} bytes are missing, and more came.")
        if not size:
            await self.drop([key])
            return Grown(file.received, file.state)
        grown = await files.grow(self._db, file.owner, file.id, file.received, key, size)
        if grown is None:
            await self.drop([key])
            raise Problem("conflict", "Another part came first; ask how far the upload is.", field="Upload-Offset")
        self._whole(file.id, grown)
        return grown

    async def keep(self, key: str, chunks: AsyncIterator[bytes], too_much: str) -> int:
        """Write an object of what comes; its size. Raises `Problem`, with these words for more than may come."""
        try:
            size = await self._store.put(key, chunks)
        except TooMuch:
            raise Problem("too_large", too_much) from None
        except StoreFull:
            log.error("files.store_full")
            raise Problem("unavailable", "There is no room for files just now; try again later.") from None
        except StoreError as fault:
            log.warning("files.store_away", reason=str(fault))
            raise Problem("unavailable", "The store of files does not answer; try again.") from None
        self.received += size
        return size

    async def whole(self, file: File, key: str, size: int) -> None:
        """Give a new upload all of its bytes, which lie under `key`."""
        grown = await files.grow(self._db, file.owner, file.id, 0, key, size)
        if grown is None:  # the same request, said twice at once
            await self.drop([key])
        else:
            self._whole(file.id, grown)

    async def drop(self, keys: list[str]) -> None:
        """Take objects away that belong to nothing; what cannot be taken away now is swept later."""
        try:
            await self._store.delete(keys)
        except StoreError as fault:
            log.warning("files.not_dropped", objects=len(keys), reason=str(fault))

    async def forget(self, parts: list[str], home: str | None) -> None:
        """Take all objects of a file away that is no more."""
        below = [found.key async for found in self._store.list(home)] if home is not None else []
        await self.drop(parts + below)

    def _whole(self, id: Id, grown: Grown) -> None:
        if grown.state == "scanning":
            self.completed += 1
            self._completed(id)


async def bounded(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """What comes, until the sender has said all, has gone, or is silent; raises `TooMuch` beyond `most` bytes."""
    came = 0
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(chunks)
        except (StopAsyncIteration, ClientDisconnect, TimeoutError):
            return
        came += len(chunk)
        if came > most:
            raise TooMuch
        if chunk:
            yield chunk

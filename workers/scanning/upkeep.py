"""What scanning workers do now and then: rescans, and clearing away what nobody holds.

Any number of workers may do it at once: rows are taken with SKIP LOCKED, and deleting an object twice is fine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import uniform

import structlog

from storage import scans
from storage.errors import StorageError
from storage.objects.contract import Store, StoreError
from storage.pool import Database
from workers.scanning.counters import Counters
from workers.scanning.promotion import below

log = structlog.get_logger()

MINUTE = 60.0
SWEEP_FILES = 200
ORPHAN_SECONDS = 3600.0
"""How old an object must be that no row names: the row of a new one comes after it."""
BATCH = 500


class Upkeep:
    """Rescans and sweeps for one worker; `version` tells what its engine is now."""

    def __init__(
        self,
        db: Database,
        store: Store,
        counters: Counters,
        version: Callable[[], str],
        *,
        rescan_days: float,
        rescan_batch: int,
    ) -> None:
        self._db = db
        self._store = store
        self._counters = counters
        self._version = version
        self._rescan_days = rescan_days
        self._rescan_batch = rescan_batch

    async def run(self) -> None:
        """Each minute or so; the store is read through every tenth time."""
        turn = 0
        while True:
            await asyncio.sleep(MINUTE * uniform(0.5, 1.5))  # noqa: S311 - workers that start together drift apart
            turn += 1
            try:
                await self.rescan()
                await self.sweep_files()
                if turn % 10 == 1:
                    await self.sweep_objects(ORPHAN_SECONDS)
            except (StorageError, StoreError) as fault:
                log.warning("scanning.upkeep_put_off", reason=str(fault))

    async def rescan(self) -> None:
        """Have some of those scanned again that other signatures judged, or that were judged long ago."""
        due = 0
        if version := self._version():
            due = await scans.rescan(self._db, older=0.0, engine=version, most=self._rescan_batch)
        if self._rescan_days and due < self._rescan_batch:
            older = self._rescan_days * 86_400
            due += await scans.rescan(self._db, older=older, engine=None, most=self._rescan_batch - due)
        self._counters.rescans += due

    async def sweep_files(self) -> None:
        """Clear away files whose time is over: uploads that were never ended, and what no message holds."""
        for gone in await scans.sweep(self._db, SWEEP_FILES):
            keys = gone.parts + (await below(self._store, gone.home) if gone.home is not None else [])
            await self._store.delete(keys)
            self._counters.swept_files += 1

    async def sweep_objects(self, older: float) -> None:
        """Clear away objects that no row names, and what was never an object at all."""
        before = datetime.now(UTC) - timedelta(seconds=older)
        for area in ("quarantine", "clean"):
            keys = [found.key async for found in self._store.list(area) if found.modified < before]
            for start in range(0, len(keys), BATCH):
                batch = keys[start : start + BATCH]
                orphans = sorted(set(batch) - set(await scans.known(self._db, batch)))
                if orphans:
                    log.info("scanning.orphans_swept", objects=len(orphans))
                    await self._store.delete(orphans)
                    self._counters.swept_objects += len(orphans)
        await self._store.sweep(older)

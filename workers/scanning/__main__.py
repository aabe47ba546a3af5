"""`python -m workers.scanning`: one scanning worker. `… rescan`: have every clean file scanned again, at leisure."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

from broker.link.client import Link
from broker.link.metrics import LinkMetrics
from broker.link.sockets import AddressError
from broker.node.environment import load
from broker.node.exposition import open_exposition
from broker.node.lifecycle import stop_signal
from broker.node.process import run_process
from storage import scans
from storage import settings as storage_settings
from storage.errors import StorageError
from storage.metrics import DatabaseMetrics
from storage.objects.stores import open_store
from storage.pool import open_database
from workers.scanning.findings import Limits
from workers.scanning.metrics import ScanningMetrics
from workers.scanning.service import Scanning
from workers.scanning.settings import PREFIX, SHARED, ScanningSettings
from workers.scanning.upkeep import Upkeep

RESCAN_BATCH = 1_000


async def main(env: Mapping[str, str]) -> None:
    """Scan until a signal, then leave."""
    settings = load(ScanningSettings, env, PREFIX, SHARED)
    storage = storage_settings.load(env)
    stop = stop_signal()
    async with AsyncExitStack() as parts:
        db = await parts.enter_async_context(open_database(storage))
        store = open_store(storage.storage_url, storage.objects_folder)
        scanning = Scanning(db, store, settings, Limits())
        link = Link("scanning", settings.link, on_frame=scanning.on_frame)
        scanning.attach(link)
        upkeep = Upkeep(
            db,
            store,
            scanning.counters,
            lambda: scanning.version if scanning.works else "",
            rescan_days=settings.rescan_days,
            rescan_batch=settings.rescan_batch,
        )
        told = [ScanningMetrics(scanning), LinkMetrics(link), DatabaseMetrics(db)]
        await parts.enter_async_context(open_exposition(settings.metrics_port, told))
        await parts.enter_async_context(link)
        keeping = asyncio.create_task(upkeep.run(), name="upkeep")
        try:
            await scanning.run(stop)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def rescan(env: Mapping[str, str]) -> None:
    """Put every clean file up to be scanned again by the workers that run; says how many."""
    async with open_database(storage_settings.load(env)) as db:
        count, began = 0, time.monotonic()
        # Not those that were scanned since we began, or workers that are quick would keep us for ever.
        while more := await scans.rescan(db, older=time.monotonic() - began, engine=None, most=RESCAN_BATCH):
            count += more
        sys.stdout.write(f"{count} files are scanned again\n")


if __name__ == "__main__":
    wanted = rescan if sys.argv[1:] == ["rescan"] else main
    if sys.argv[1:] not in ([], ["rescan"]):
        sys.exit("usage: python -m workers.scanning [rescan]")
    run_process("scanning", wanted, storage_settings.SettingError, AddressError, StorageError)

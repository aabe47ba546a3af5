"""`python -m workers.fanout`: one fanout worker."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from broker.link.client import Link
from broker.link.metrics import LinkMetrics
from broker.link.sockets import AddressError
from broker.node.environment import load
from broker.node.exposition import open_exposition
from broker.node.lifecycle import stop_signal
from broker.node.process import run_process
from storage import settings as storage_settings
from storage.errors import StorageError
from storage.metrics import DatabaseMetrics
from storage.pool import open_database
from workers.fanout.metrics import FanoutMetrics
from workers.fanout.service import Fanout
from workers.settings import PREFIX, SHARED, WorkerSettings


async def main(env: Mapping[str, str]) -> None:
    """Forward until a signal, then leave."""
    settings = load(WorkerSettings, env, PREFIX, SHARED)
    storage = storage_settings.load(env)
    stop = stop_signal()
    async with AsyncExitStack() as parts:
        db = await parts.enter_async_context(open_database(storage))
        fanout = Fanout(db)
        link = Link(
            "fanout",
            settings.link,
            on_frame=fanout.on_frame,
            on_roster=fanout.on_roster,
        )
        fanout.attach(link)
        told = [FanoutMetrics(fanout), LinkMetrics(link), DatabaseMetrics(db)]
        await parts.enter_async_context(open_exposition(settings.metrics_port, told))
        await parts.enter_async_context(link)
        await fanout.run(stop)


if __name__ == "__main__":
    run_process("fanout", main, storage_settings.SettingError, AddressError, StorageError)

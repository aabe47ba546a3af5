"""`python -m workers.persistence`: one persistence worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from broker.link.client import Link, Received
from broker.link.metrics import LinkMetrics
from broker.link.sockets import AddressError
from broker.node.environment import load
from broker.node.exposition import open_exposition
from broker.node.lifecycle import stop_signal
from broker.node.process import run_process
from storage import log
from storage import settings as storage_settings
from storage.errors import StorageError
from storage.metrics import DatabaseMetrics
from storage.pool import open_database
from workers.persistence.metrics import PersistenceMetrics
from workers.persistence.service import Persistence
from workers.settings import PREFIX, SHARED, WorkerSettings


async def main(env: Mapping[str, str]) -> None:
    """Serve until a signal."""
    settings = load(WorkerSettings, env, PREFIX, SHARED)
    # One append at a time needs one connection: its backend stays warm, where a pool would take them in turn.
    storage = msgspec.structs.replace(storage_settings.load(env), pool_min_connections=1)
    stop = stop_signal()
    async with open_database(storage) as db:
        links: list[Link] = []

        def connect(on_frame: Callable[[Received], None]) -> Link:
            links.append(Link("persistence", settings.link, on_frame=on_frame, manual_credit=True))
            return links[-1]

        persistence = Persistence(
            partial(log.append, db), partial(log.busy, db), connect, settings, clock=time.monotonic
        )
        told = [PersistenceMetrics(persistence), *map(LinkMetrics, links), DatabaseMetrics(db)]
        async with open_exposition(settings.metrics_port, told):
            await persistence.run(stop)


if __name__ == "__main__":
    run_process("persistence", main, storage_settings.SettingError, AddressError, StorageError)

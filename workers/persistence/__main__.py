"""`python -m workers.persistence`: one persistence worker."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import uvloop

from broker.link.client import Link, LinkSettings, Received
from broker.link.sockets import AddressError
from broker.node.environment import SettingError, load
from broker.node.lifecycle import die_with_parent, stop_signal
from broker.node.logs import configure_logs
from storage import log
from storage import settings as storage_settings
from storage.errors import StorageError
from storage.pool import open_database
from workers.persistence.service import Persistence
from workers.settings import PREFIX, SHARED, WorkerSettings


async def main(env: Mapping[str, str]) -> None:
    """Serve until a signal."""
    settings = load(WorkerSettings, env, PREFIX, SHARED)
    storage = storage_settings.load(env)
    stop = stop_signal()
    async with open_database(storage) as db:

        def connect(on_frame: Callable[[Received], None]) -> Link:
            return Link("persistence", LinkSettings(settings.brokers), on_frame=on_frame, manual_credit=True)

        await Persistence(partial(log.append, db), connect, settings, clock=time.monotonic).run(stop)


if __name__ == "__main__":
    die_with_parent(os.environ)
    configure_logs("persistence")
    try:
        uvloop.run(main(os.environ))
    except (SettingError, storage_settings.SettingError, AddressError, StorageError) as fault:
        sys.exit(str(fault))

"""`python -m workers.fanout`: one fanout worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import uvloop

from broker.link.client import Link, LinkSettings
from broker.node.environment import SettingError, load
from broker.node.lifecycle import die_with_parent, stop_signal
from broker.node.logs import configure_logs
from storage.pool import open_database
from storage.settings import load as load_storage
from workers.fanout.service import Fanout
from workers.settings import PREFIX, SHARED, WorkerSettings


async def main(env: Mapping[str, str]) -> None:
    """Forward until a signal, then leave."""
    settings = load(WorkerSettings, env, PREFIX, SHARED)
    storage = load_storage(env)
    stop = stop_signal()
    async with AsyncExitStack() as parts:
        db = await parts.enter_async_context(open_database(storage))
        fanout = Fanout(db)
        link = Link("fanout", LinkSettings(settings.brokers), on_frame=fanout.on_frame, on_roster=fanout.on_roster)
        fanout.attach(link)
        await parts.enter_async_context(link)
        await fanout.run(stop)


if __name__ == "__main__":
    die_with_parent(os.environ)
    configure_logs("fanout")
    try:
        uvloop.run(main(os.environ))
    except SettingError as fault:
        sys.exit(str(fault))

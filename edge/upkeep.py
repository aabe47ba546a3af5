"""What an edge does now and then for all of them: sessions and tokens that nobody could use any more are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import structlog

from storage.errors import StorageError

log = structlog.get_logger()

PRUNE_SECONDS = 600.0


def pause(random: Random, seconds: float = PRUNE_SECONDS) -> float:
    """Seconds until the next time: half of `seconds` to one and a half, so that edges started together drift apart."""
    return seconds * random.uniform(0.5, 1.5)


async def prune_for_ever(
    prune: Callable[[], Awaitable[int]], random: Random | None = None, seconds: float = PRUNE_SECONDS
) -> None:
    """Call `prune` now and then again; a database that is away is asked again the next time."""
    random = random or Random()  # noqa: S311 - spreads load, guards nothing
    while True:
        try:
            if pruned := await prune():
                log.info("sessions.pruned", rows=pruned)
        except StorageError as fault:
            log.warning("sessions.not_pruned", reason=str(fault))
        await asyncio.sleep(pause(random, seconds))

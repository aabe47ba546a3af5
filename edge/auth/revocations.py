"""Which sessions, tokens and accounts are not to be believed any more, read from the database every two seconds,
and which accounts have changed.

A lossy frame may hurry this, never carry it: so a revocation holds on every edge within a few seconds, whatever
happens to frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime
from types import TracebackType

import structlog

from broker.wire.payloads import Id
from storage import sessions
from storage.errors import StorageError
from storage.pool import Database

log = structlog.get_logger()

POLL_SECONDS = 2.0
REMEMBERED = 1_000_000


class Revocations:
    """Open it with `async with`: the first reading is done before it opens. `on_revoked` hears what is new,
    `on_changed` whose name or role may be another, each for half a minute again and again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._jtis: OrderedDict[str, None] = OrderedDict()
        self._suspended: frozenset[Id] = frozenset()
        self._since: datetime | None = None
        self._task: asyncio.Task[None] | None = None
        self.on_changed: list[Callable[[Collection[Id]], None]] = []
        self.on_revoked: list[Callable[[frozenset[str], frozenset[Id]], None]] = []
        self.read_at = 0.0

    async def __aenter__(self) -> Revocations:
        await self.poll()
        self._task = asyncio.create_task(self._poll_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def is_revoked(self, jti: str, account: Id) -> bool:
        """Is this session or token revoked, or the account suspended, as far as is known here?"""
        return jti in self._jtis or account in self._suspended

    def revoke(self, *jtis: str) -> None:
        """This edge revoked them itself: no need to wait for the next reading."""
        self._note(set(jtis), self._suspended)

    async def poll_now(self) -> None:
        """This edge changed an account itself: look at once, and if that fails, as soon as it is time."""
        with contextlib.suppress(StorageError):
            await self.poll()

    async def poll(self) -> None:
        """Read what was revoked since the last reading; raises `StorageError`."""
        read = await sessions.revocations(self._db, self._since)
        self._since = read.since
        self.read_at = time.monotonic()
        if read.changed:
            for forget in self.on_changed:
                forget(read.changed)
        self._note(read.tokens, frozenset(read.suspended))

    def _note(self, jtis: set[str], suspended: frozenset[Id]) -> None:
        new_jtis = frozenset(jtis - self._jtis.keys())
        new_accounts = suspended - self._suspended
        self._suspended = suspended
        for jti in new_jtis:
            self._jtis[jti] = None
        while len(self._jtis) > REMEMBERED:
            self._jtis.popitem(last=False)
        if new_jtis or new_accounts:
            for hear in self.on_revoked:
                hear(new_jtis, new_accounts)

    async def _poll_for_ever(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.poll()
                failing = False
            except StorageError as fault:
                if not failing:
                    log.warning("revocations.unreadable", reason=str(fault))
                failing = True
            except Exception as fault:  # whoever listens must not end the reading
                log.error("revocations.fault", exc_info=fault)

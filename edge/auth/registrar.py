"""Accounts that the host vouches for, made known to the database many at a time.

When a thousand people come at once, each new to this edge, a statement for each would wait for a commit of its own
and hold a connection meanwhile. So there is one at a time, for all who came while the one before it ran.
"""

from __future__ import annotations

import asyncio

from broker.node.tasks import Tasks
from storage import accounts
from storage.accounts import Account, Vouched
from storage.errors import BadData, Conflict, StorageError, Unavailable
from storage.pool import Database

TOGETHER = 200


class Registrar:
    """Who waits, by what was vouched."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tasks = Tasks()
        self._waiting: dict[Vouched, asyncio.Future[Account]] = {}
        self._works = False

    async def ensure(self, vouched: Vouched) -> Account:
        """The account as vouched for. Raises `Conflict`, or another `StorageError`."""
        answer = self._waiting.get(vouched)
        if answer is None:
            answer = self._waiting[vouched] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_heard)
        if not self._works:
            self._works = True
            self._tasks.spawn(self._work())
        return await asyncio.shield(answer)  # others may wait for the same

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._store(self._next())
        finally:
            self._works = False
            _fail(self._waiting, Unavailable("nobody stores accounts any more"))
            self._waiting.clear()

    def _next(self) -> dict[Vouched, asyncio.Future[Account]]:
        """Take from those who wait as many as go together: an account of which two things are said, once only."""
        batch: dict[Vouched, asyncio.Future[Account]] = {}
        ids: set[str] = set()
        for vouched in self._waiting:
            if vouched.id not in ids:
                ids.add(vouched.id)
                batch[vouched] = self._waiting[vouched]
                if len(batch) == TOGETHER:
                    break
        for vouched in batch:
            del self._waiting[vouched]
        return batch

    async def _store(self, batch: dict[Vouched, asyncio.Future[Account]]) -> None:
        try:
            found = await accounts.ensure(self._db, list(batch))
        except (BadData, Conflict) as fault:
            if len(batch) > 1:  # one of them is to blame, and only that one
                for vouched, answer in batch.items():
                    await self._store({vouched: answer})
                return
            _fail(batch, fault)
        except StorageError as fault:
            _fail(batch, fault)
        except BaseException:
            _fail(batch, Unavailable("storing the accounts was given up"))
            raise
        else:
            for answer, account in zip(batch.values(), found, strict=True):
                if not answer.done():
                    answer.set_result(account)


def _fail(batch: dict[Vouched, asyncio.Future[Account]], fault: StorageError) -> None:
    for answer in batch.values():
        if not answer.done():
            answer.set_exception(fault)


def _heard(answer: asyncio.Future[Account]) -> None:
    """Whoever asked may be gone by now: then nobody misses the fault."""
    if not answer.cancelled():
        answer.exception()

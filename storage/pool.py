"""The one way to the database: a pool of connections, each asked before use whether it deserves trust.

Statements run by themselves, outside of any transaction block: a process that is stopped between two round
trips then holds no lock. What must be atomic is one statement, or one function.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from storage.direct import Direct, Texts
from storage.durability import SQL, nature, require_durable
from storage.errors import BadData, Unavailable, translated
from storage.settings import StorageSettings

log = logging.getLogger("storage.pool")

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Sequence[Any] | Mapping[str, Any] | None

# A connection attempt that failed is given up after this and made anew for the next request: psycopg_pool's
# own back-off would keep us away for minutes after an outage of minutes.
RECONNECT_SECONDS = 1.5


class Database:
    """An open database. `epoch` names the history it tells, `durable` whether a commit means the disk.

    `on_epoch_change` is called with the new epoch when a new connection finds another one: the server was
    restored or replaced, and every cursor that anybody holds is void.
    """

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self.epoch = ""
        self.durable = True
        self.on_epoch_change: list[Callable[[str], None]] = []
        self._sweep: asyncio.Task[None] | None = None
        self._direct: dict[str, list[Direct]] = {}
        self._direct_slots = asyncio.Semaphore(settings.pool_max_connections)
        self._pool = AsyncConnectionPool(
            conninfo(settings),
            open=False,
            min_size=settings.pool_min_connections,
            max_size=settings.pool_max_connections,
            timeout=settings.pool_wait_seconds,
            reconnect_timeout=RECONNECT_SECONDS,
            kwargs={"autocommit": True},
            configure=self._trust,
            name="storage",
        )

    async def fetch(self, statement: str, params: Params = None, *, again: bool = True) -> list[Row]:
        """Run one statement, prepared and committed by itself; its rows, none if it returns none.

        With `again` it is run a second time if the connection turns out to be dead, as every one is after
        a restart of the server: right for whatever has no effect, or the same effect twice. Raises
        `Unavailable` or `BadData`.
        """
        try:
            return await self._fetch(statement, params)
        except _Dead:
            if not again:
                raise
        await self._sweep_dead()
        return await self._fetch(statement, params)

    async def run(self, statement: str, parameters: Sequence[bytes | None]) -> list[Texts]:
        """Run a statement ($1, $2, …) that is run all the time, on connections of its own, the warmest first.

        It waits for a lock for `append_lock_seconds` at most, then it is `Busy`.
        Parameters and rows are PostgreSQL's texts. Never run a second time by itself. Raises as `fetch` does.
        """
        if self._direct_slots.locked():
            try:
                await asyncio.wait_for(self._direct_slots.acquire(), self._settings.pool_wait_seconds)
            except TimeoutError as error:
                raise Unavailable("no connection was free in time") from error
        else:
            await self._direct_slots.acquire()
        try:
            direct = await self._take_direct(statement)
            try:
                return await direct.run(parameters)
            finally:
                if not direct.closed:
                    self._direct[statement].append(direct)
        finally:
            self._direct_slots.release()

    async def _take_direct(self, statement: str) -> Direct:
        idle = self._direct.setdefault(statement, [])
        while idle:
            direct = idle.pop()
            if not direct.closed:
                return direct
            direct.close()
        return await Direct.open(self._connect, statement, self._settings.answer_seconds)

    async def _connect(self) -> psycopg.AsyncConnection:
        """A connection beside the pool's, trusted like them; raises psycopg's errors, or `DurabilityError`."""
        reached = conninfo(self._settings, lock_seconds=self._settings.append_lock_seconds)
        connection = await psycopg.AsyncConnection.connect(reached, autocommit=True)
        try:
            await self._trust(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def check(self) -> None:
        """Ask for nothing; raises `Unavailable` if even that is too much."""
        await self.fetch(SQL["alive"])

    def stats(self) -> Mapping[str, int]:
        """psycopg_pool's own numbers (its documentation, "Pool stats"); what never happened is missing."""
        return self._pool.get_stats()

    async def _fetch(self, statement: str, params: Params) -> list[Row]:
        connection: psycopg.AsyncConnection | None = None
        try:
            async with asyncio.timeout(self._settings.answer_seconds), self._pool.connection() as connection:
                cursor = await connection.execute(statement, params, prepare=True)
                return await cursor.fetchall() if cursor.description else []
        except TimeoutError as error:
            raise Unavailable(f"no answer within {self._settings.answer_seconds:g} s") from error
        except UnicodeEncodeError as error:
            raise BadData("text that is not Unicode") from error
        except (psycopg.Error, PoolTimeout, TooManyRequests) as error:
            if connection is not None and connection.closed:
                self._start_sweep()
                raise _Dead(str(translated(error))) from error
            raise translated(error) from error

    def _start_sweep(self) -> None:
        """One dead connection is seldom alone: have the pool look at all that idle, once at a time."""
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.create_task(self._pool.check(), name="storage.sweep")

    async def _sweep_dead(self) -> None:
        if self._sweep is not None:
            await asyncio.wait([self._sweep], timeout=self._settings.pool_wait_seconds)

    async def _trust(self, connection: psycopg.AsyncConnection) -> None:
        """Refuse the connection (by raising) or learn from it; called by the pool before it hands it out."""
        found = await nature(connection)
        require_durable(found, allow_unsafe=self._settings.allow_unsafe_durability)
        self.durable = not found.faults
        # Ids and times travel as PostgreSQL writes them: parsing a UUID only to print it again is waste.
        connection.adapters.register_loader("uuid", TextLoader)
        set_json_loads(orjson.loads, connection)
        if found.epoch != self.epoch:
            before, self.epoch = self.epoch, found.epoch
            if before:
                log.warning("storage.epoch_changed", extra={"before": before, "epoch": found.epoch})
                for listener in self.on_epoch_change:
                    listener(found.epoch)

    async def _first_connection(self) -> None:
        """Wait for the server, at most `open_seconds`; raises what its last refusal was."""
        end = time.monotonic() + self._settings.open_seconds
        while True:
            try:
                await (await self._connect()).close()
                return
            except psycopg.Error as error:
                if time.monotonic() > end:
                    raise translated(error) from error
            await asyncio.sleep(0.1)

    async def _open(self) -> None:
        await self._first_connection()
        await self._pool.open()

    async def _close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweep
        for direct in [direct for idle in self._direct.values() for direct in idle]:
            direct.close()
        await self._pool.close()


class _Dead(Unavailable):
    """The connection was dead: whether anything was stored is unknown. Try again."""


@asynccontextmanager
async def open_database(settings: StorageSettings) -> AsyncIterator[Database]:
    """An open database, closed at the end.

    Waits for a server that is starting; raises `DurabilityError` at once for one that cannot be trusted,
    `Unavailable` for one that does not answer in time.
    """
    database = Database(settings)
    await database._open()
    try:
        yield database
    finally:
        await database._close()


def conninfo(settings: StorageSettings, *, lock_seconds: float | None = None) -> str:
    """How we connect: the URL's own words first, then ours; `lock_seconds` instead of the setting, where given.

    Time-outs are the server's, so that a lock is never waited for longer than its waiter lives. Generic plans:
    planning the append costs as much as running it. They may be made while tables are still empty, and everything
    we ask for has its index, hence no sequential scans. Keepalives end a connection whose server vanished.
    """
    given = conninfo_to_dict(settings.url)
    lock_seconds = lock_seconds or settings.lock_timeout_seconds
    options = {
        "lock_timeout": f"{lock_seconds * 1000:.0f}",
        "statement_timeout": f"{settings.statement_timeout_seconds * 1000:.0f}",
        "idle_in_transaction_session_timeout": "10000",
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "timezone": "UTC",
        "datestyle": "ISO",
    }
    ours = " ".join(f"-c {name}={value}" for name, value in options.items())
    defaults: dict[str, Any] = {
        "application_name": "parley",
        "connect_timeout": 3,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    return make_conninfo("", **{**defaults, **given, "options": f"{ours} {given.get('options', '')}".strip()})

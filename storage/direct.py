"""One prepared statement at a time over one connection, by libpq's own asynchronous calls.

A cursor, its generators and a pool cost more processor time than PostgreSQL needs for a small append (0.21 against
0.09 ms for one, docs/performance.md), and the append is what every message waits for. So the append goes this way and
everything else through the pool. The order of calls is libpq's own (PostgreSQL documentation, 32.4): send, flush,
consume when readable, and the results when it is no longer busy.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from storage.errors import Unavailable, translated

Texts: TypeAlias = tuple[bytes | None, ...]
"""A row as PostgreSQL writes it."""

PREPARED = b"parley"


class Direct:
    """A connection for one statement. `run` it once at a time; a fault that leaves its state unknown closes it."""

    def __init__(self, connection: psycopg.AsyncConnection, seconds: float) -> None:
        """Takes the connection over; an answer that is not there after `seconds` is given up."""
        self._connection = connection
        self._pg = connection.pgconn
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[list[pq.abc.PGresult]] | None = None
        self._results: list[pq.abc.PGresult] = []
        self._writing = False
        self._socket = self._pg.socket
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._loop.add_reader(self._socket, self._readable)

    @classmethod
    async def open(
        cls, connect: Callable[[], Awaitable[psycopg.AsyncConnection]], statement: str, seconds: float
    ) -> Direct:
        """Prepare `statement` ($1, $2, …) on a new connection; raises a `StorageError`."""
        try:
            connection = await connect()
        except psycopg.Error as error:
            raise translated(error) from error
        direct = cls(connection, seconds)
        try:
            await direct._exchange(lambda: direct._pg.send_prepare(PREPARED, statement.encode()))
        except BaseException:
            direct.close()
            raise
        return direct

    @property
    def closed(self) -> bool:
        return self._pg.status != pq.ConnStatus.OK

    async def run(self, parameters: Sequence[bytes | None]) -> list[Texts]:
        """The rows, each value as PostgreSQL's text. Committed when it returns; raises a `StorageError`.

        After `BadData` nothing was stored. After `Unavailable`, or when the wait is cancelled, it is unknown.
        """
        result = await self._exchange(lambda: self._pg.send_query_prepared(PREPARED, parameters))
        columns = range(result.nfields)
        value = result.get_value
        return [tuple([value(row, column) for column in columns]) for row in range(result.ntuples)]

    async def _exchange(self, send: Callable[[], None]) -> pq.abc.PGresult:
        assert self._answer is None, "one statement at a time"
        if self.closed:
            raise Unavailable("the connection was lost")
        self._answer = self._loop.create_future()
        late = self._loop.call_later(self._seconds, self._late)
        try:
            send()
            self._flush()
            results = await self._answer
        except psycopg.OperationalError as error:
            self.close()
            raise translated(error) from error
        except BaseException:
            # Cancelled or given up: whose answer came next would be unknown.
            self.close()
            raise
        finally:
            late.cancel()
            self._answer = None
            self._results = []
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise translated(error_from_result(result))
        return results[-1]

    # The socket -------------------------------------------------------------

    def _flush(self) -> None:
        """Send what libpq holds; a large batch takes several turns."""
        more = self._pg.flush()
        if more and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._writable)
        elif not more and self._writing:
            self._writing = False
            self._loop.remove_writer(self._socket)

    def _writable(self) -> None:
        try:
            self._flush()
        except psycopg.OperationalError as error:
            self._lost(error)

    def _readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            if self._writing:
                # The server may wait for us to read before it reads on.
                self._flush()
            self._read_on()
            if self._answer is None:
                return
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    self._answered()
                    return
                self._results.append(result)
        except psycopg.OperationalError as error:
            self._lost(error)

    def _read_on(self) -> None:
        """Come again if there is more to read: uvloop calls but once when a socket breaks.

        libuv stops to watch a socket that has an error (POLLERR: the server died with our statement unread). If its
        last words are what that one call read, the end behind them would never be noticed.
        """
        if self._socket >= 0 and self._poll.poll(0):
            self._loop.call_soon(self._read_more)

    def _read_more(self) -> None:
        if self._socket >= 0:
            self._readable()

    def _answered(self) -> None:
        if self._answer is not None and not self._answer.done():
            if self._results:
                self._answer.set_result(self._results)
            else:
                self._answer.set_exception(Unavailable("the connection was lost"))

    def _late(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unavailable(f"no answer within {self._seconds:g} s"))

    def _lost(self, error: psycopg.OperationalError) -> None:
        self._detach()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _detach(self) -> None:
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1

    def close(self) -> None:
        """Let the connection go; what it was doing on the server comes to its end there."""
        self._detach()
        self._pg.finish()

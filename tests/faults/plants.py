"""Bugs and accidents to plant into a real process, each by replacing one thing before it starts.

The bugs are those that a messaging system dies of; `test_plants` shows that the checker catches every one. The
accidents (a worker that dies between commit and answer, answers that are lost) are what Parley must live through.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

PLANTS: dict[str, Callable[[str], None]] = {}
"""By name; each takes what stands behind `=`."""


def plant(install: Callable[[str], None]) -> Callable[[str], None]:
    """Make it known under its name."""
    PLANTS[install.__name__] = install
    return install


# Accidents ------------------------------------------------------------------


@plant
def dies_behind_commit(every: str) -> None:
    """A persistence worker kills itself between the commit of each so many-th append and its answers."""
    from workers.persistence.service import Persistence

    say, number = Persistence._say, itertools.count(1)

    def dying(self: Persistence, answers: Any) -> None:
        if next(number) % int(every) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        say(self, answers)

    Persistence._say = dying  # type: ignore[method-assign]  # this is what planting means


@plant
def swallows_answers(share: str) -> None:
    """A persistence worker commits, and loses this share of its answers to edges."""
    from workers.persistence.answers import Answers

    to_edges = Answers.to_edges

    def swallowing(self: Answers) -> Iterator[tuple[str, bytes]]:
        return (told for told in to_edges(self) if random.random() >= float(share))

    Answers.to_edges = swallowing  # type: ignore[method-assign]  # this is what planting means


@plant
def asks_every_worker(_: str) -> None:
    """An edge sends each command to all persistence workers at once, as if everybody owned every conversation."""
    from broker.link.client import Link

    send = Link.send

    def to_all(self: Link, role: str, key: str, payload: bytes, **options: Any) -> Any:
        if role == "persistence":
            ways = [self.send_to(node, payload, key=key, **options) for node in sorted(self.peers(role))]
            if ways:
                return ways[0]
        return send(self, role, key, payload, **options)

    Link.send = to_all  # type: ignore[method-assign]  # this is what planting means


@plant
def drops_deliveries(every: str) -> None:
    """A fanout worker loses each so many-th of its frames to edges."""
    from broker.wire.payloads import Delivery
    from workers.fanout.service import Fanout

    send_to, number = Fanout._send_to, itertools.count(1)

    def dropping(self: Fanout, edge: str, payload: Any) -> None:
        if not (isinstance(payload, Delivery) and next(number) % int(every) == 0):
            send_to(self, edge, payload)

    Fanout._send_to = dropping  # type: ignore[method-assign]  # this is what planting means


@plant
def doubles_and_delays_deliveries(share: str) -> None:
    """A fanout worker sends this share of its frames twice, and the second time late, behind newer ones."""
    from broker.wire.payloads import Delivery
    from workers.fanout.service import Fanout

    send_to = Fanout._send_to

    def doubling(self: Fanout, edge: str, payload: Any) -> None:
        if isinstance(payload, Delivery) and random.random() < float(share):
            asyncio.get_running_loop().call_later(random.uniform(0, 0.2), send_to, self, edge, payload)
            if random.random() < 0.5:
                return
        send_to(self, edge, payload)

    Fanout._send_to = doubling  # type: ignore[method-assign]  # this is what planting means


@plant
def tells_fanout_nothing(_: str) -> None:
    """A persistence worker's events never reach fanout: the feed must bring all of them."""
    from workers.persistence.answers import Answers

    Answers.to_fanout = lambda self: iter(())  # type: ignore[method-assign]  # this is what planting means


@plant
def commits_late(seconds: str) -> None:
    """Each append lies finished for up to so long before its COMMIT: transactions end in another order than begun."""
    _commit_later(float(seconds), wait=True)


def _commit_later(seconds: float, *, wait: bool) -> None:
    from storage.pool import Database

    commits: set[asyncio.Task[None]] = set()

    def text(value: Any) -> bytes | None:
        if value is None or isinstance(value, bytes):
            return value
        return (b"t" if value else b"f") if isinstance(value, bool) else str(value).encode()

    async def commit(connection: psycopg.AsyncConnection) -> None:
        await asyncio.sleep(random.uniform(0, seconds) if wait else seconds)
        await connection.commit()
        await connection.close()

    async def run(self: Database, statement: str, parameters: Sequence[bytes | None]) -> list[tuple[Any, ...]]:
        connection = await self._connect()
        await connection.set_autocommit(False)
        cursor = psycopg.AsyncRawCursor(connection)
        await cursor.execute(statement, [None if given is None else given.decode() for given in parameters])
        rows = [tuple(map(text, row)) for row in await cursor.fetchall()]
        committing = asyncio.create_task(commit(connection))
        commits.add(committing)
        if wait:
            await committing
        return rows

    Database.run = run  # type: ignore[method-assign]  # this is what planting means


@plant
def is_off_by(seconds: str) -> None:
    """The wall clock of this process is wrong: `time.time` and `datetime.now` are so many seconds off."""
    from datetime import datetime, tzinfo

    real, off = time.time, float(seconds)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # callers want no subclass
            return datetime.fromtimestamp(time.time(), tz)

    time.time = lambda: real() + off
    time.time_ns = lambda: int((real() + off) * 1e9)
    sys.modules["datetime"].datetime = Wrong  # type: ignore[attr-defined]  # before our modules take it from there


# Bugs -----------------------------------------------------------------------


@plant
def acks_before_commit(seconds: str) -> None:
    """The answer leaves so long before the COMMIT."""
    _commit_later(float(seconds), wait=False)


@plant
def orders_by_clock(_: str) -> None:
    """Messages of one batch are stored by a clock that does not agree with the order in which they came."""
    from workers.persistence.batch import Batch, Queue

    take = Queue.take

    def shuffled(self: Queue[Any], *limits: Any) -> Batch[Any]:
        batch = take(self, *limits)
        if not any(entry.first_only for entry in batch.entries):
            batch.entries.reverse()
        return batch

    Queue.take = shuffled  # type: ignore[method-assign]  # this is what planting means


@plant
def repairs_nothing(_: str) -> None:
    """Nothing that was lost on the way is noticed: no heads from fanout, no gap filled at the edge."""
    from edge.socket.gateway import Gateway
    from workers.fanout.service import Fanout

    Fanout._tell_heads = lambda self: None  # type: ignore[method-assign]  # this is what planting means
    Gateway._watch_gaps = lambda self: None  # type: ignore[method-assign]  # as above
    Gateway.headed = lambda self, items: None  # type: ignore[method-assign]  # as above


@plant
def says_caught_up_over_a_gap(_: str) -> None:
    """A replay leaves out the first event of each page, and says that the client has everything."""
    from edge.socket.replay import Replay

    write = Replay.write

    def short(self: Replay, session: Any, items: Sequence[Any]) -> None:
        write(self, session, items[1:])

    Replay.write = short  # type: ignore[method-assign]  # this is what planting means


@plant
def replays_to_anybody(_: str) -> None:
    """Whoever was a member once may read the log for ever."""
    from storage import log

    for name in ("after", "replay"):
        statement = log.SQL[name]
        assert statement.count(" AND m.left_seq IS NULL") == 1, name
        log.SQL[name] = statement.replace(" AND m.left_seq IS NULL", "")


@plant
def follows_the_feed_by_time(_: str) -> None:
    """The feed is read from the latest commit time seen, so whoever commits late with an early time is skipped."""
    from storage import feed

    feed.SQL["start"] = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 0 * %(back)s::bigint"
    feed.SQL["follow"] = """
        SELECT greatest(%(since)s::bigint, (SELECT (extract(epoch FROM max(at)) * 1000)::bigint FROM commits)),
               h.conversation_id, max(h.head)
          FROM (SELECT) AS always
          LEFT JOIN (commits AS c CROSS JOIN LATERAL unnest(c.conversations, c.heads) AS h (conversation_id, head))
            ON c.at > to_timestamp(%(since)s::bigint / 1000.0)
         GROUP BY h.conversation_id"""

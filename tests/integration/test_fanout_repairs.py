"""What fanout does when the log cannot be read: it forgets, looks again, and the edges learn by heads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import psycopg
import pytest

from broker.flow.credit import Ledger
from broker.link.client import Link, LinkFull, Received, RosterChange, Way
from broker.wire import payloads
from broker.wire.payloads import Appended, Audience, AudienceSeen, Delivery, Head, HeadOf, Heads, Id, Logged, Payload
from storage import log
from storage.pool import Database
from tests.fixtures.logs import create, leave, new_id, one, person, say
from tests.fixtures.persistence import impatient
from workers.fanout import service as service_module
from workers.fanout.service import Fanout

pytestmark = pytest.mark.anyio

EDGE = "edge-1"


class RecordingLink:
    """A link to one edge, of the only fanout worker: keeps what is sent to the edge."""

    def __init__(self) -> None:
        self.sent: list[Payload] = []
        self.full = False

    def send_to(self, node: str, payload: bytes) -> Way:
        if self.full:
            raise LinkFull("no room")
        assert node == EDGE
        self.sent.append(payloads.decode(payload))
        return Way("broker", node)

    async def leave(self, seconds: float) -> None:
        """Nobody else is there to take the keys."""

    def owns(self, key: str) -> bool:
        return True

    def peers(self, role: str) -> frozenset[str]:
        return frozenset({EDGE})


class Worker:
    """A fanout worker and what its edge hears."""

    def __init__(self, db: Database) -> None:
        self.fanout = Fanout(db)
        self.link = RecordingLink()
        self.fanout.attach(cast(Link, self.link))

    def hears(self, payload: Payload | bytes, source: str = "persistence-1") -> None:
        data = payload if isinstance(payload, bytes) else payloads.encode(payload)
        self.fanout.on_frame(Received(source, 0, "", float("inf"), data, len(data), Ledger(1)))

    def told(self, kind: type[Payload]) -> list[Payload]:
        return [payload for payload in self.link.sent if isinstance(payload, kind)]

    async def until(self, enough: Callable[[], object], seconds: float = 8.0) -> None:
        async with asyncio.timeout(seconds):
            while not enough():  # noqa: ASYNC110 - a number that rises is no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def working(db: Database, *accounts: Id) -> AsyncIterator[Worker]:
    """A worker that runs, and whose edge has announced these accounts."""
    worker = Worker(db)
    worker.fanout.on_roster(RosterChange(frozenset({EDGE}), frozenset(), frozenset()))
    worker.hears(Audience(1, True, accounts), EDGE)
    assert worker.told(AudienceSeen) == [AudienceSeen(1)]
    stop = asyncio.Event()
    running = asyncio.create_task(worker.fanout.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


def logged(item: dict[str, object]) -> Logged:
    return Logged(item["seq"], item["kind"], item.get("account"), msgspec.msgpack.encode(item))  # type: ignore[arg-type]  # of a test


async def a_talk(db: Database) -> tuple[Id, Id, Id]:
    ann, bob, talk = await person(db, "agent"), await person(db, "agent"), new_id()
    await one(db, create(talk, ann, bob))
    return talk, ann, bob


async def read(db: Database, talk: Id) -> list[Logged]:
    return [logged(item) for item in await log.events_between(db, talk, 0, 1000)]


def delivered(worker: Worker) -> list[int]:
    return [event.seq for delivery in worker.told(Delivery) for event in cast(Delivery, delivery).events]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed before a worker began was told by the feed already."""
    monkeypatch.setattr(service_module, "AFTER_CHANGE_SECONDS", 0)


async def test_a_conversation_that_could_not_be_loaded_is_looked_up_again(database_url: str, db: Database, late: None):
    talk, ann, _ = await a_talk(db)
    await one(db, say(talk, ann))
    events = await read(db, talk)
    async with impatient(database_url) as hurried, working(hurried, ann) as worker:
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("LOCK TABLE members IN ACCESS EXCLUSIVE MODE")
            worker.hears(Appended(talk, tuple(events[1:])))
            await worker.until(lambda: worker.fanout.conversations.get(talk) is None)
            worker.link.sent.clear()
        await worker.until(lambda: worker.told(Heads))
        assert Heads((HeadOf(talk, 2, (ann,)),)) in worker.told(Heads)
        assert delivered(worker) == []


async def test_a_hole_that_could_not_be_filled_is_looked_up_again(database_url: str, db: Database, late: None):
    talk, ann, _ = await a_talk(db)
    for _ in range(3):
        await one(db, say(talk, ann))
    events = await read(db, talk)
    async with impatient(database_url) as hurried, working(hurried, ann) as worker:
        worker.hears(Appended(talk, (events[0],)))
        await worker.until(lambda: delivered(worker))
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            worker.hears(Head(talk, 4))
            await worker.until(lambda: worker.fanout.conversations.get(talk) is None)
            worker.link.sent.clear()
        await worker.until(lambda: Heads((HeadOf(talk, 4, (ann,)),)) in worker.told(Heads))
        worker.hears(Head(talk, 4))
        assert delivered(worker) == []


async def test_what_persistence_could_not_tell_is_found_in_the_feed(db: Database):
    talk, ann, bob = await a_talk(db)
    async with working(db, ann, bob) as worker:
        worker.hears(Appended(talk, tuple(await read(db, talk))))
        await worker.until(lambda: delivered(worker) == [1])
        await one(db, say(talk, ann))
        await one(db, leave(talk, ann, bob))
        await one(db, say(talk, ann))
        await worker.until(lambda: delivered(worker) == [1, 2, 3, 4])
        assert [sorted(cast(Delivery, one).recipients) for one in worker.told(Delivery)] == [
            *[sorted([ann, bob])] * 2,
            [ann],
            [ann],
        ]


async def test_a_conversation_that_is_not_there_is_forgotten(db: Database):
    async with working(db) as worker:
        worker.hears(Head(new_id(), 3))
        await worker.until(lambda: len(worker.fanout.conversations) == 0)


async def test_what_cannot_be_understood_or_sent_is_counted_and_changes_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service_module, "ROUTES", 1)
    monkeypatch.setattr(service_module, "PRUNE_SECONDS", 0.0)
    talk, ann, _ = await a_talk(db)
    async with working(db, ann) as worker:
        worker.hears(b"\xff\xff")
        worker.hears(Delivery(talk, (), ()))
        assert worker.fanout.refused == 2
        worker.link.full = True
        worker.hears(Appended(talk, tuple(await read(db, talk))))
        await worker.until(lambda: worker.fanout.unsent > 0)
        worker.link.full = False
        await worker.until(lambda: Heads((HeadOf(talk, 1, (ann,)),)) in worker.told(Heads))
        another, *_ = await a_talk(db)
        worker.hears(Appended(another, tuple(await read(db, another))))
        await worker.until(lambda: worker.fanout.forwarded == 1 and len(worker.fanout._routes) == 1)

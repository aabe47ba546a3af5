"""Workers that learn late of a session: what was committed before they did comes all the same, without a heartbeat."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from broker.node.tasks import Tasks
from edge.settings import EdgeSettings
from edge.socket import replay as of_edge
from edge.socket.frames import Hello
from edge.socket.hub import Hub
from edge.socket.opening import Opening
from edge.socket.replay import Replay
from edge.socket.session import Event, Session
from edge.socket.stretches import Stretches
from storage import conversations, log
from tests.fixtures.logs import conversation_of, join, one, person, say

pytestmark = pytest.mark.anyio

SETTINGS = EdgeSettings(auth_jwt_secret="x" * 32, broker_addresses="broker")
PATIENCE = 10.0


class Port:
    """A client's socket that takes everything at once; `frames` are what was written, decoded."""

    paused = False

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.written = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)
        while data:
            size, begin = data[1], 2
            if size >= 126:
                begin = 4 if size == 126 else 10
                size = int.from_bytes(data[2:begin])
            self.frames.append(msgspec.msgpack.decode(data[begin : begin + size]))
            data = data[begin + size :]

    def backlog(self) -> int:
        return 0

    async def drained(self) -> None:
        """It always is."""


class Room:
    """A conversation of an agent and a client, who connects to an edge whose workers confirm when they are told to."""

    def __init__(self, db: Any, conversation: str, agent: str, client: str) -> None:
        self.db, self.conversation, self.agent, self.client = db, conversation, agent, client
        self.tasks = Tasks()
        self.hub: Hub[Session] = Hub()
        self.confirmed = asyncio.Event()
        self.asked = 0
        self.port = Port()
        port: Any = self.port
        self.session = Session("s", port, binary=True)
        identity: Any = SimpleNamespace(authenticate=self._authenticate)
        replay = Replay(db, self.hub, Stretches(db, self.tasks))
        self.opening = Opening(
            *(SETTINGS, db, identity, self.hub, replay, self.tasks),
            arrived=lambda account: None,
            announced=self._announced,
        )

    async def _authenticate(self, token: str) -> Any:
        account = SimpleNamespace(id=token, name="Client", role="client")
        return SimpleNamespace(account=account, claims=SimpleNamespace(jti="j", expires_at=0.0))

    async def _announced(self) -> bool:
        """Late the first two times, then in time as soon as the workers know."""
        self.asked += 1
        if self.asked > 2:
            await self.confirmed.wait()
        return self.asked > 2

    async def connect(self, **cursors: int) -> None:
        self.session.step(Event.HELLO)
        hello = Hello(epoch=self.db.epoch, cursors=cursors)
        assert await self.opening.open(self.session, hello, self.client) is None

    async def confirm(self) -> None:
        """The workers know of the session; all that follows from it has happened."""
        self.confirmed.set()
        await self.tasks.finish(PATIENCE)

    def told(self) -> list[tuple[str, int]]:
        """The events that came: of which conversation, and their seq."""
        return [(frame["conversation"], frame["seq"]) for frame in self.port.frames if frame["type"] == "event"]


@pytest.fixture
async def room(db):
    agent, client = await person(db, "agent"), await person(db)
    room = Room(db, await conversation_of(db, agent, client), agent, client)
    yield room
    await room.tasks.cancel()


async def test_what_grew_before_the_workers_knew_comes_when_they_do(db, room):
    await room.connect(**{room.conversation: 1})
    await log.append(db, [say(room.conversation, room.agent, body) for body in ("two", "three")])
    assert room.told() == []
    await room.confirm()
    assert room.told() == [(room.conversation, 2), (room.conversation, 3)]
    assert not room.session.seen, "the live stream goes on"


async def test_what_grew_comes_too_where_the_client_named_no_cursor(db, room):
    await room.connect()
    await one(db, say(room.conversation, room.agent, "two"))
    await room.confirm()
    assert room.told() == [(room.conversation, 2)]


async def test_a_conversation_joined_meanwhile_shows_its_newest_event(db, room):
    other = await conversation_of(db, room.agent)
    await log.append(db, [say(other, room.agent, body) for body in ("two", "three")])
    await room.connect(**{room.conversation: 1})
    await one(db, join(other, room.agent, room.client))
    await room.confirm()
    assert room.told() == [(other, 4)], "what was before it the client asks for, if it likes"


async def test_nothing_is_said_twice_where_nothing_grew(room):
    await room.connect(**{room.conversation: 0})
    before = list(room.port.frames)
    assert room.told() == [(room.conversation, 1)]
    await room.confirm()
    assert room.port.frames == before


async def test_a_database_that_is_away_meanwhile_is_asked_until_it_answers(db, room, monkeypatch):
    monkeypatch.setattr(of_edge, "RETRY_SECONDS", 0.01)
    await room.connect(**{room.conversation: 1})
    await one(db, say(room.conversation, room.agent, "two"))
    sound = conversations.SQL["summaries"]
    monkeypatch.setitem(conversations.SQL, "summaries", sound.replace("SELECT mine.id", "SELECT 1 / 0, mine.id"))
    room.confirmed.set()
    await room.tasks.finish(0.2)
    assert room.told() == []
    monkeypatch.setitem(conversations.SQL, "summaries", sound)
    await room.confirm()
    assert room.told() == [(room.conversation, 2)]


async def test_who_left_before_the_workers_knew_is_not_written_to(db, room):
    await room.connect(**{room.conversation: 1})
    await one(db, say(room.conversation, room.agent, "two"))
    before = list(room.port.frames)
    room.session.step(Event.CLOSE)
    await room.confirm()
    assert room.port.frames == before

"""The simulation's log and PostgreSQL are one: the same commands, the same outcomes, and afterwards the same reads.

What the simulation proves, it proves of `tests/simulation/log_model.py`. Here hypothesis looks for commands
that the model and `append_events` answer differently, or after which any statement tells other rows than the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import event, given, settings
from hypothesis import strategies as st

from broker.wire.fingerprint import fingerprint
from broker.wire.payloads import (
    Act,
    Command,
    Create,
    Delete,
    Edit,
    Join,
    Leave,
    Message,
    React,
    Rename,
    SetStatus,
)
from storage import conversations, feed, log, markers
from storage.log import Id, NewEvent, Stored
from storage.pool import Database, open_database
from storage.settings import StorageSettings
from tests.simulation.database import ANSWERS
from tests.simulation.log_model import LogModel
from workers.persistence.events import new_event

EXAMPLES = 120
ROLES = ("client", "client", "client", "agent", "agent", "admin", "agent")
SUSPENDED, UNKNOWN = 6, 7
ROOMS = 2

people = st.sampled_from(range(UNKNOWN + 1))
actors = st.sampled_from((0, 1, 3, 0, 1, 3, 5, 2, 4, SUSPENDED))
seqs = st.integers(0, 8)
"""The message of that number, from 0; where there are not so many, the seq."""
rooms = st.sampled_from((0, 0, 0, 1))

messages = st.tuples(
    st.just("message"), st.none() | seqs, st.just([]) | st.lists(st.sampled_from((0, 1, 2, 3)), max_size=2)
)
creations = st.tuples(st.just("create"), st.lists(people, max_size=4), st.none() | st.booleans())
changes = st.one_of(
    st.tuples(st.just("join"), people),
    st.tuples(st.just("leave"), people),
    st.tuples(st.just("edit"), seqs, st.sampled_from("xy")),
    st.tuples(st.just("delete"), seqs),
    st.tuples(st.just("react"), seqs, st.booleans()),
    st.tuples(st.just("rename"), st.sampled_from("xy")),
    st.tuples(st.just("status"), st.sampled_from(("open", "open", "closed", "archived"))),
)
acts = st.one_of(messages, messages, messages, messages, changes, changes, changes, creations)
fresh = st.tuples(rooms, actors, acts)
again = st.integers(0, 30)
"""One of the commands before it, as it was, with its id."""
otherwise = st.tuples(st.integers(0, 30), acts)
"""The id of one of the commands before it, with something else."""
commands = st.one_of(fresh, fresh, fresh, fresh, again, otherwise)
foundings = st.lists(st.tuples(rooms, st.sampled_from((3, 4, 5, 0)), creations), max_size=2)
plans = st.tuples(foundings, st.lists(st.lists(commands, min_size=1, max_size=6), min_size=3, max_size=14))
"""In any case an agent founds the first conversation with two clients and an administrator, and they talk."""


class Cast:
    """The accounts, rooms and projects of one example, on both sides."""

    def __init__(self, model: LogModel) -> None:
        self._model = model
        self.people = [str(uuid4()) for _ in range(UNKNOWN + 1)]
        self.rooms = [str(uuid4()) for _ in range(ROOMS)]
        self.projects = {True: str(uuid4()), False: str(uuid4())}
        """One that is there, with two clients in it, and one that is not."""
        self._said: list[NewEvent] = []

    async def enter(self, db: Database) -> None:
        """Make them known to both."""
        model = self._model
        for at, role in enumerate(ROLES):
            suspended = "clock_timestamp()" if at == SUSPENDED else "NULL"
            await db.fetch(
                f"INSERT INTO accounts (id, role, suspended_at) VALUES (%s, %s, {suspended})", [self.people[at], role]
            )
            model.roles[self.people[at]] = role
        model.suspended.add(self.people[SUSPENDED])
        await db.fetch("INSERT INTO projects (id, name) VALUES (%s, 'Bridge')", [self.projects[True]])
        for client in self.people[:2]:
            await db.fetch("INSERT INTO project_members VALUES (%s, %s)", [self.projects[True], client])
        model.projects[self.projects[True]] = set(self.people[:2])

    def command(self, planned: Any) -> NewEvent | None:
        """What a plan's numbers stand for; None if there is nothing to be repeated."""
        if isinstance(planned, int):
            return self._said[planned % len(self._said)] if self._said else None
        if len(planned) == 2:
            if not self._said:
                return None
            before = self._said[planned[0] % len(self._said)]
            return self._made(before.conversation, before.actor, before.id, planned[1])
        room, actor, act = planned
        command = self._made(self.rooms[room], self.people[actor], str(uuid4()), act)
        self._said.append(command)
        return command

    def _made(self, room: Id, actor: Id, id: Id, planned: tuple[Any, ...]) -> NewEvent:
        act = self._act(room, *planned)
        return new_event(Command(0, room, actor, id, act), fingerprint(act))

    def _message(self, room: Id, number: int) -> int:
        events = self._model.rooms[room].events if room in self._model.rooms else []
        said = [row.seq for row in events if row.kind == "message"]
        return said[number] if number < len(said) else number

    def _act(self, room: Id, kind: str, *given: Any) -> Act:
        match kind:
            case "message":
                reply_to = None if given[0] is None else self._message(room, given[0])
                return Message("hello", reply_to, tuple(dict.fromkeys(self.people[one] for one in given[1])))
            case "create":
                members = tuple(self.people[one] for one in given[0])
                return Create("x", members, None if given[1] is None else self.projects[given[1]])
            case "join":
                return Join(self.people[given[0]])
            case "leave":
                return Leave(self.people[given[0]])
            case "edit":
                return Edit(self._message(room, given[0]), given[1])
            case "delete":
                return Delete(self._message(room, given[0]))
            case "react":
                return React(self._message(room, given[0]), "👍", given[1])
            case "rename":
                return Rename(*given)
            case _:
                return SetStatus(*given)


def as_a_batch(found: Sequence[NewEvent | None]) -> list[NewEvent]:
    """In the order that `append` asks for: each id once, a conversation made once, what is no message first."""
    taken: set[tuple[Id, ...]] = set()
    batch = []
    for command in found:
        if command is None:
            continue
        keys = {(command.conversation, command.actor, command.id)}
        if command.kind == "create":
            keys.add((command.conversation,))
        if not keys & taken:
            taken |= keys
            batch.append(command)
    return sorted(batch, key=lambda command: command.kind == "message")


def plain(stored: Stored) -> tuple[Any, ...]:
    return (stored.code, stored.seq, stored.at, stored.replayed, stored.field)


async def both_answer_alike(db: Database, plan: tuple[Any, Any]) -> None:
    beginnings, batches = plan
    model = LogModel()
    cast = Cast(model)
    await cast.enter(db)
    ((since,),) = await db.fetch(feed.SQL["start"], {"back": 0})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    founding = [(0, 3, ("create", [0, 1, 5], None))]
    talk = [(0, actor, ("message", None, [])) for actor in (0, 1, 3, 0, 1)]
    for xid, planned in enumerate([founding, talk, beginnings, *batches], 1):
        batch = as_a_batch([cast.command(one) for one in planned])
        real = await log.append(db, batch)
        new = [stored.at for stored in real if stored.at and not stored.replayed]
        at = datetime.fromisoformat(new[0]) if new else at + timedelta(milliseconds=1)
        simulated = model.append(batch, at, xid)
        for command, expected, found in zip(batch, real, simulated, strict=True):
            assert plain(found) == plain(expected), command
            event(f"{command.kind}: {expected.code or ('known' if expected.replayed else 'stored')}")
    await both_read_alike(db, model, cast, since)


async def both_read_alike(db: Database, model: LogModel, cast: Cast, since: int) -> None:
    listed = "{" + ",".join(cast.rooms) + "}"

    async def same(statement: str, *, sort: bool = False, **asked: Any) -> None:
        real = [tuple(row) for row in await db.fetch(statement, asked)]
        found = [tuple(row) for row in ANSWERS[statement](_Server(model), **asked)]
        assert (sorted(found) if sort else found) == (sorted(real) if sort else real), (statement, asked)

    for room in cast.rooms:
        for after, upto in ((0, 100), (2, 4), (5, 3)):
            await same(log.SQL["between"], conversation=room, after=after, upto=upto)
        ((*real,),) = await db.fetch(conversations.SQL["audience"], {"conversation": room}) or [(0, [])]
        ((*found,),) = model.audience(room) or [(0, [])]
        assert (found[0], sorted(found[1])) == (real[0], sorted(real[1]))
    await same(log.SQL["heads"], sort=True, conversations=listed)
    for after, upto, limit in ((0, 100, 100), (1, 6, 3)):
        asked = {"conversations": listed, "after": [after] * ROOMS, "upto": [upto] * ROOMS, "limit": limit}
        await same(log.SQL["stretches"], **asked)
    wishes = [(account, room) for account in cast.people for room in cast.rooms]
    accounts, where = [list(column) for column in zip(*wishes, strict=True)]
    read = [at % 4 for at in range(len(wishes))]
    await same(
        markers.SQL["mark"], sort=True, accounts=accounts, conversations=where, read=read, delivered=[9] * len(wishes)
    )
    for account in cast.people:
        await same(log.SQL["heads_for"], sort=True, account=account, conversations=listed)
        for limit in (1, 10):
            await same(conversations.SQL["summaries"], account=account, limit=limit)
        for room in cast.rooms:
            await same(log.SQL["after"], account=account, conversation=room, after=1, limit=3)
            await same(log.SQL["before"], account=account, conversation=room, before=5, limit=3)
    told = {row[1:] for row in await db.fetch(feed.SQL["follow"], {"since": str(since)}) if row[1] is not None}
    assert {row[1:] for row in model.follow(0, 0) if row[1] is not None} == told


class _Server:
    """As much of a simulated server as reads need."""

    def __init__(self, model: LogModel) -> None:
        self.log = model


def test_the_model_answers_as_postgresql_does(storage_settings: StorageSettings):
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        db = runner.run(stack.enter_async_context(open_database(storage_settings)))

        @settings(max_examples=EXAMPLES, derandomize=True)
        @given(plans)
        def holds(plan: tuple[Any, Any]) -> None:
            runner.run(both_answer_alike(db, plan))

        try:
            holds()
        finally:
            runner.run(stack.aclose())

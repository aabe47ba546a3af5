"""Who may do what on a socket: every frame, for every role, on what is one's own, another's, and not there.

The table is the expectation, read as that of `test_authorisation_http.py`. An answer is a type, an error's code, or a
resync's reason; `-` is none: what is passed on and forgotten tells its sender nothing, and reaches nobody from outside.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from edge.socket.frames import FRAME_TYPES
from tests.fixtures.entitlements import ROLES, TARGETS, Row, rows
from tests.fixtures.rawsocket import RawSocket, raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio

FRAMES = """
                          | nobody          | client                          | agent                           | admin
hello with a cursor       | unauthenticated | caught_up not_member not_member | caught_up not_member not_member | caught_up not_member not_member
hello once more           | unauthenticated | bad_frame                       | bad_frame                       | bad_frame
send                      | bad_frame       | ack not_found not_found         | ack not_found not_found         | ack not_found not_found
edit                      | bad_frame       | ack not_found not_found         | ack not_found not_found         | ack not_found not_found
edit of another           | bad_frame       | forbidden not_found not_found   | forbidden not_found not_found   | forbidden not_found not_found
edit of nothing           | bad_frame       | not_found not_found not_found   | not_found not_found not_found   | not_found not_found not_found
react                     | bad_frame       | ack not_found not_found         | ack not_found not_found         | ack not_found not_found
delete of another         | bad_frame       | forbidden not_found not_found   | forbidden not_found not_found   | ack not_found not_found
delete                    | bad_frame       | ack not_found not_found         | ack not_found not_found         | ack not_found not_found
read                      | bad_frame       | receipt not_member not_member   | receipt not_member not_member   | receipt not_member not_member
delivered                 | bad_frame       | receipt not_member not_member   | receipt not_member not_member   | receipt not_member not_member
sync                      | bad_frame       | caught_up not_member not_member | caught_up not_member not_member | caught_up not_member not_member
ping                      | bad_frame       | pong                            | pong                            | pong
ping with heads           | bad_frame       | caught_up not_member not_member | caught_up not_member not_member | caught_up not_member not_member
typing                    | bad_frame       | - - -                           | - - -                           | - - -
presence                  | bad_frame       | -                               | -                               | -
watch                     | bad_frame       | presence - -                    | presence - -                    | presence - -
unwatch                   | bad_frame       | - - -                           | - - -                           | - - -
"""  # noqa: E501 - a table reads best with a line for each row

PASSING = ("event", "typing", "presence")
"""What comes of itself; an answer is anything else, or what the row expects."""


def test_every_frame_is_in_the_table():
    assert {asked.split()[0] for asked in rows(FRAMES)} == FRAME_TYPES


class World:
    """A conversation of the asker's, one of others, and none; in each the asker's message is 2, another's 3."""

    def __init__(self, system: System, role: str) -> None:
        self.system = system
        self.asker, self.founder, self.third = Person("Asker", role), Person("Fay", "agent"), Person("Tom", "client")

    async def build(self) -> World:
        for one in (self.asker, self.third):
            await self.system.http("GET", "/api/v1/me", one)
        own = await self.system.conversation(self.founder, self.asker, self.third)
        foreign = await self.system.conversation(self.founder, self.third)
        for id, author in ((own, self.asker), (foreign, self.third)):
            for one in (author, self.founder):
                path = f"/api/v1/conversations/{id}/messages"
                assert (await self.system.http("POST", path, one, json={"body": "Good morning"}))[0] == 201
        self.conversations = {"own": own, "foreign": foreign, "missing": str(uuid4()), "any": own}
        return self

    def frame(self, asked: str, target: str) -> dict[str, Any]:
        """What the row says to the server."""
        type, _, more = asked.partition(" ")
        conversation = self.conversations[target]
        command = {"id": str(uuid4()), "conversation": conversation}
        seq = {"of another": 3, "of nothing": 99}.get(more, 2)
        fields: dict[str, dict[str, Any]] = {
            "hello": {"token": self.asker.token()},
            "send": {**command, "body": "Good evening"},
            "edit": {**command, "seq": seq, "body": "Good evening"},
            "delete": {**command, "seq": seq},
            "react": {**command, "seq": 3, "emoji": "👍", "on": True},
            "read": {"conversation": conversation, "seq": 3},
            "delivered": {"conversation": conversation, "seq": 4},
            "sync": {"conversation": conversation, "after": 0},
            "ping": {"heads": {conversation: 1}} if more else {},
            "typing": {"conversation": conversation, "on": True},
            "presence": {"state": "away"},
            "watch": {"conversation": conversation},
            "unwatch": {"conversation": conversation},
        }
        return {"type": type, **fields[type]}


def word(frame: dict[str, Any]) -> str:
    """An answer as the table says it."""
    said: str = frame["code"] if frame["type"] == "error" else frame.get("reason", frame["type"])
    return said


async def answer(socket: RawSocket, expected: str, conversation: str) -> dict[str, Any]:
    """The answer to what was said last. What comes of itself, or is of another conversation, is passed over."""
    if expected == "-":
        await socket.say({"type": "ping"})
    while True:
        found = await socket.hear()
        if found.get("conversation", conversation) == conversation:
            if expected == "-" and found["type"] == "pong":
                return {"type": "-"}
            if found["type"] not in PASSING or found["type"] == expected:
                return found


@pytest.mark.parametrize("role", ROLES)
async def test_every_frame_answers_each_role_as_the_table_says(shared_system: System, role: str):
    world = await World(shared_system, role).build()
    answered: dict[str, dict[str, str]] = {}
    expected: dict[str, dict[str, str]] = {}
    async with (
        raw_socket(shared_system.url, token=world.asker.token()) as socket,
        raw_socket(shared_system.url, token=world.third.token()) as member,
    ):
        for one in (socket, member):
            await one.hear_type("ready")
        await member.say({"type": "watch", "conversation": world.conversations["foreign"]})
        for asked, row in rows(FRAMES).items():
            wanted = {target: said for (for_role, target), said in row.answers.items() if for_role == role}
            expected[asked], answered[asked] = wanted, {}
            for target, said in wanted.items():
                answered[asked][target] = word(await spoken(world, socket, asked, target, said))
        assert answered == expected
        await member.say({"type": "ping"})
        while (frame := await member.hear())["type"] != "pong":
            assert frame.get("conversation") != world.conversations["foreign"], "what one may not do, nobody hears of"


async def spoken(world: World, socket: RawSocket, asked: str, target: str, expected: str) -> dict[str, Any]:
    """Say what the row says, on the socket or as a hello of its own; the answer."""
    if asked != "hello with a cursor":
        await socket.say(world.frame(asked, target))
        found = await answer(socket, expected, world.conversations[target])
        if asked == "ping with heads":
            await socket.hear_type("pong")
        return found
    hello = {"cursors": {world.conversations[target]: 1}}
    async with raw_socket(world.system.url, token=world.asker.token()) as first:
        hello["epoch"] = (await first.hear_type("ready"))["epoch"]
    async with raw_socket(world.system.url, token=world.asker.token(), hello=hello) as other:
        await other.hear_type("ready")
        return await answer(other, expected, world.conversations[target])


@pytest.mark.parametrize("row", rows(FRAMES).values(), ids=rows(FRAMES))
async def test_a_frame_of_nobody_ends_with_4401(shared_system: System, row: Row):
    world = World(shared_system, "admin")
    world.conversations = dict.fromkeys((*TARGETS, "any"), str(uuid4()))
    async with raw_socket(shared_system.url) as socket:
        await socket.say({**world.frame(row.asked, "any"), **({"token": "a.b.c"} if "hello" in row.asked else {})})
        assert word(await socket.hear()) == row.nobody
        assert await socket.closed() == 4401

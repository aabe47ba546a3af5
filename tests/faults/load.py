"""The load of a fault run: many clients of the public protocol who talk, edit, react, come and go, all of it recorded.

The clients are those that everybody uses (`bench.client`): a command whose fate is unknown is sent again under its id
until it is known. What the run concludes is the checker's business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp

from bench.client import Client, ClientError
from bench.outbox import Frame, Outbox
from tests.faults.history import History, Id, Reader
from tests.fixtures.system import Person

STALE_SECONDS = 33.0
"""A heartbeat (25 s) and its answer (8 s): no connected client may stay behind for longer."""

HTTP_SECONDS = 12.0
RETRY_SECONDS = 90.0
"""How long a change of members is tried again before its fate is left open."""

WAITING_COMMANDS = 40

GROUP_SIZES = (5, 11)
"""Below the first nobody is removed, above the second nobody added: in an hour of both, groups stay as large."""


@dataclass(frozen=True)
class Mix:
    """How often what is wished, by weight; membership is for staff only."""

    send: int = 70
    edit: int = 8
    delete: int = 4
    react: int = 12
    membership: int = 6


class RecordingOutbox(Outbox):
    """An outbox that tells the history of every copy that leaves."""

    def __init__(self, history: History, **options: Any) -> None:
        super().__init__(**options)
        self._history = history

    def due(self, now: float) -> list[Frame]:
        """Frames to send now, noted."""
        frames = super().due(now)
        for frame in frames:
            self._history.sent(frame["id"])
        return frames


class Talker:
    """One client and its wishes."""

    group_sizes = GROUP_SIZES

    def __init__(
        self, person: Person, name: str, history: History, urls: Sequence[str], random: Random, **options: Any
    ):
        self.person = person
        self.name = name
        self.reader: Reader = history.reader(name, person.id)
        self.live_since: float | None = None
        self._history = history
        self._random = random
        self._urls = list(urls)
        self._mine: dict[Id, list[int]] = {}
        self.seen: dict[Id, list[int]] = {}

        self._options = {
            "outbox": RecordingOutbox(history, pipeline=random.choice((1, 4, 16)), random=random),
            "encoding": random.choice(("msgpack", "json")),
            **options,
        }
        self.client = self._client()

    def _client(self) -> Client:
        async def token(refused: bool) -> str:
            return self.person.token()

        return Client(
            self._random.sample(self._urls, len(self._urls)),
            token=token,
            on_event=self._heard,
            on_frame=self._frame,
            on_state=self._state,
            backoff=(0.05, 1.0),
            open_seconds=None,
            name=self.name,
            random=self._random,
            **self._options,
        )

    async def hang_up(self) -> None:
        """Go offline; nothing is wished or heard until `come_back`."""
        await self.client.close()

    async def come_back(self) -> None:
        """Go on with what this client knew and has not had answered yet."""
        self._options |= {"conversations": self.client.conversations, "outbox": self.client.outbox}
        self.client = self._client()
        await self.client.__aenter__()

    # What is heard ----------------------------------------------------------

    def _state(self, state: str) -> None:
        self.live_since = time.monotonic() if state == "live" else None

    def _heard(self, event: dict[str, Any]) -> None:
        self._history.heard(self.reader, event, time.monotonic())
        if event["kind"] == "message":
            kept = self.seen.setdefault(event["conversation"], [])
            kept.append(event["seq"])
            del kept[:-20]
            if event["actor"] == self.person.id:
                own = self._mine.setdefault(event["conversation"], [])
                own.append(event["seq"])
                del own[:-10]

    def _frame(self, frame: Frame) -> None:
        if frame["type"] == "ack":
            self._history.acked(frame["id"], frame["seq"], time.monotonic())
        elif frame["type"] == "error" and frame.get("id") is not None:
            self._history.refused(frame["id"], frame["code"], time.monotonic())

    # What is wished ---------------------------------------------------------

    @property
    def rooms(self) -> list[Id]:
        """Conversations of which this client believes to be a member."""
        return [fold.conversation for fold in self.client.conversations.values() if fold.member]

    def wish(self, mix: Mix, others: Sequence[Person]) -> asyncio.Task[bool] | None:
        """One wish at random; a task where it goes over HTTP. Nothing while much is unanswered."""
        rooms = self.rooms
        if not rooms or len(self.client.outbox) >= WAITING_COMMANDS:
            return None
        room = self._random.choice(rooms)
        staff = self.person.role != "client"
        kinds = ("send", "edit", "delete", "react", "membership")
        weights = (mix.send, mix.edit, mix.delete, mix.react, mix.membership if staff else 0)
        kind = self._random.choices(kinds, weights)[0]
        if kind == "membership":
            present = len(self.client.conversations[room].members)
            few, many = self.group_sizes
            method = "PUT" if present < few else "DELETE" if present > many else self._random.choice(("PUT", "DELETE"))
            return asyncio.create_task(self.change_members(method, room, self._random.choice(others)))
        target = self._mine.get(room) if kind in ("edit", "delete") else self.seen.get(room)
        if kind != "send" and not target:
            kind = "send"
        fields: dict[str, Any] = {}
        if kind != "send" and target:
            fields["seq"] = self._random.choice(target)
        if kind in ("send", "edit"):
            fields["body"] = f"{self.name} {self._random.randrange(10**9)} " + "x" * self._random.choice((0, 20, 300))
        if kind == "react":
            fields |= {"emoji": self._random.choice("👍🎉🙈"), "on": self._random.random() < 0.7}
        id = str(uuid4())
        self._history.called(id, self.person.id, self.name, room, kind, time.monotonic())
        try:
            self.client.post(kind, room, id=id, **fields)
        except ClientError:
            del self._history.operations[id]
        return None

    async def change_members(self, method: str, room: Id, other: Person) -> bool:
        """Add or remove somebody over HTTP, under one key until the answer is definite; was it done?"""
        id = str(uuid4())
        kind = "join" if method == "PUT" else "leave"
        self._history.called(id, self.person.id, f"{self.name}-http-{id}", room, kind, time.monotonic())
        deadline = time.monotonic() + RETRY_SECONDS
        while time.monotonic() < deadline:
            url = f"{self._random.choice(self._urls)}/api/v1/conversations/{room}/members/{other.id}"
            headers = {"Authorization": f"Bearer {self.person.token()}", "Idempotency-Key": id}
            try:
                timeout = aiohttp.ClientTimeout(total=HTTP_SECONDS)
                async with (
                    aiohttp.ClientSession(timeout=timeout) as http,
                    http.request(method, url, headers=headers) as answer,
                ):
                    if answer.status == 204:
                        self._history.acked(id, None, time.monotonic())
                        return True
                    problem = await answer.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                problem = {"code": "unavailable"}
            code = problem.get("code", "unavailable")
            self._history.refused(id, code, time.monotonic())
            if code not in ("unavailable", "overloaded", "rate_limited", "disabled", "internal"):
                return False
            await asyncio.sleep(self._random.uniform(0.1, 0.5))
        return False

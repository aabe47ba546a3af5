"""An asyncio client of the public protocol: it stays connected, loses nothing, repeats nothing.

async with Client(url, token=token, on_event=print) as client:
    ack = await client.send(conversation, "hello")
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Literal, Self, TypeAlias

import aiohttp
import msgspec

from bench.backoff import full_jitter
from bench.company import Company
from bench.connection import Connection
from bench.effects import Applied, Bye, CaughtUp, Complaint, Effect, Left, Ready, Reload
from bench.fold import Event, Folds, Id
from bench.http import Api, ApiError
from bench.markers import Markers
from bench.outbox import Ack, Frame, Outbox, Refusal
from bench.reload import reload
from bench.session import Session, Timing

State: TypeAlias = Literal["connecting", "live", "lost", "closed"]
Token: TypeAlias = str | Callable[[bool], Awaitable[str]]
"""A token, or what fetches one before each connection; it is told whether the last one was refused."""

FINAL_CLOSES = {4403: "forbidden", 1008: "origin"}
STEADY_SECONDS = 5.0
"""A connection that lived this long ends the back-off before it."""


class ClientError(Exception):
    """The client cannot go on: `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class RefusedError(Exception):
    """The server refused a command for good; `refusal` has its code, message and field."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.code = refusal.code
        super().__init__(f"{refusal.code}: {refusal.message}")


class Client:
    """One account's connection to any of `urls` (of servers, as http://host:port), kept up until closed.

    `on_event` hears each event once and in order per conversation; `on_frame` everything that arrives, first;
    `on_state` when the connection comes and goes; `on_refused` each final refusal. They are called on the
    event loop and must not block. `conversations` are the folds, `outbox` the commands without an answer;
    both may be handed in, to go on where another client stopped. With `deliver` the client says by itself
    how far events have arrived.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        *,
        token: Token,
        encoding: Literal["msgpack", "json"] = "msgpack",
        conversations: Folds | None = None,
        outbox: Outbox | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_frame: Callable[[Frame], None] | None = None,
        on_state: Callable[[State], None] | None = None,
        on_refused: Callable[[Refusal], None] | None = None,
        deliver: bool = False,
        timing: Timing | None = None,
        backoff: tuple[float, float] = (0.5, 30.0),
        open_seconds: float | None = 30.0,
        name: str = "parley-bench/1",
        random: Random | None = None,
    ) -> None:
        self.urls = [urls] if isinstance(urls, str) else list(urls)
        self.conversations = conversations if conversations is not None else Folds()
        self.outbox = outbox if outbox is not None else Outbox()
        self.markers = Markers()
        self.company = Company()
        self.state: State = "connecting"
        self.reconnects = 0
        self.complaints: list[Complaint] = []
        self.last_close: int | None = None
        self.last_fault = ""
        self._token = token
        self._packed = encoding == "msgpack"
        self._on_event, self._on_frame = on_event, on_frame
        self._on_state, self._on_refused = on_state, on_refused
        self._deliver = deliver
        self._timing = timing or Timing()
        self._backoff = backoff
        self._open_seconds = open_seconds
        self._name = name
        self._random = random or Random()
        self._waiting: dict[Id, asyncio.Future[Ack]] = {}
        self._turn = asyncio.Event()
        self._failure: ClientError | None = None
        self._session: Session | None = None
        self._connection: Connection | None = None
        self._api = Api(self.urls[0])
        self._away_until: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._reloads: set[asyncio.Task[None]] = set()
        self._refused_token = False
        self._place = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        try:
            if self._open_seconds is not None:
                await asyncio.wait_for(self.until(lambda: self.state == "live"), self._open_seconds)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up. Commands without an answer stay in the outbox; whoever waits for one gets ClientError."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._fail("closed")
        self._tell("closed")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, looked at after each frame. Raises ClientError when closed."""
        while not condition():
            if self._failure is not None:
                raise self._failure
            self._turn.clear()
            await self._turn.wait()

    async def caught_up(self) -> None:
        """Wait until everything is known that the server had when we (re)connected."""
        await self.until(
            lambda: (
                self._session is not None
                and self.state == "live"
                and not self._session.replaying
                and not any(f.gap or f.stale for f in self.conversations.values() if f.member)
            )
        )

    async def send(
        self,
        conversation: Id,
        body: str,
        *,
        id: Id | None = None,
        reply_to: int | None = None,
        mentions: Sequence[Id] = (),
        attachments: Sequence[Id] = (),
    ) -> Ack:
        """Say something; returns when it is stored. Raises RefusedError, OutboxFullError, ClientError."""
        fields: Frame = {"body": body}
        if reply_to is not None:
            fields["reply_to"] = reply_to
        if mentions:
            fields["mentions"] = list(mentions)
        if attachments:
            fields["attachments"] = list(attachments)
        return await self.command("send", conversation, id=id, **fields)

    async def edit(self, conversation: Id, seq: int, body: str, *, id: Id | None = None) -> Ack:
        """Replace the text of one's own message; as `send`."""
        return await self.command("edit", conversation, id=id, seq=seq, body=body)

    async def delete(self, conversation: Id, seq: int, *, id: Id | None = None) -> Ack:
        """Take a message back; as `send`."""
        return await self.command("delete", conversation, id=id, seq=seq)

    async def react(self, conversation: Id, seq: int, emoji: str, on: bool = True, *, id: Id | None = None) -> Ack:
        """Put an emoji to a message, or take it away; as `send`."""
        return await self.command("react", conversation, id=id, seq=seq, emoji=emoji, on=on)

    async def command(self, type: str, conversation: Id, *, id: Id | None = None, **fields: Any) -> Ack:
        """Any command with an id. Cancelling only ends the wait: the command stays in the outbox."""
        answer = self.post(type, conversation, id=id, **fields)
        return await asyncio.shield(answer)

    def post(self, type: str, conversation: Id, *, id: Id | None = None, **fields: Any) -> asyncio.Future[Ack]:
        """Queue a command and return at once; the future ends as `command` would."""
        if self._failure is not None:
            raise self._failure
        frame = {"type": type, "id": id or str(uuid.uuid4()), "conversation": conversation, **fields}
        entry = self.outbox.add(frame)
        answer = self._waiting.get(entry.id)
        if answer is None:
            answer = self._waiting[entry.id] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._connection is not None:
            self._connection.work.set()
        return answer

    def read(self, conversation: Id, seq: int) -> None:
        """Everything up to `seq`, or the head, is read: told to the server, again and again until its receipt comes."""
        self._mark("read", conversation, seq)

    def delivered(self, conversation: Id, seq: int) -> None:
        """Everything up to `seq` has arrived; likewise, at most once a second."""
        self._mark("delivered", conversation, seq)

    def watch(self, conversation: Id, on: bool = True) -> None:
        """Have the presence of its members told, while it is on screen: `company.present`."""
        self.company.watch(conversation, on)
        self._work()

    def typing(self, conversation: Id, on: bool = True) -> None:
        """Say that one types; every few seconds again while one does."""
        self.company.type(conversation, on)
        self._work()

    def be(self, state: Literal["online", "away"]) -> None:
        """Say whether anybody sits here."""
        self.company.be(state)
        self._work()

    def _mark(self, kind: str, conversation: Id, seq: int) -> None:
        fold = self.conversations.get(conversation)
        if fold is not None and fold.base is not None:
            seq = min(seq, fold.head)  # the server goes no farther either, and would be asked for ever
        self.markers.want(kind, conversation, seq)
        self._work()

    async def look(self, conversation: Id) -> Frame:
        """Read the conversation over HTTP, on opening it: its markers make up for receipts that were missed.

        Returns it as HTTP shows it. Raises ApiError, and what aiohttp does without a server.
        """
        details: Frame = await self._api.conversation(conversation)
        fold = self.conversations.open(conversation)
        fold.told(details["head"])
        fold.shown(details, self.conversations.account)
        return details

    def _work(self) -> None:
        if self._connection is not None:
            self._connection.work.set()

    def ping(self) -> None:
        """Compare heads with the server now rather than at the next heartbeat."""
        if self._session is not None and self._connection is not None:
            self._session.hurry()
            self._connection.work.set()

    async def _run(self) -> None:
        attempt = 0
        while self._failure is None:
            began = time.monotonic()
            wait: float | None = None
            try:
                wait = await self._connect(self.urls[self._place % len(self.urls)])
            except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as fault:
                self._trouble(fault)
            except ApiError as fault:  # from whoever fetches our tokens
                self._trouble(fault)
                if fault.status in (401, 403):
                    self._fail(fault.code)
            except Exception:  # a fault of ours, or of a callback
                self._fail("broken")
                raise
            self._tell("lost")
            if self._failure is not None:
                return
            if time.monotonic() - began >= STEADY_SECONDS:
                attempt = 0
            if wait is None:
                first, most = self._backoff
                wait = full_jitter(attempt, self._random, first=first, most=most)
            await asyncio.sleep(wait)
            attempt += 1
            self._place += 1
            self.reconnects += 1

    async def _connect(self, url: str) -> float | None:
        """Live one connection; returns the seconds that the server asked us to stay away."""
        if isinstance(self._token, str):
            token = self._token
        else:
            token = await self._token(self._refused_token)
        self.last_close = None
        now = time.monotonic()
        session = Session(
            self.conversations, self.outbox, self._timing, now=now, markers=self.markers, company=self.company
        )
        self._away_until = None
        connection = Connection(session, self._timing, packed=self._packed, hear=self._hear, act=self._act)
        async with Api(url, token) as self._api:
            self._session, self._connection = session, connection
            try:
                code = await connection.run(url, session.hello(token, self._name, now))
            finally:
                self._session = self._connection = None
                for unfinished in list(self._reloads):
                    unfinished.cancel()
        self.last_close = code
        if code == 4401 and isinstance(self._token, str):
            self._fail("unauthenticated")
        elif code in FINAL_CLOSES:
            self._fail(FINAL_CLOSES[code])
        self._refused_token = code == 4401
        return None if self._away_until is None else max(0.0, self._away_until - time.monotonic())

    def _hear(self, frame: Frame) -> None:
        if self._on_frame is not None:
            self._on_frame(frame)
        self._turn.set()

    def _act(self, effect: Effect) -> None:
        match effect:
            case Applied(event):
                if self._deliver:
                    self.delivered(event["conversation"], event["seq"])
                self._emit(event)
            case Ack():
                if (answer := self._waiting.pop(effect.id, None)) is not None and not answer.done():
                    answer.set_result(effect)
            case Refusal():
                self._refuse(effect)
            case Ready():
                self._refused_token = False
                self._tell("live")
            case Reload(conversation, _):
                self._reload(conversation)
            case Bye(_, seconds):
                self._away_until = time.monotonic() + seconds
            case Complaint():
                self.complaints.append(effect)
            case Left() | CaughtUp():
                pass

    def _refuse(self, refusal: Refusal) -> None:
        answer = self._waiting.pop(refusal.id, None)
        if answer is not None and not answer.done():
            answer.set_exception(RefusedError(refusal))
        if self._on_refused is not None:
            self._on_refused(refusal)

    def _reload(self, conversation: Id | None) -> None:
        work = reload(
            self._api,
            self.conversations,
            conversation,
            emit=self._emit,
            done=self._reloaded,
            fault=self._trouble,
            random=self._random,
        )
        task = asyncio.create_task(work)
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
        task.add_done_callback(lambda _: self._turn.set())

    def _reloaded(self, conversation: Id) -> None:
        if self._session is not None and self._connection is not None:
            self._session.reloaded(conversation)
            self._connection.work.set()

    def _emit(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _trouble(self, fault: Exception) -> None:
        self.last_fault = repr(fault)

    def _tell(self, state: State) -> None:
        if state != self.state:
            self.state = state
            if self._on_state is not None:
                self._on_state(state)
        self._turn.set()

    def _fail(self, code: str) -> None:
        if self._failure is None:
            self._failure = ClientError(code)
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(self._failure)
        self._turn.set()

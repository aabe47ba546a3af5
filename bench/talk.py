"""The chat itself: events become lines, lines become commands."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

import aiohttp

from bench.bystanders import Bystanders
from bench.client import Client, ClientError, State
from bench.fold import Event, Id
from bench.http import ApiError, Json
from bench.memory import Memory, keep, recall, revive
from bench.orders import HELP, OrderFault, order
from bench.outbox import Ack, Frame, OutboxFullError, Refusal
from bench.scribe import Scribe, messages
from bench.signin import SignIn, Unreachable
from bench.terminal import Terminal, harmless
from bench.typist import Typist

HISTORY = 20
QUEUED_SECONDS = 0.7
"""A message that is not stored by then is shown as queued."""
READ_SECONDS = 0.5
RETRY_SECONDS = 2.0
FAREWELL_SECONDS = 10.0
RENEWAL = 4401
"""Close code of a token that ended: the client comes back with a new one, which is nobody's business."""
TROUBLE = (ApiError, Unreachable, aiohttp.ClientError, OSError, TimeoutError)
LOOK_SECONDS = 0.5
"""How often the line being typed is looked at."""
GATHER_SECONDS = 0.3
"""What others do is told after so long, for several may do it."""


class Talk:
    """One person's chat. `wanted` is a subject or id to open first, `state` the file that remembers.

    An event counts as seen, and moves the cursor in the file, once it is printed.
    """

    def __init__(self, terminal: Terminal, signin: SignIn, state: Path, wanted: str | None = None) -> None:
        self.terminal = terminal
        self.signin = signin
        self.open: Id | None = None
        self.scribe = Scribe(terminal, signin.account["id"])
        self._state = state
        self._wanted = wanted
        memory = recall(state)
        self._last_open = memory.open if memory.account == self.scribe.me else None
        folds, outbox = revive(memory, self.scribe.me)
        self.client = Client(
            [api.url for api in signin.apis],
            token=self._token,
            conversations=folds,
            outbox=outbox,
            on_event=self._event,
            on_frame=self._frame,
            on_state=self._connection,
            on_refused=self._refused,
            deliver=True,
            open_seconds=None,
            name="parley-chat/1",
        )
        self._listed: list[Id] = []
        self._pending: deque[Event] = deque()
        self._printable = asyncio.Event()
        self._entered = asyncio.Event()
        self._screen = asyncio.Lock()
        self._catching = self._first = True
        self._lost_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._bystanders = Bystanders(self.scribe.me)
        self._gathering = self._saving = False

    async def run(self) -> None:
        """Until /quit or the end of input. Raises ClientError when the server will have us no more."""
        try:
            async with self.client:
                self._spawn(self._watch())
                if len(self.client.outbox):
                    self.scribe.note(f"{messages(len(self.client.outbox))} unsent from last time, sending")
                await self._enter()
                self._spawn(self._print_events())
                self._spawn(self._watch_the_line())
                while (line := await self.terminal.lines.get()) is not None and line.strip() != "/quit":
                    await self._line(line.strip())
                if line is None:
                    await self._farewell()
                with suppress(TimeoutError, ClientError):
                    await asyncio.wait_for(self.client.until(self._all_marked), READ_SECONDS)
        finally:
            for task in list(self._tasks):
                task.cancel()
            self._save()

    async def _token(self, refused: bool) -> str:
        try:
            return await self.signin.token(refused)
        except Unreachable as fault:
            raise ConnectionError(str(fault)) from None

    async def _watch(self) -> None:
        try:
            await self.client.until(lambda: False)
        except ClientError as fault:
            self.scribe.note(f"signed out: {fault.code}")
            self.terminal.lines.put_nowait("/quit")

    async def _enter(self) -> None:
        """List and open, once the server answers."""
        while True:
            try:
                await self._list()
                target = self._find(self._wanted) if self._wanted else self._last_open
                if self._wanted and target is None:
                    self.scribe.note(f"no conversation is called {self._wanted!r}")
                if target not in self._listed:
                    target = await self._most_recent_shared()
                if target is not None:
                    await self._open(target)
                else:
                    self.scribe.note("you have no conversations yet")
                self._entered.set()
                return
            except TROUBLE as fault:
                self.scribe.note(f"not reachable ({fault}); trying again")
                await asyncio.sleep(RETRY_SECONDS)

    async def _most_recent_shared(self) -> Id | None:
        """The newest that clients and staff share, else the newest."""
        api = await self.signin.ready()
        for conversation in self._listed[:HISTORY]:
            roles = [member["role"] for member in (await api.conversation(conversation))["members"]]
            if "client" in roles and set(roles) != {"client"}:
                return conversation
        return next(iter(self._listed), None)

    async def _line(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        try:
            if not line:
                return
            if word == "/help":
                self.terminal.print(HELP)
            elif word == "/list":
                await self._list()
            elif word == "/who":
                await self._who()
            elif word == "/open":
                if (target := self._find(rest.strip())) is None:
                    self.scribe.note(f"no conversation is called {rest.strip()!r}; /list shows them")
                else:
                    await self._open(target)
            else:
                self._order(line)
        except OrderFault as fault:
            self.scribe.note(str(fault))
        except TROUBLE as fault:
            self.scribe.note(f"not now: {fault}")

    def _order(self, line: str) -> None:
        type, fields = order(line)
        if self.open is None:
            self.scribe.note("open a conversation first: /list, /open N")
            return
        try:
            answer = self.client.post(type, self.open, **fields)
        except OutboxFullError as fault:
            self.scribe.note(f"not sent: {fault.__doc__}")
            return
        self._save()
        self._spawn(self._show_if_queued(answer, line.removeprefix("/") if line.startswith("//") else line))

    async def _show_if_queued(self, answer: asyncio.Future[Ack], line: str) -> None:
        done, _ = await asyncio.wait([answer], timeout=QUEUED_SECONDS)
        if not done:
            self.scribe.queued(line)
            await asyncio.wait([answer])
        self._save_soon()

    async def _list(self) -> None:
        api = await self.signin.ready()
        self._listed = []
        async for item in api.conversations():
            self._listed.append(item["id"])
            self.scribe.learn(item)
            unread = f"  ({item['unread']} unread)" if item["unread"] else ""
            mark = "*" if item["id"] == self.open else " "
            self.terminal.print(f"{mark}{len(self._listed):>2}  {self.scribe.subject(item['id'])}{unread}")

    def _find(self, name: str) -> Id | None:
        if name.isdigit() and 1 <= int(name) <= len(self._listed):
            return self._listed[int(name) - 1]
        if name in self._listed:
            return name
        wanted = harmless(name).lower()
        subjects = {one: self.scribe.subject(one).lower() for one in self._listed}
        exact = [one for one, subject in subjects.items() if subject == wanted]
        return next(iter(exact or [one for one, s in subjects.items() if wanted and wanted in s]), None)

    async def _open(self, conversation: Id) -> None:
        async with self._screen:  # what arrives meanwhile is printed after the history
            api = await self.signin.ready()
            details = await self._look(conversation)
            page = await api.events(conversation, before=self._seen(conversation) + 1, limit=HISTORY)
            if self.open is not None and self.open != conversation:
                self.client.watch(self.open, on=False)
            self.client.watch(conversation)
            self.open = conversation
            self._bystanders.open(conversation)
            others = [harmless(m["name"]) for m in details["members"] if m["account"] != self.scribe.me]
            self.terminal.print()
            self.scribe.note(f"{self.scribe.subject(conversation)} · with {', '.join(others) or 'nobody'}")
            for event in page["items"]:
                self.scribe.event(event)
                self._bystanders.event(event)
        if self._bystanders.shown(details):
            self._tell_soon()
        self._mark_read(conversation)
        self._save()

    async def _look(self, conversation: Id) -> Json:
        """The conversation as it is now, with what receipts told while nobody heard them."""
        details = await (await self.signin.ready()).conversation(conversation)
        self.scribe.learn(details)
        fold = self.client.conversations.open(conversation)
        fold.told(details["head"])
        fold.shown(details, self.scribe.me)
        return details

    async def _who(self) -> None:
        if self.open is None:
            self.scribe.note("open a conversation first: /list, /open N")
            return
        details = await self._look(self.open)
        for member in details["members"]:
            self.scribe.member(member, self.client.company.present.get(member["account"]), details["head"])

    def _event(self, event: Event) -> None:
        self._pending.append(event)
        if not self._catching:
            self._printable.set()

    def _frame(self, frame: Frame) -> None:
        if self._bystanders.hears(frame):
            self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._gathering:
            self._gathering = True
            self._spawn(self._tell())

    async def _tell(self) -> None:
        """What others do, in as few lines as possible, behind the events that are there already."""
        await asyncio.sleep(GATHER_SECONDS)
        async with self._screen:
            self._gathering = False
            for line in self._bystanders.lines(self.scribe.name):
                self.scribe.note(line)

    async def _watch_the_line(self) -> None:
        typist = Typist()
        while self.terminal.interactive:
            for conversation, on in typist.look(self.open, self.terminal.typed, time.monotonic()):
                self.client.typing(conversation, on)
            await asyncio.sleep(LOOK_SECONDS)

    def _connection(self, state: State) -> None:
        if state == "live":
            self._spawn(self._catch_up())
        elif state == "lost" and not self._catching:
            self._catching = True
            self._printable.clear()
            if self.client.last_close != RENEWAL:
                self._lost_at = time.monotonic()
                self.scribe.note("connection lost, trying again; what you say is kept")

    async def _catch_up(self) -> None:
        """What came while we were away, as one piece, in order."""
        await self._entered.wait()
        await self.client.caught_up()
        if not self._catching:
            return
        self._catching = False
        missed = sum(
            event["kind"] == "message" and event["actor"] != self.scribe.me and event["conversation"] == self.open
            for event in self._pending
        )
        if self._lost_at is not None:
            away = time.monotonic() - self._lost_at
            self.scribe.note(f"connection back after {away:.0f} s; {messages(missed)} meanwhile")
            self._lost_at = None
            self._spawn(self._catch_up_on_receipts())
        elif self._first and missed:
            self.scribe.note(f"{messages(missed)} while you were away")
        self._first = False
        self._printable.set()

    async def _catch_up_on_receipts(self) -> None:
        if self.open is not None:
            with suppress(*TROUBLE):
                if self._bystanders.shown(await self._look(self.open)):
                    self._tell_soon()

    async def _print_events(self) -> None:
        while True:
            await self._printable.wait()
            if not self._pending:
                self._printable.clear()
                continue
            event = self._pending[0]
            if not self.scribe.knows(event):
                with suppress(*TROUBLE):
                    api = await self.signin.ready()
                    self.scribe.learn(await api.conversation(event["conversation"]))
            async with self._screen:
                if event["conversation"] == self.open:
                    self.scribe.event(event)
                elif event["kind"] == "message" and event["actor"] != self.scribe.me:
                    self.scribe.elsewhere(event)
                self._pending.popleft()
                if event["conversation"] == self.open:
                    self._mark_read(event["conversation"])
            self._save_soon()

    def _refused(self, refusal: Refusal) -> None:
        self.scribe.note(f"not sent ({refusal.message or refusal.code})")
        self._save_soon()

    def _mark_read(self, conversation: Id) -> None:
        """What is on screen is read; the client says so until it is receipted."""
        if seq := self._seen(conversation):
            self.client.read(conversation, seq)

    def _all_marked(self) -> bool:
        return self.client.markers.wake(0.0) is None

    async def _farewell(self) -> None:
        """The input ended (a pipe): wait for the answers, then for what they brought."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while len(self.client.outbox) or self._pending or self._catching:  # noqa: ASYNC110 - three things
                    await asyncio.sleep(0.05)
        if len(self.client.outbox):
            self.scribe.note(f"{messages(len(self.client.outbox))} not sent yet: kept for next time")

    def _seen(self, conversation: Id) -> int:
        """The last seq that is printed, or need not be."""
        waiting = (event["seq"] for event in self._pending if event["conversation"] == conversation)
        return next(waiting, self.client.conversations.open(conversation).cursor + 1) - 1

    def _save_soon(self) -> None:
        if not self._saving:
            self._saving = True
            asyncio.get_running_loop().call_soon(self._save)

    def _save(self) -> None:
        self._saving = False
        folds, cursors = self.client.conversations, self.client.conversations.cursors()
        for event in reversed(self._pending):
            if event["conversation"] in cursors:
                cursors[event["conversation"]] = event["seq"] - 1
        unsent = [entry.frame for entry in self.client.outbox]
        memory = Memory(account=self.scribe.me, epoch=folds.epoch, cursors=cursors, outbox=unsent, open=self.open)
        keep(self._state, memory)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

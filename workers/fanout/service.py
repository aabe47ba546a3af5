"""The fanout worker: events in from persistence, one frame per edge out. Thin: the decisions are in the pure parts.

What a frame may lose on the way here, the feed finds: every second the commits since the last poll are read, and a
conversation of ours that is still behind a moment later is filled from the log. What a frame may lose on the way to
an edge, the heads find, which go out every second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec
import structlog

from broker.link.client import Link, LinkError, Received, RosterChange
from broker.node.tasks import Tasks
from broker.wire import payloads
from broker.wire.payloads import (
    Appended,
    Audience,
    AudienceWanted,
    Away,
    Delivery,
    Head,
    HeadOf,
    Heads,
    Id,
    Marked,
    Presence,
    Receipt,
    Typed,
    Typing,
    Watch,
)
from storage import conversations as stored_conversations
from storage import feed
from storage import log as event_log
from storage.errors import StorageError
from storage.pool import Database
from workers.fanout.audience import Audiences
from workers.fanout.conversations import Conversations, Effect, Fill, Forward, Load
from workers.fanout.heads import AFTER_CHANGE_SECONDS, RecentCommits, RecentHeads
from workers.fanout.presence import Presences, Tell

log = structlog.get_logger()

POLL_SECONDS = 1.0
GRACE_SECONDS = 0.25
PRUNE_SECONDS = 60.0
READS_AT_ONCE = 8
RETRY_SECONDS = 1.0
LEAVE_SECONDS = 0.5
DRAIN_SECONDS = 0.5
HEADS_PER_FRAME = 500
ROUTES = 100_000
RECEIPT_MEMBERS = 32
"""In conversations with more members, what one has read is nobody else's business."""


class Fanout:
    """One worker. Construct it, hand `on_frame` and `on_roster` to its `Link`, `attach` it, then `run`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.audiences = Audiences()
        self.conversations = Conversations()
        self._recent = RecentHeads()
        self._commits = RecentCommits()
        self._routes: dict[Id, tuple[int, frozenset[Id], dict[str, tuple[Id, ...]]]] = {}
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._tasks = Tasks()
        self.presences = Presences(self.audiences.state_of, lambda: self.audiences.settled, event_log.now)
        self._link: Link
        self.forwarded = 0
        self.filled = 0
        self.refused = 0
        self.unsent = 0
        self.heads_told = 0
        self.followed_at = time.monotonic()

    def attach(self, link: Link) -> None:
        """The link whose frames this worker gets."""
        self._link = link

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the feed and tell heads until `stop`; then let others have our keys, and finish what is here."""
        self._db.on_epoch_change.append(lambda epoch: self.conversations.clear())
        since: int | None = None
        due = pruned = time.monotonic()
        while not stop.is_set():
            since = await self._follow(since)
            self._tell_heads()
            self._tell_presence(self.presences.tick(time.monotonic(), self._members))
            if time.monotonic() - pruned >= PRUNE_SECONDS:
                pruned = time.monotonic()
                await self._prune()
            due = max(due + POLL_SECONDS, time.monotonic())
            with_timeout = max(0.0, due - time.monotonic())
            try:
                await asyncio.wait_for(stop.wait(), with_timeout)
            except TimeoutError:
                continue
        await self._link.leave(LEAVE_SECONDS)
        await self._tasks.finish(DRAIN_SECONDS)
        await self._tasks.cancel()

    # Frames -----------------------------------------------------------------

    def on_frame(self, received: Received) -> None:
        """A frame from an edge or a persistence worker. What cannot be understood is counted and changes nothing."""
        try:
            payload = payloads.decode(received.payload)
        except msgspec.DecodeError:
            self.refused += 1
            log.warning("fanout.bad_frame", source=received.source)
            return
        if isinstance(payload, Appended):
            self._do(self.conversations.appended(payload.conversation, payload.events))
        elif isinstance(payload, Head):
            self._do(self.conversations.headed(payload.conversation, payload.seq))
        elif isinstance(payload, Marked):
            self._among_members(payload.conversation, partial(self._receipts, payload, received.source))
        elif isinstance(payload, Typed):
            self._among_members(payload.conversation, partial(self._typing, payload))
        elif isinstance(payload, Watch):
            self._among_members(payload.conversation, partial(self._watch, payload, received.source))
        elif isinstance(payload, Away):
            self.audiences.away(received.source, payload.accounts)
        elif isinstance(payload, Audience):
            self._send_to(received.source, self.audiences.told(received.source, payload))
        else:
            self.refused += 1
            log.warning("fanout.bad_frame", source=received.source, payload=type(payload).__name__)

    def on_roster(self, change: RosterChange) -> None:
        """Processes came or went: whose edges are there, whose conversations are ours."""
        self._recent.roster_changed(time.monotonic())
        for edge in self.audiences.edges(self._link.peers("edge")):
            self._send_to(edge, AudienceWanted())
        owns = self._link.owns
        self.conversations.keep(id for id in self.conversations.ids() if owns(id))
        self.presences.forget(owns, self._link.peers("edge"))
        self._reconcile_soon(self._commits.all())

    # Effects ----------------------------------------------------------------

    def _do(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Forward):
                self._forward(effect)
            elif isinstance(effect, Load):
                self._tasks.spawn(self._load(effect.conversation))
            else:
                self._tasks.spawn(self._fill(effect))

    def _forward(self, forward: Forward) -> None:
        by_edge = self._route(forward.conversation, forward.members)
        if forward.left is not None:
            by_edge = dict(by_edge)
            for edge in self.audiences.by_edge((forward.left,)):
                by_edge.setdefault(edge, ())
        events = tuple(forward.events)
        for edge, recipients in by_edge.items():
            self._send_to(edge, Delivery(forward.conversation, recipients, events))
        self.forwarded += len(events)
        self._recent.changed(forward.conversation, time.monotonic())

    def _route(self, conversation: Id, members: frozenset[Id]) -> dict[str, tuple[Id, ...]]:
        """`by_edge` of the members, kept while neither the members nor anybody's whereabouts change."""
        version = self.audiences.version
        known = self._routes.get(conversation)
        if known is not None and known[0] == version and known[1] is members:
            return known[2]
        by_edge = self.audiences.by_edge(members)
        if len(self._routes) >= ROUTES:
            self._routes.clear()
        self._routes[conversation] = (version, members, by_edge)
        return by_edge

    def _send_to(self, edge: str, payload: payloads.Payload) -> None:
        try:
            self._link.send_to(edge, payloads.encode(payload))
        except LinkError:
            # A hint: the heads of the coming seconds tell the edge what it lacks.
            self.unsent += 1

    # What is not in the log: receipts, typing, presence ---------------------

    def _members(self, conversation: Id) -> frozenset[Id] | None:
        state = self.conversations.get(conversation)
        return state.members if state is not None and state.members_as_of else None

    def _among_members(self, conversation: Id, then: Callable[[frozenset[Id]], None]) -> None:
        """Go on with the members, looked up if they are not known; not at all while too much is looked up."""
        members = self._members(conversation)
        if members is not None:
            then(members)
        elif not self._reads.locked():
            self._tasks.spawn(self._look_up(conversation, then))

    async def _look_up(self, conversation: Id, then: Callable[[frozenset[Id]], None]) -> None:
        try:
            async with self._reads:
                audience = await stored_conversations.audience(self._db, conversation)
        except StorageError:
            return
        if audience is not None:
            then(audience[1])

    def _typing(self, typed: Typed, members: frozenset[Id]) -> None:
        """To the other members, wherever they are."""
        if typed.account in members:
            for edge, recipients in self.audiences.by_edge(members - {typed.account}).items():
                self._send_to(edge, Typing(typed.conversation, typed.account, typed.on, recipients))

    def _watch(self, watch: Watch, source: str, members: frozenset[Id]) -> None:
        now = time.monotonic()
        self._tell_presence(self.presences.watch(watch, source, members, now))

    def _tell_presence(self, tells: Iterable[Tell]) -> None:
        for tell in tells:
            self._send_to(tell.edge, Presence(tell.conversation, tell.watchers, tell.items))

    def _receipts(self, marked: Marked, source: str, members: frozenset[Id]) -> None:
        """A marker, to the members of a small conversation; of a large one to the account's own sockets only."""
        if marked.account not in members:
            return
        concerned = members if len(members) <= RECEIPT_MEMBERS else (marked.account,)
        for edge, recipients in self.audiences.by_edge(concerned).items():
            if edge == source:
                # Its own sockets heard it there when it was stored.
                recipients = tuple(account for account in recipients if account != marked.account)
            if recipients:
                told = Receipt(marked.conversation, marked.account, marked.read, marked.delivered, recipients)
                self._send_to(edge, told)

    # The log ----------------------------------------------------------------

    async def _load(self, conversation: Id) -> None:
        try:
            async with self._reads:
                audience = await stored_conversations.audience(self._db, conversation)
        except StorageError:
            self._failed(conversation)
            return
        if audience is None:
            self.conversations.missing(conversation)
            return
        self._recent.changed(conversation, time.monotonic())
        self._do(self.conversations.loaded(conversation, *audience))

    async def _fill(self, fill: Fill) -> None:
        try:
            async with self._reads:
                items = await event_log.events_between(self._db, fill.conversation, fill.after, fill.upto)
        except StorageError:
            self._failed(fill.conversation)
            return
        self.filled += len(items)
        self._do(self.conversations.filled(fill, [payloads.logged(item) for item in items]))

    def _failed(self, conversation: Id) -> None:
        """What was known is forgotten, and looked up again in a while: the feed has named it already, perhaps."""
        self.conversations.failed(conversation)
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._reconcile, [(conversation, 1)])

    async def _follow(self, since: int | None) -> int | None:
        """One poll of the feed; what it names gets a moment to arrive by itself."""
        try:
            since, rows = await feed.follow(self._db, since, back_seconds=AFTER_CHANGE_SECONDS)
        except StorageError:
            log.warning("fanout.feed_unavailable")
            return since
        self.followed_at = time.monotonic()
        self._commits.told(rows, self.followed_at)
        self._reconcile_soon(rows)
        return since

    def _reconcile_soon(self, heads: Sequence[tuple[Id, int]]) -> None:
        if heads:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._reconcile, heads)

    def _reconcile(self, heads: Sequence[tuple[Id, int]]) -> None:
        for conversation, head in heads:
            if self._link.owns(conversation):
                self._do(self.conversations.headed(conversation, head))

    async def _prune(self) -> None:
        try:
            await feed.prune(self._db)
        except StorageError:
            log.warning("fanout.prune_failed")

    def _tell_heads(self) -> None:
        """The heads of what changed lately, to each edge those with members there."""
        by_edge: dict[str, list[HeadOf]] = {}
        for conversation in self._recent.recent(time.monotonic()):
            state = self.conversations.get(conversation)
            if state is None or not state.members_as_of:
                continue
            for edge, recipients in self._route(conversation, state.members).items():
                by_edge.setdefault(edge, []).append(HeadOf(conversation, state.head, recipients))
        for edge, items in by_edge.items():
            self.heads_told += len(items)
            for at in range(0, len(items), HEADS_PER_FRAME):
                self._send_to(edge, Heads(tuple(items[at : at + HEADS_PER_FRAME])))

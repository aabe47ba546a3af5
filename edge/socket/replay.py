"""Reading the log for sockets: replays after hello, `sync`, what a ping finds missing, and the repair of gaps.

At most 16 reads run at a time on an edge, the rest queue, so that a thousand clients who return at once meet the
database sixteen at a time. A replay goes page by page as the socket drains, and live events of its conversation
wait behind it (`Session.seen`). Membership is checked in the statement that reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from broker.wire.payloads import HeadOf, Id, logged
from edge.codes import MESSAGES
from edge.socket.frames import READY_CONVERSATIONS, SYNC_EVENTS
from edge.socket.hub import Forward, Hub, Repair
from edge.socket.session import Session, State
from edge.socket.stretches import Stretch, Stretches
from storage import conversations
from storage import log as event_log
from storage.errors import StorageError
from storage.pool import Database

log = structlog.get_logger()

READS_AT_ONCE = 16
RETRY_SECONDS = 1.0
COMPARE_AT_ONCE = 1000


class Replay:
    """The edge's reads of the log."""

    def __init__(self, db: Database, hub: Hub[Session], stretches: Stretches) -> None:
        self._db = db
        self._hub = hub
        self.stretches = stretches
        self.turn = asyncio.Semaphore(READS_AT_ONCE)
        self.replayed = 0
        self.compared = 0

    def write(self, session: Session, stretch: Stretch, after: int) -> None:
        """The events of a stretch, asked for behind `after`, as one write."""
        if stretch.data:
            self.replayed += stretch.last - after
            session.port.write(stretch.data)
            session.replayed = session.port.written

    async def go_on(self, session: Session, conversation: Id, cursor: int, *, caught_up: bool) -> None:
        """Replay one log from `cursor` until the live stream can take over, whatever the database does meanwhile."""
        while session.state is State.LIVE and conversation in session.seen:
            await session.port.drained()
            try:
                async with self.turn:
                    stretch = await self._stretch(session, conversation, cursor, SYNC_EVENTS)
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if session.state is not State.LIVE:
                return
            if stretch is None:
                self.not_member(session, conversation)
                return
            self.write(session, stretch, cursor)
            cursor = stretch.last
            if self.take_over(session, conversation, cursor, stretch.head, caught_up=caught_up):
                return

    def take_over(self, session: Session, conversation: Id, cursor: int, head: int, *, caught_up: bool) -> bool:
        """Let the live stream go on behind `cursor` if the replay reached all that was seen meanwhile."""
        if cursor < head or session.seen.get(conversation, 0) > cursor:
            return False
        session.seen.pop(conversation, None)
        if caught_up:
            session.say({"type": "caught_up", "conversation": conversation, "seq": cursor, "head": head})
        return True

    def not_member(self, session: Session, conversation: Id) -> None:
        """The account may not read this log (any more, or it does not exist: the two look the same)."""
        session.seen.pop(conversation, None)
        session.say({"type": "resync", "conversation": conversation, "reason": "not_member"})

    async def sync(self, session: Session, conversation: Id, after: int, limit: int) -> None:
        """Answer a client's `sync`: one page, then how far it goes."""
        try:
            async with self.turn:
                stretch = await self._stretch(session, conversation, after, limit)
        except StorageError:
            self._unavailable(session)
            return
        if session.state is not State.LIVE:
            return
        if stretch is None:
            self.not_member(session, conversation)
            return
        if after > stretch.head:
            session.say({"type": "resync", "conversation": conversation, "reason": "cursor_ahead"})
            return
        self.write(session, stretch, after)
        session.say({"type": "caught_up", "conversation": conversation, "seq": stretch.last, "head": stretch.head})
        await session.port.drained()

    async def _stretch(self, session: Session, conversation: Id, after: int, limit: int) -> Stretch | None:
        found = await self.stretches.read(session.account, {conversation: after}, limit, binary=session.binary)
        return found[conversation]

    async def after_ping(self, session: Session, behind: dict[Id, int], unknown: dict[Id, int]) -> None:
        """Send what the ping's heads lack, then the pong. What is `unknown` here is asked of the log, as a member."""
        try:
            if unknown:
                async with self.turn:
                    heads = await event_log.heads_for(self._db, session.account, unknown)
                for conversation, cursor in unknown.items():
                    if session.state is not State.LIVE:
                        return
                    head = heads.get(conversation)
                    if head is None:
                        self.not_member(session, conversation)
                        continue
                    self._hub.know(conversation, head, session.account)
                    if head > cursor:
                        behind[conversation] = cursor
            for conversation, cursor in behind.items():
                if session.state is State.LIVE and conversation not in session.seen:
                    session.seen[conversation] = 0
                    await self.go_on(session, conversation, cursor, caught_up=True)
        except StorageError:
            self._unavailable(session)
            return
        if session.state is State.LIVE:
            session.say({"type": "pong", "time": event_log.now()})

    async def catch_up(self, session: Session, heads: dict[Id, int]) -> None:
        """Replay what the account's logs hold beyond these heads, which the session was told of once; whatever fails,
        again. Of a conversation that it was not told of, since it was added to it meanwhile, the newest event."""
        while session.state is State.LIVE:
            try:
                async with self.turn:
                    summaries, _ = await conversations.summaries(self._db, session.account, READY_CONVERSATIONS)
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for summary in summaries:
                known = heads.get(summary.id, summary.head - 1)
                if summary.head > known and summary.id not in session.seen and session.state is State.LIVE:
                    session.seen[summary.id] = 0
                    await self.go_on(session, summary.id, known, caught_up=False)
            return

    def _unavailable(self, session: Session) -> None:
        if session.state is State.LIVE:
            session.error("unavailable", MESSAGES["unavailable"], retry_after=1.0)

    # Gaps of the edge itself ------------------------------------------------

    async def repair(self, repair: Repair, forward: Callable[[Forward], None]) -> None:
        """Read once what fanout's frames lacked, for all sockets of the conversation."""
        after = repair.after
        while after < repair.upto:
            upto = min(repair.upto, after + SYNC_EVENTS)
            try:
                async with self.turn:
                    items = await event_log.events_between(self._db, repair.conversation, after, upto)
            except StorageError:
                self._hub.unfilled(repair, time.monotonic())
                return
            ready = self._hub.filled(repair, [logged(item) for item in items], time.monotonic())
            if ready is not None:
                forward(ready)
            if len(items) < upto - after:
                # The log does not reach so far yet: the announced head came from a commit that is not visible here.
                self._hub.unfilled(repair, time.monotonic())
                return
            after = upto

    async def compare_all(self, headed: Callable[[tuple[HeadOf, ...]], None]) -> None:
        """After an overrun: compare every stream with the log, a thousand at a time, members as of now."""
        ids = self._hub.followed()
        at = 0
        while part := ids[at : at + COMPARE_AT_ONCE]:
            try:
                async with self.turn:
                    heads = await event_log.heads(self._db, part)
                for conversation, head in heads.items():
                    if self._hub.lags(conversation, head):
                        async with self.turn:
                            audience = await conversations.audience(self._db, conversation)
                        if audience is not None:
                            headed((HeadOf(conversation, audience[0], tuple(audience[1])),))
                at += COMPARE_AT_ONCE
                self.compared += len(part)
            except StorageError:
                log.warning("edge.compare_failed", conversations=len(part))
                await asyncio.sleep(RETRY_SECONDS)

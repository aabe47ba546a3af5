"""From `hello` to `ready`: who is it, announce it, then read the log. A few queries, whatever the client follows.

The order is the point: the account is announced to the fanout workers, they confirm, and only then is the log read.
So an event that is committed after the read reaches the session live, and one committed before it is in what was read;
between the two nothing can fall. A client is not kept waiting for a confirmation for more than a second: then the log
is read without it, and what grew meanwhile is read again when it has come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from broker.node.tasks import Tasks
from broker.wire.payloads import Id
from edge.auth.identity import Identity
from edge.auth.tokens import AuthError
from edge.codes import MESSAGES
from edge.settings import EdgeSettings
from edge.socket.frames import (
    ATTACHMENTS,
    BODY_CHARACTERS,
    FRAME_BYTES,
    READY_CONVERSATIONS,
    SYNC_EVENTS,
    Hello,
    canonical,
)
from edge.socket.hub import Hub
from edge.socket.replay import Replay
from edge.socket.session import CloseCode, Event, Session, State
from edge.socket.stretches import Stretch
from storage import conversations
from storage import log as event_log
from storage.conversations import Summary
from storage.errors import StorageError
from storage.pool import Database

HEARTBEAT_SECONDS = 25
HELLO_EVENTS = 2_000
"""What the first read for all cursors brings at most; logs that lag further go on one by one, as the socket drains."""

Refusal = tuple[CloseCode, str]


class Opening:
    """`arrived(account)` announces an account's first session; `announced()` waits a second for the workers to know."""

    def __init__(
        self,
        settings: EdgeSettings,
        db: Database,
        identity: Identity,
        hub: Hub[Session],
        replay: Replay,
        tasks: Tasks,
        *,
        arrived: Callable[[Id], None],
        announced: Callable[[], Awaitable[bool]],
    ) -> None:
        self._settings = settings
        self._db = db
        self._identity = identity
        self._hub = hub
        self._replay = replay
        self._tasks = tasks
        self._arrived = arrived
        self._announced = announced

    async def open(self, session: Session, hello: Hello, token: str | None) -> Refusal | None:
        """Bring the session to LIVE and its replays on their way; or say with which code it is to be closed."""
        if token is None:
            session.error("unauthenticated", "Hello carries no token.")
            return CloseCode.NOT_AUTHENTICATED, "no token"
        try:
            who = await self._identity.authenticate(token)
        except AuthError as fault:
            session.error("unauthenticated", str(fault))
            return CloseCode.NOT_AUTHENTICATED, "not authenticated"
        except StorageError:
            return self._unavailable(session)
        if session.state is not State.OPENING:
            return None
        session.account, session.role, session.jti = who.account.id, who.account.role, who.claims.jti
        session.expires_at = who.claims.expires_at
        if self._hub.attach(session.account, session):
            self._arrived(session.account)
        cursors = {canonical(conversation): seq for conversation, seq in hello.cursors.items()}
        try:
            async with self._replay.turn:
                in_time = await self._announced()
                summaries, more = await conversations.summaries(self._db, session.account, READY_CONVERSATIONS)
                current = hello.epoch == self._db.epoch
                stretches = (
                    await self._replay.stretches.read(
                        session.account,
                        cursors,
                        min(SYNC_EVENTS, max(1, HELLO_EVENTS // len(cursors))),
                        binary=session.binary,
                    )
                    if cursors and current
                    else {}
                )
        except StorageError:
            return self._unavailable(session)
        if session.state is not State.OPENING:
            return None
        self._greet(session, who.account, summaries, more)
        for summary in summaries:
            self._hub.know(summary.id, summary.head, session.account)
        if cursors and not current:
            session.say({"type": "resync", "reason": "epoch", "epoch": self._db.epoch})
            cursors = {}
        lagging = self._replay_first(session, cursors, stretches)
        lagging |= self._missed_while_opening(session, {s.id: s.head for s in summaries}, cursors)
        for conversation, cursor in lagging.items():
            self._tasks.spawn(self._replay.go_on(session, conversation, cursor, caught_up=conversation in cursors))
        if not in_time:
            self._tasks.spawn(self._make_up(session, {summary.id: summary.head for summary in summaries}))
        return None

    async def _make_up(self, session: Session, heads: dict[Id, int]) -> None:
        """The workers learn late of this session: what was committed before they did reached nobody by them."""
        while session.state is State.LIVE and not await self._announced():
            continue
        await self._replay.catch_up(session, heads)

    def _unavailable(self, session: Session) -> Refusal:
        session.error("unavailable", MESSAGES["unavailable"], retry_after=1.0)
        return CloseCode.DRAINING, "database unavailable"

    def _greet(self, session: Session, account: Any, summaries: list[Summary], more: bool) -> None:
        ready: dict[str, Any] = {
            "type": "ready",
            "session": session.id,
            "account": {"id": account.id, "name": account.name, "role": account.role},
            "epoch": self._db.epoch,
            "time": event_log.now(),
            "heartbeat": HEARTBEAT_SECONDS,
            "limits": {
                "frame": FRAME_BYTES,
                "body": BODY_CHARACTERS,
                "rate": self._settings.rate_limit,
                "burst": self._settings.rate_burst,
                "file": self._settings.max_file_size,
                "attachments": ATTACHMENTS,
            },
            "conversations": [{"id": s.id, "head": s.head, "read": s.read, "unread": s.unread} for s in summaries],
        }
        if more:
            ready["more"] = True
        session.step(Event.READY)
        session.say(ready)

    def _replay_first(
        self, session: Session, cursors: dict[Id, int], stretches: dict[Id, Stretch | None]
    ) -> dict[Id, int]:
        """Write what was read for all cursors at once; the logs that have more, and how far they are."""
        lagging: dict[Id, int] = {}
        for conversation, cursor in cursors.items():
            stretch = stretches.get(conversation)
            if stretch is None:
                self._replay.not_member(session, conversation)
                continue
            if cursor > stretch.head:
                session.seen.pop(conversation, None)
                session.say({"type": "resync", "conversation": conversation, "reason": "cursor_ahead"})
                continue
            self._replay.write(session, stretch, cursor)
            if not self._replay.take_over(session, conversation, stretch.last, stretch.head, caught_up=True):
                session.seen.setdefault(conversation, 0)
                lagging[conversation] = stretch.last
        return lagging

    def _missed_while_opening(self, session: Session, heads: dict[Id, int], cursors: dict[Id, int]) -> dict[Id, int]:
        """Live events that came between announcement and `ready`, of logs that the client gave no cursor for."""
        lagging: dict[Id, int] = {}
        for conversation, seq in list(session.seen.items()):
            if conversation in cursors:
                continue
            head = heads.get(conversation, seq - 1)
            if seq > head:
                lagging[conversation] = head
            else:
                del session.seen[conversation]
        return lagging

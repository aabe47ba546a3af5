"""The WebSocket gateway: every session of this edge, and what becomes of what each says and is told.

The decisions are in the pure parts (`session`, `hub`, `frames`); this is where they meet commands, log and sockets.
`connect` is the only way into a session's life, `leave` the only way out.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import structlog

from broker.node.tasks import Tasks
from broker.wire.payloads import Act, Delivery, HeadOf, Id, Outcome
from edge.codes import MESSAGES
from edge.commands import Answer, Commands
from edge.counters import SocketCounters
from edge.markers import Markers
from edge.ratelimit import RateLimit
from edge.refusal import Refusal
from edge.socket import frames
from edge.socket.company import Company
from edge.socket.frames import BadFrame, Delivered, Ephemeron, Hello, Ping, Read, Sync, Wish, canonical
from edge.socket.hub import Forward, Hub
from edge.socket.opening import Opening
from edge.socket.replay import Replay
from edge.socket.session import CloseCode, Event, Prepared, Session, State
from edge.socket.transport import SocketPort
from edge.socket.wishes import act_of
from edge.switch import Switch
from storage import log as event_log

log = structlog.get_logger()

HELLO_SECONDS = 5.0
PIPELINED_FRAMES = 64
FRAMES_PER_SECOND = 100.0
FRAMES_BURST_SECONDS = 4.0
SYNCS_AT_ONCE = 8


class Gateway:
    """Sessions by id, and the loop-side of everything that happens to them."""

    def __init__(
        self,
        opening: Opening,
        replay: Replay,
        hub: Hub[Session],
        commands: Commands,
        ratelimit: RateLimit,
        switch: Switch,
        refusal: Refusal,
        tasks: Tasks,
        markers: Markers,
        company: Company,
    ) -> None:
        self.sessions: dict[Id, Session] = {}
        self.hub = hub
        self._opening = opening
        self._replay = replay
        self._commands = commands
        self._ratelimit = ratelimit
        self._switch = switch
        self._refusal = refusal
        self._tasks = tasks
        self._markers = markers
        self._company = company
        self._gap_timer: asyncio.TimerHandle | None = None
        self.on_departure: Callable[[Id], None] = lambda account: None
        self.draining = False
        self.slow_consumers = 0
        self.counters = SocketCounters()

    # A session's life -------------------------------------------------------

    def connect(self, port: SocketPort, *, binary: bool, bearer: str | None) -> Session:
        """A socket was accepted: its client has 5 s to say hello."""
        session = Session(str(uuid4()), port, binary=binary, errors=self.counters.errors)
        self.counters.opened += 1
        self.sessions[session.id] = session
        port.on_message = lambda data, is_binary: self._receive(session, data, is_binary, bearer)
        port.on_part = lambda: self._heard_part(session)
        port.on_gone = lambda: self.leave(session)
        session.hello_timer = asyncio.get_running_loop().call_later(
            HELLO_SECONDS, self.close, session, CloseCode.NOT_AUTHENTICATED, "no hello within 5 s"
        )
        return session

    def close(self, session: Session, code: CloseCode, reason: str) -> None:
        """End a session from our side."""
        session.port.close(code, reason)
        self.leave(session, code, reason)

    def leave(self, session: Session, code: int | None = None, reason: str = "client") -> None:
        """The socket is gone or going: nothing is written to it any more. Its pending commands run to their end."""
        if session.state is State.CLOSED:
            return
        self.counters.closed["client" if code is None else str(int(code))] += 1
        if session.state is not State.GREETING:
            account = session.account or None
            log.info("socket.closed", session=session.id, account=account, code=code, reason=reason)
        session.step(Event.CLOSE)
        session.port.on_message = session.port.on_part = session.port.on_gone = None
        session.seen.clear()
        session.pipelined.clear()
        self.sessions.pop(session.id, None)
        self._company.left(session)
        if session.hello_timer is not None:
            session.hello_timer.cancel()
        if session.account and self.hub.detach(session.account, session):
            self.on_departure(session.account)

    # What clients say -------------------------------------------------------

    def _receive(self, session: Session, data: bytes, is_binary: bool, bearer: str | None) -> None:
        if session.state is State.CLOSED:
            return
        self.counters.frames += 1
        if session.state is State.OPENING:
            # Pipelined behind hello: kept, in order, until ready is out; the transport stops reading meanwhile.
            session.port.hold_reading(True)
            if len(session.pipelined) >= PIPELINED_FRAMES:
                self.close(session, CloseCode.RATE, "too much before ready")
                return
            session.pipelined.append(data if is_binary == session.binary else b"")
            return
        if not self._taken(session):
            return
        if is_binary != session.binary:
            self._refuse(session, BadFrame("bad_frame", "The frame is not of the encoding that was agreed."))
            return
        try:
            frame = frames.decode(data, binary=session.binary)
        except BadFrame as fault:
            self._refuse(session, fault)
            return
        if session.state is State.GREETING:
            self._greet(session, frame, bearer)
        elif isinstance(frame, Wish):
            self._wish(session, frame)
        elif isinstance(frame, Read):
            self._markers.wish(session.account, canonical(frame.conversation), read=frame.seq)
        elif isinstance(frame, Delivered):
            self._markers.wish(session.account, canonical(frame.conversation), delivered=frame.seq)
        elif isinstance(frame, Ephemeron):
            self._company.said(session, frame)
        elif isinstance(frame, Ping):
            self._ping(session, frame)
        elif isinstance(frame, Sync):
            self._sync(session, frame)
        else:
            session.error("bad_frame", "Hello is said once.")

    def _heard_part(self, session: Session) -> None:
        """A ping, a pong or a fragment: it says nothing yet, but it is a frame, and a pong is written for a ping."""
        if session.state is not State.CLOSED:
            self._taken(session)

    def _taken(self, session: Session) -> bool:
        """Is there room for one more frame of this client? If not, it is cut: who talks on and does not listen, too."""
        if not self._paced(session):
            self.close(session, CloseCode.RATE, "too many frames")
            return False
        if session.deaf():
            self._cut(session)
            return False
        return True

    def _paced(self, session: Session) -> bool:
        """GCRA over all frames of a socket: 100 a second, 400 at once (off where commands are not limited either)."""
        if not self._ratelimit.rate:
            return True
        now = time.monotonic()
        due = max(session.frames_due, now)
        if due - now > FRAMES_BURST_SECONDS:
            return False
        session.frames_due = due + 1 / FRAMES_PER_SECOND
        return True

    def _refuse(self, session: Session, fault: BadFrame) -> None:
        session.error(fault.code, str(fault), id=fault.id, field=fault.field)
        if fault.code == "bad_frame":
            self.close(session, CloseCode.BAD_FRAME, "bad frame")
        elif fault.code == "too_large":
            self.close(session, CloseCode.TOO_LARGE, "frame over its limits")
        elif session.state is State.GREETING:
            self.close(session, CloseCode.NOT_AUTHENTICATED, "hello comes first")

    def _greet(self, session: Session, frame: frames.ClientFrame, bearer: str | None) -> None:
        if not isinstance(frame, Hello):
            session.error("bad_frame", "Hello comes first.", id=getattr(frame, "id", None))
            self.close(session, CloseCode.NOT_AUTHENTICATED, "hello comes first")
            return
        session.hello_timer.cancel()
        session.step(Event.HELLO)
        self._tasks.spawn(self._open(session, frame, frame.token or bearer))

    async def _open(self, session: Session, hello: Hello, token: str | None) -> None:
        refusal = await self._opening.open(session, hello, token)
        if refusal is not None:
            self.close(session, *refusal)
            return
        if session.state is not State.LIVE:
            return
        log.info("socket.opened", session=session.id, account=session.account, client=hello.client)
        pipelined, session.pipelined = session.pipelined, []
        session.port.hold_reading(False)
        for data in pipelined:
            self._receive(session, data, session.binary, None)

    def _wish(self, session: Session, frame: Wish) -> None:
        id = canonical(frame.id)
        try:
            act = act_of(frame)
        except BadFrame as fault:
            self._refuse(session, fault)
            return
        if wait := self._ratelimit.admit(session.account, time.monotonic()):
            session.error("rate_limited", MESSAGES["rate_limited"], id=id, retry_after=round(wait, 3))
            return
        conversation = canonical(frame.conversation)

        def answer(outcome: Outcome) -> None:
            self._answer(session, conversation, id, outcome)

        if self._switch.is_on(session.account, session.role):
            self._commands.enqueue((session.id, conversation), conversation, session.account, id, act, answer)
        else:
            self._tasks.spawn(self._look_up(session, conversation, id, act, answer))

    async def _look_up(self, session: Session, conversation: Id, id: Id, act: Act, answer: Answer) -> None:
        answer(await self._refusal.outcome(conversation, session.account, id, act))

    def _answer(self, session: Session, conversation: Id, id: Id, outcome: Outcome) -> None:
        if session.state is State.CLOSED:
            return
        if outcome.code:
            message = MESSAGES[outcome.code]
            session.error(outcome.code, message, id=id, field=outcome.field, retry_after=outcome.retry_after)
        else:
            session.say({"type": "ack", "id": id, "conversation": conversation, "seq": outcome.seq, "at": outcome.at})

    def _ping(self, session: Session, frame: Ping) -> None:
        behind: dict[Id, int] = {}
        unknown: dict[Id, int] = {}
        now = time.monotonic()
        for conversation, cursor in frame.heads.items():
            id = canonical(conversation)
            known = self.hub.behind(id, cursor, now, session.account)
            if known is None:
                unknown[id] = cursor
            elif known:
                behind[id] = cursor
        if behind or unknown:
            self._one_of_few(session, self._replay.after_ping(session, behind, unknown))
        else:
            session.say({"type": "pong", "time": event_log.now()})

    def _sync(self, session: Session, frame: Sync) -> None:
        self._one_of_few(session, self._replay.sync(session, canonical(frame.conversation), frame.after, frame.limit))

    def _one_of_few(self, session: Session, work: Coroutine[Any, Any, None]) -> None:
        """Reads for one session are bounded: what is asked beyond that is refused for now."""
        if session.syncs >= SYNCS_AT_ONCE:
            work.close()
            session.error("rate_limited", MESSAGES["rate_limited"], retry_after=1.0)
            return
        session.syncs += 1

        async def counted() -> None:
            try:
                await work
            finally:
                session.syncs -= 1

        self._tasks.spawn(counted())

    # What clients hear ------------------------------------------------------

    def deliver(self, delivery: Delivery) -> None:
        """Events from fanout."""
        forward = self.hub.delivered(delivery, time.monotonic())
        if forward is not None:
            self.forward(forward)
        self._watch_gaps()

    def headed(self, items: tuple[HeadOf, ...]) -> None:
        """Heads from fanout."""
        now = time.monotonic()
        for item in items:
            self.hub.headed(item, now)
        self._watch_gaps()

    def forward(self, forward: Forward) -> None:
        """Write events to every session that they are for: built once, the same bytes to each."""
        prepared = Prepared(forward.conversation, forward.events)
        sessions = self.hub.sessions
        slow: list[Session] = []
        reached = 0
        for account in forward.recipients:
            of_account = sessions.get(account)
            if of_account is not None:
                reached += len(of_account)
                slow += [session for session in of_account if not session.hear(prepared)]
        self.counters.forwarded(forward.events, reached)
        for event in forward.events:
            if event.kind == "member_left" and event.account in sessions and event.account not in forward.recipients:
                self._part(forward.conversation, Prepared(forward.conversation, [event]), sessions[event.account])
        for session in slow:
            self._cut(session)

    def _part(self, conversation: Id, last: Prepared, removed: set[Session]) -> None:
        """The last that a removed member hears of a conversation: its own member_left, then resync."""
        for session in removed:
            session.hear(last)
            if session.state is State.LIVE and conversation not in session.seen:
                session.say({"type": "resync", "conversation": conversation, "reason": "not_member"})

    def _cut(self, session: Session) -> None:
        self.slow_consumers += 1
        log.warning("socket.slow", session=session.id, backlog_bytes=session.port.backlog())
        self.close(session, CloseCode.SLOW_CONSUMER, "slow consumer")

    def _watch_gaps(self) -> None:
        if self.hub.gaps and self._gap_timer is None:
            self._gap_timer = asyncio.get_running_loop().call_later(0.055, self._repair)

    def _repair(self) -> None:
        self._gap_timer = None
        for repair in self.hub.repairs(time.monotonic()):
            self._tasks.spawn(self._replay.repair(repair, self.forward))
        self._watch_gaps()

    def overrun(self) -> None:
        """The broker dropped what it held for us: compare the heads of everything with the log."""
        log.warning("edge.overrun", streams=len(self.hub.streams))
        self.compare()

    def compare(self) -> None:
        """Compare the heads of every stream with the log, and repair what is behind."""
        self._tasks.spawn(self._replay.compare_all(self.headed))

    # Time, revocation, epochs, the end --------------------------------------

    def tick(self, now: float, wall: float) -> None:
        """Once a second: cut those who do not read, and those whose token ran out."""
        for session in list(self.sessions.values()):
            if session.state is State.GREETING:
                continue
            if session.stalled(now):
                self._cut(session)
            elif session.expires_at and session.expires_at <= wall:
                self.close(session, CloseCode.NOT_AUTHENTICATED, "token expired")

    def revoke(self, jtis: frozenset[str], accounts: frozenset[Id]) -> None:
        """Sessions that were revoked and accounts that were suspended lose their sockets."""
        for session in list(self.sessions.values()):
            if session.jti in jtis or session.account in accounts:
                self.close(session, CloseCode.NOT_AUTHENTICATED, "session revoked")

    def new_epoch(self, epoch: str) -> None:
        """The database was restored or promoted: no cursor counts any more."""
        log.warning("edge.epoch", epoch=epoch)
        self.hub.reset()
        for session in self.sessions.values():
            if session.state is State.LIVE:
                session.say({"type": "resync", "reason": "epoch", "epoch": epoch})

    async def drain(self, seconds: float) -> None:
        """Say bye to everyone, let the pending commands be answered, then close."""
        self.draining = True
        spread = min(30.0, 0.5 + len(self.sessions) / 500)
        for session in list(self.sessions.values()):
            if session.state is State.LIVE:
                after = round(random.uniform(0.5, 0.5 + spread), 3)  # noqa: S311 - jitter, not a secret
                session.say({"type": "bye", "reason": "draining", "reconnect_after": after})
        deadline = time.monotonic() + seconds
        while self._commands.pending and time.monotonic() < deadline:  # noqa: ASYNC110 - a bounded wait for a number
            await asyncio.sleep(0.02)
        for session in list(self.sessions.values()):
            self.close(session, CloseCode.DRAINING, "draining")

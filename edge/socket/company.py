"""Typing and presence on sockets: what clients say of themselves, what they see of others. Nothing of it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from broker.wire.payloads import Away, Id, Presence, Typed, Typing, Watch
from edge.codes import MESSAGES
from edge.socket import frames
from edge.socket.frames import Ephemeron, canonical
from edge.socket.hub import Hub
from edge.socket.session import Session, tell
from edge.socket.watches import Watches

TYPING_AGAIN_SECONDS = 2.0
"""Who goes on typing is told of once in this time."""
TYPING_CONVERSATIONS = 20
LOOKS_PER_SECOND = 2.0
LOOKS_BURST = 20
AWAY_ACCOUNTS = 20_000
AWAY_AGAIN_SECONDS = 20.0


class Company:
    """`to_owner` sends to the fanout worker that owns a conversation, `to_all` to every one; both are hints."""

    def __init__(
        self,
        hub: Hub[Session],
        to_owner: Callable[[Id, Typed | Watch], None],
        to_all: Callable[[Away], None],
    ) -> None:
        self._hub = hub
        self._to_owner = to_owner
        self._to_all = to_all
        self._watches: Watches[Session] = Watches()
        self._away: set[Session] = set()
        self._away_told: frozenset[Id] = frozenset()
        self._away_said = float("-inf")

    # What clients say -------------------------------------------------------

    def said(self, session: Session, frame: Ephemeron) -> None:
        """One of the frames that are passed on and forgotten."""
        if isinstance(frame, frames.Typing):
            self._typing(session, canonical(frame.conversation), frame.on)
        elif isinstance(frame, frames.Watch):
            conversation = canonical(frame.conversation)
            wait = _look(session)
            if wait == 0.0 and self._watches.watch(session, session.account, conversation):
                self._say_watch(conversation, session.account)
            else:
                # Too many at a time need no time to pass but an `unwatch`: then there is no wait to tell.
                retry_after = round(wait, 3) or None
                session.error("rate_limited", MESSAGES["rate_limited"], field="conversation", retry_after=retry_after)
        elif isinstance(frame, frames.Unwatch):
            conversation = canonical(frame.conversation)
            self._watches.unwatch(session, conversation)
            if _look(session) == 0.0:
                # Else its lease ends by itself; nothing of it is written to this session any more either way.
                self._say_watch(conversation)
        elif frame.state == "away":
            self._away.add(session)
        else:
            self._away.discard(session)

    def left(self, session: Session) -> None:
        """The session is gone."""
        self._away.discard(session)
        for conversation in self._watches.left(session):
            self._say_watch(conversation)

    def _typing(self, session: Session, conversation: Id, on: bool) -> None:
        """Pass it on: a beginning at most every 2 s, an end once behind it. A session types in a few conversations."""
        now = time.monotonic()
        began, typing = session.typing.get(conversation, (float("-inf"), False))
        if (on and now - began < TYPING_AGAIN_SECONDS) or (not on and not typing):
            return
        if conversation not in session.typing and len(session.typing) >= TYPING_CONVERSATIONS:
            del session.typing[min(session.typing, key=session.typing.__getitem__)]
        session.typing[conversation] = (now if on else began, on)
        self._to_owner(conversation, Typed(conversation, session.account, on))

    def _say_watch(self, conversation: Id, *fresh: Id) -> None:
        self._to_owner(conversation, Watch(conversation, self._watches.accounts(conversation), fresh))
        self._watches.said(conversation, time.monotonic())

    # What they hear ---------------------------------------------------------

    def typing(self, typing: Typing) -> None:
        """Somebody types: told to the recipients' sockets."""
        frame = {
            "type": "typing",
            "conversation": typing.conversation,
            "account": typing.account,
            "on": typing.on,
        }
        tell([frame], (session for account in typing.recipients for session in self._hub.sessions.get(account, ())))

    def presence(self, presence: Presence) -> None:
        """How members are: told to those who look, and may."""
        granted = set(presence.watchers)
        watching = [one for one, account in self._watches.sessions(presence.conversation) if account in granted]
        if not watching:
            return
        told = [
            {"type": "presence", "account": item.account, "state": item.state, "last_seen": item.last_seen}
            for item in presence.items
        ]
        tell(told, watching)

    # Time -------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Once a second: say again what fanout forgets, and who is away."""
        for conversation in self._watches.due(now):
            self._say_watch(conversation)
        away = frozenset(self._all_away())
        if away != self._away_told or now - self._away_said >= AWAY_AGAIN_SECONDS:
            self._away_told, self._away_said = away, now
            self._to_all(Away(tuple(sorted(away))[:AWAY_ACCOUNTS]))

    def roster_changed(self) -> None:
        """Fanout workers came or went: they know nothing of this edge."""
        self._watches.doubt()
        self._away_said = float("-inf")

    def _all_away(self) -> Iterable[Id]:
        for session in self._away:
            if all(other in self._away for other in self._hub.sessions.get(session.account, ())):
                yield session.account


def _look(session: Session) -> float:
    """GCRA over what a session looks at and away from: twice a second, 20 times at a stroke. 0, or how long to wait."""
    now = time.monotonic()
    due = max(session.looks_due, now)
    early = due - now - LOOKS_BURST / LOOKS_PER_SECOND
    if early > 0:
        return early
    session.looks_due = due + 1 / LOOKS_PER_SECOND
    return 0.0

"""What sessions of this edge look at. Pure: who watches what, and when it must be said again."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from broker.wire.payloads import Id

S = TypeVar("S", bound=Hashable)

WATCHES_A_SESSION = 20
RENEW_SECONDS = 20.0


class Watches(Generic[S]):
    """Sessions by conversation and conversations by session."""

    def __init__(self) -> None:
        self._by_conversation: dict[Id, dict[S, Id]] = {}
        self._by_session: dict[S, set[Id]] = {}
        self._said: dict[Id, float] = {}

    def watch(self, session: S, account: Id, conversation: Id) -> bool:
        """The session looks at it; false when it looks at too many."""
        mine = self._by_session.setdefault(session, set())
        if conversation not in mine and len(mine) >= WATCHES_A_SESSION:
            return False
        mine.add(conversation)
        self._by_conversation.setdefault(conversation, {})[session] = account
        self._said.pop(conversation, None)
        return True

    def unwatch(self, session: S, conversation: Id) -> None:
        """The session looks at it no longer."""
        mine = self._by_session.get(session)
        if mine is None or conversation not in mine:
            return
        mine.discard(conversation)
        if not mine:
            del self._by_session[session]
        sessions = self._by_conversation[conversation]
        del sessions[session]
        if not sessions:
            del self._by_conversation[conversation]
        self._said.pop(conversation, None)

    def left(self, session: S) -> list[Id]:
        """The session is gone; what it looked at."""
        conversations = list(self._by_session.get(session, ()))
        for conversation in conversations:
            self.unwatch(session, conversation)
        return conversations

    def accounts(self, conversation: Id) -> tuple[Id, ...]:
        """Who looks at it here."""
        return tuple(sorted(set(self._by_conversation.get(conversation, {}).values())))

    def sessions(self, conversation: Id) -> Iterator[tuple[S, Id]]:
        """The sessions that look at it, each with its account."""
        yield from tuple(self._by_conversation.get(conversation, {}).items())

    def said(self, conversation: Id, now: float) -> None:
        """Fanout was told."""
        if conversation in self._by_conversation:
            self._said[conversation] = now

    def due(self, now: float) -> list[Id]:
        """What fanout must be told, for the first time or again."""
        return [id for id in self._by_conversation if now - self._said.get(id, float("-inf")) >= RENEW_SECONDS]

    def doubt(self) -> None:
        """Workers came or went: all of it is due."""
        self._said.clear()

"""Which conversations changed lately: what every edge is told each second, so that a lost delivery is noticed. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from broker.wire.payloads import Id

RECENT_SECONDS = 5.0
AFTER_CHANGE_SECONDS = 60.0


class RecentHeads:
    """Conversations by the time of their last change, oldest first.

    After a change of the roster deliveries may have gone astray for longer than a frame lives, so for a minute the
    heads of the last minute are told instead of those of the last five seconds.
    """

    def __init__(self) -> None:
        self._changed: OrderedDict[Id, float] = OrderedDict()
        self._roster_changed = float("-inf")

    def __len__(self) -> int:
        return len(self._changed)

    def changed(self, conversation: Id, now: float) -> None:
        """An event of the conversation was forwarded, or its head was learned."""
        self._changed[conversation] = now
        self._changed.move_to_end(conversation)

    def roster_changed(self, now: float) -> None:
        self._roster_changed = now

    def recent(self, now: float) -> list[Id]:
        """The conversations to tell of; what is older than a minute is forgotten."""
        while self._changed:
            conversation, at = next(iter(self._changed.items()))
            if now - at <= AFTER_CHANGE_SECONDS:
                break
            del self._changed[conversation]
        unsettled = now - self._roster_changed <= AFTER_CHANGE_SECONDS
        window = AFTER_CHANGE_SECONDS if unsettled else RECENT_SECONDS
        recent = []
        for conversation, at in reversed(self._changed.items()):
            if now - at > window:
                break
            recent.append(conversation)
        return recent


class RecentCommits:
    """The heads that the feed told of in the last minute, of all conversations: what a worker must look at when the
    roster changes, since frames for its new keys may have gone to a worker that is no more."""

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        self._heads: OrderedDict[Id, tuple[int, float]] = OrderedDict()

    def told(self, heads: Iterable[tuple[Id, int]], now: float) -> None:
        """The feed named these."""
        for conversation, head in heads:
            known = self._heads.pop(conversation, (0, now))
            self._heads[conversation] = (max(head, known[0]), now)
        while self._heads:
            _, at = next(iter(self._heads.values()))
            if now - at <= AFTER_CHANGE_SECONDS and len(self._heads) <= self._limit:
                break
            self._heads.popitem(last=False)

    def all(self) -> list[tuple[Id, int]]:
        """Conversations and heads."""
        return [(conversation, head) for conversation, (head, _) in self._heads.items()]

"""Who of a watched conversation is there. Pure: whereabouts, watches and the time in, what to tell out.

It is never promised and never stored: what is told may be lost, so everything is told anew within a minute. And it
never storms: what changes is gathered for a second, who is gone is called offline only after a while (a reconnect is
no news), and one conversation's news of one second is bounded; the rest waits its turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.wire.payloads import Id, PresenceOf, Watch

LEASE_SECONDS = 60.0
"""A watch that is not renewed ends."""
GRACE_SECONDS = 8.0
"""Who is gone for less was never gone."""
ANEW_SECONDS = 40.0
NEWS_A_SECOND = 50
SNAPSHOT_MEMBERS = 100
WATCHED = 20_000
SEEN = 100_000


class Tell(NamedTuple):
    """Tell this edge, for those of its watchers who are members."""

    edge: str
    conversation: Id
    watchers: tuple[Id, ...]
    items: tuple[PresenceOf, ...]


@dataclass(slots=True)
class _Lease:
    accounts: tuple[Id, ...]
    until: float
    told_all: float


@dataclass(slots=True)
class _Watched:
    members: frozenset[Id]
    leases: dict[str, _Lease] = field(default_factory=dict)
    told: dict[Id, str] = field(default_factory=dict)


class Presences:
    """`where` says "online", "away" or None of an account now; `sure` whether None means that it is gone."""

    def __init__(self, where: Callable[[Id], str | None], sure: Callable[[], bool], clock: Callable[[], str]) -> None:
        """`clock` gives the time of day as the protocol writes it, for `last_seen`."""
        self._where = where
        self._sure = sure
        self._clock = clock
        self._watched: dict[Id, _Watched] = {}
        self._gone_since: dict[Id, float] = {}
        self._seen: OrderedDict[Id, tuple[float, str]] = OrderedDict()
        """When an account was last known to be there; and, once it is gone, that time as the protocol writes it."""

    def __len__(self) -> int:
        return len(self._watched)

    def watch(self, watch: Watch, edge: str, members: frozenset[Id], now: float) -> list[Tell]:
        """Accounts look at a conversation through that edge; what the fresh ones see. Strangers see nothing."""
        conversation = watch.conversation
        granted = tuple(account for account in watch.accounts if account in members)
        watched = self._watched.get(conversation)
        if not granted:
            if watched is not None and watched.leases.pop(edge, None) is not None and not watched.leases:
                del self._watched[conversation]
            return []
        if watched is None:
            if len(self._watched) >= WATCHED:
                return []
            watched = self._watched[conversation] = _Watched(members)
            watched.told = {account: self._state(account, now) for account in members}
        watched.members = members
        lease = watched.leases.get(edge)
        if lease is None:
            watched.leases[edge] = _Lease(granted, now + LEASE_SECONDS, now)
        else:
            lease.accounts, lease.until = granted, now + LEASE_SECONDS
        fresh = tuple(account for account in watch.fresh if account in members)
        return [Tell(edge, conversation, fresh, self._everybody(watched, now))] if fresh else []

    def forget(self, keep: Callable[[Id], bool], edges: frozenset[str]) -> None:
        """The roster changed: conversations that others own now, and edges that are gone, are no business of ours."""
        for conversation in list(self._watched):
            watched = self._watched[conversation]
            watched.leases = {edge: lease for edge, lease in watched.leases.items() if edge in edges}
            if not watched.leases or not keep(conversation):
                del self._watched[conversation]

    def tick(self, now: float, members: Callable[[Id], frozenset[Id] | None]) -> Iterator[Tell]:
        """Asked every second: the news, and everything anew now and then. `members` are those known now, if any."""
        for conversation in list(self._watched):
            watched = self._watched[conversation]
            watched.leases = {edge: lease for edge, lease in watched.leases.items() if lease.until > now}
            if not watched.leases:
                del self._watched[conversation]
                continue
            watched.members = members(conversation) or watched.members
            news = self._news(watched, now)
            for edge, lease in watched.leases.items():
                granted = tuple(account for account in lease.accounts if account in watched.members)
                if granted != lease.accounts:
                    lease.accounts = granted
                if not granted:
                    continue
                if news:
                    yield Tell(edge, conversation, granted, news)
                if now - lease.told_all >= ANEW_SECONDS:
                    lease.told_all = now
                    yield Tell(edge, conversation, granted, self._everybody(watched, now))

    def _news(self, watched: _Watched, now: float) -> tuple[PresenceOf, ...]:
        found: list[PresenceOf] = []
        for account in watched.members:
            state = self._state(account, now)
            if state != watched.told.get(account, "offline"):
                watched.told[account] = state
                found.append(self._of(account, state))
                if len(found) >= NEWS_A_SECOND:
                    break
        return tuple(found)

    def _everybody(self, watched: _Watched, now: float) -> tuple[PresenceOf, ...]:
        """All members as they are now, those who are there first; of a large conversation not all.

        Nobody is called offline while an edge has not said who is there.
        """
        states = {account: self._state(account, now) for account in watched.members}
        if not self._sure():
            states = {account: state for account, state in states.items() if state != "offline"}
        order = sorted(states, key=lambda account: (states[account] == "offline", account))[:SNAPSHOT_MEMBERS]
        return tuple(self._of(account, states[account]) for account in order)

    def _state(self, account: Id, now: float) -> str:
        state = self._where(account)
        if state is not None:
            self._gone_since.pop(account, None)
            self._seen[account] = (now, "")
            self._seen.move_to_end(account)
            if len(self._seen) > SEEN:
                self._gone_since.pop(self._seen.popitem(last=False)[0], None)
            return state
        seen = self._seen.get(account)
        if seen is None:
            return "offline"
        at, last_seen = seen
        if not last_seen:
            if now - at > GRACE_SECONDS and self._sure():
                # It went while nobody looked: when, is not known.
                del self._seen[account]
                return "offline"
            self._seen[account] = (at, self._clock())
            self._gone_since[account] = now
        since = self._gone_since.get(account)
        if since is not None and (now - since < GRACE_SECONDS or not self._sure()):
            return "online"
        self._gone_since.pop(account, None)
        return "offline"

    def _of(self, account: Id, state: str) -> PresenceOf:
        _, last_seen = self._seen.get(account, (0.0, ""))
        return PresenceOf(account, state, last_seen or None if state == "offline" else None)

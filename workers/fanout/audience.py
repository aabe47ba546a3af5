"""Where accounts are connected, as the edges tell it. Pure.

Each edge numbers what it tells: a snapshot, then deltas by one. A number that does not follow makes the edge unknown
until a whole snapshot came, and an unknown edge is sent everything: too much is harmless, too little is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from broker.wire.payloads import Audience, AudienceSeen, AudienceWanted, Id

REMEMBERED = 1_000
"""Edges whose last number is kept, those included that are gone: they may come back, and so may what they said."""


class Audiences:
    """Accounts by edge and edges by account. `version` changes whenever any answer of `by_edge` might."""

    def __init__(self) -> None:
        self.version = 0
        self._heard: dict[str, int] = {}
        self._accounts: dict[str, set[Id]] = {}
        self._where: dict[Id, list[str]] = {}
        self._unknown: set[str] = set()
        self._away: dict[str, frozenset[Id]] = {}

    def edges(self, alive: Iterable[str]) -> list[str]:
        """The edges that are alive now: the gone are forgotten. Returns the new ones, of whom nothing is known yet."""
        nodes = set(alive)
        for gone in (self._accounts.keys() | self._unknown) - nodes:
            self._forget(gone)
            self._away.pop(gone, None)
            self._unknown.discard(gone)
            self.version += 1
        if len(self._heard) > REMEMBERED:
            self._heard = {edge: number for edge, number in self._heard.items() if edge in nodes}
        new = sorted(nodes - self._accounts.keys() - self._unknown)
        if new:
            self._unknown.update(new)
            self.version += 1
        return new

    def count(self) -> tuple[int, int, int]:
        """Edges that are known, edges that are not, and accounts that are connected somewhere; for metrics."""
        return len(self._accounts.keys() - self._unknown), len(self._unknown), len(self._where)

    def told(self, edge: str, told: Audience) -> AudienceSeen | AudienceWanted:
        """An edge speaks; the answer to send it. What was doubled or overtaken changes nothing, a snapshot neither."""
        heard = self._heard.get(edge, 0)
        if told.number <= heard:
            return AudienceSeen(heard) if edge in self._accounts else AudienceWanted()
        self._heard[edge] = told.number
        if told.snapshot:
            self._forget(edge)
            self._accounts[edge] = set()
        elif edge not in self._accounts:
            return AudienceWanted()
        elif told.number != heard + 1:
            self._forget(edge)
            self._unknown.add(edge)
            self.version += 1
            return AudienceWanted()
        self._apply(edge, told)
        if told.more:
            self._unknown.add(edge)
        else:
            self._unknown.discard(edge)
        if told.snapshot or told.add or told.remove:
            self.version += 1
        return AudienceSeen(told.number)

    def _apply(self, edge: str, told: Audience) -> None:
        accounts = self._accounts[edge]
        for account in told.add:
            if account not in accounts:
                accounts.add(account)
                self._where.setdefault(account, []).append(edge)
        for account in told.remove:
            if account in accounts:
                accounts.discard(account)
                self._leave(account, edge)

    def _leave(self, account: Id, edge: str) -> None:
        where = self._where[account]
        where.remove(edge)
        if not where:
            del self._where[account]

    def _forget(self, edge: str) -> None:
        for account in self._accounts.pop(edge, ()):
            self._leave(account, edge)

    def away(self, edge: str, accounts: Iterable[Id]) -> None:
        """All accounts of whom that edge says that they are away there."""
        if edge in self._accounts or edge in self._unknown:
            self._away[edge] = frozenset(accounts)

    def state_of(self, account: Id) -> str | None:
        """The best of its states at all edges: "online", "away"; None where no edge has it."""
        where = self._where.get(account)
        if not where:
            return None
        return "online" if any(account not in self._away.get(edge, ()) for edge in where) else "away"

    @property
    def settled(self) -> bool:
        """Has every edge said who is there?"""
        return not self._unknown

    def by_edge(self, accounts: Collection[Id]) -> dict[str, tuple[Id, ...]]:
        """Which of `accounts` are to be reached through which edge; an unknown edge gets them all."""
        found: dict[str, list[Id]] = {}
        where = self._where
        for account in accounts:
            for edge in where.get(account, ()):
                found.setdefault(edge, []).append(account)
        by_edge = {edge: tuple(here) for edge, here in found.items()}
        if self._unknown:
            everyone = tuple(accounts)
            by_edge.update((edge, everyone) for edge in self._unknown)
        return by_edge

"""Who owns a key: rendezvous hashing (Thaler and Ravishankar, 1998).

Every node gets a score for the key, the highest owns it. When a node goes, only its own keys move; when one comes,
only the keys that it wins. No table, no coordination: whoever sees the same nodes names the same owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

CACHED_KEYS = 100_000


def score(key: str, node: str) -> bytes:
    """The weight of `node` for `key`; the same on every machine and in every release."""
    return blake2b(key.encode(), digest_size=8, key=node.encode()[:64]).digest()


def owner(key: str, nodes: Iterable[str]) -> str | None:
    """The node with the highest score, None if there is none."""
    return max(nodes, key=lambda node: (score(key, node), node), default=None)


class Shards:
    """The owners of keys among a set of nodes, remembered until the set changes."""

    def __init__(self) -> None:
        self.nodes: frozenset[str] = frozenset()
        self._owners: dict[str, str | None] = {}

    def change(self, nodes: Iterable[str]) -> None:
        """These are the nodes now."""
        nodes = frozenset(nodes)
        if nodes != self.nodes:
            self.nodes = nodes
            self._owners.clear()

    def owner(self, key: str) -> str | None:
        """The node that owns `key` now."""
        try:
            return self._owners[key]
        except KeyError:
            if len(self._owners) >= CACHED_KEYS:
                self._owners.clear()
            found = self._owners[key] = owner(key, self.nodes)
            return found

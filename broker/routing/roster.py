"""Who is alive. Pure: what was heard and the time go in, changes come out.

A node that was not heard for 1.5 s is suspect: others are preferred, nothing is lost. After 3 s it is gone, and if it
speaks again it must introduce itself anew. One that said hello is suspect until it has answered our welcome: who says
hello again and again does not hear us, and by another broker it may be reached. (Paranoid Pirate of the ZeroMQ guide;
not a failure detector's proof, which nobody has: two brokers may disagree, and the log does not care.)
"""

from __future__ import annotations

from dataclasses import dataclass

SUSPECT_SECONDS = 1.5
GONE_SECONDS = 3.0
STALL_SECONDS = 1.0


@dataclass(slots=True)
class Node:
    """A live peer, as the roster tells it to others. `role` is "" when it is leaving: it owns no key any more."""

    name: str
    role: str
    heard: float
    suspect: bool = False


class Roster:
    """Nodes by name. `version` rises with every change that others should hear of."""

    def __init__(self, suspect_seconds: float = SUSPECT_SECONDS, gone_seconds: float = GONE_SECONDS) -> None:
        self.version = 1
        self.nodes: dict[str, Node] = {}
        self._suspect_seconds = suspect_seconds
        self._gone_seconds = gone_seconds
        self._looked = float("-inf")

    def introduce(self, name: str, role: str, now: float) -> None:
        """A node said hello; it is suspect until it is `heard`."""
        self.nodes[name] = Node(name, role, now, suspect=True)
        self.version += 1

    def greeted(self, name: str, now: float) -> None:
        """A node said hello once more: it is there, and has not heard us yet."""
        node = self.nodes.get(name)
        if node is not None:
            node.heard = now

    def heard(self, name: str, now: float) -> None:
        """A node spoke to us, not at us; a suspect one is trusted (again)."""
        node = self.nodes.get(name)
        if node is not None:
            node.heard = now
            if node.suspect:
                node.suspect = False
                self.version += 1

    def retire(self, name: str) -> bool:
        """A node gives up its role: it is there, to be answered and to answer, and nothing more is given to it."""
        node = self.nodes.get(name)
        if node is None or not node.role:
            return False
        node.role = ""
        self.version += 1
        return True

    def leave(self, name: str) -> bool:
        """A node said goodbye."""
        if self.nodes.pop(name, None) is None:
            return False
        self.version += 1
        return True

    def look(self, now: float) -> tuple[list[str], list[str]]:
        """The nodes that became suspect, and those that are gone, since the last look.

        When we ourselves were stopped, everybody seems silent: then nobody is judged, and all get their time anew.
        """
        stalled = now - self._looked > STALL_SECONDS and self._looked > float("-inf")
        self._looked = now
        suspected: list[str] = []
        gone: list[str] = []
        for node in list(self.nodes.values()):
            if stalled:
                node.heard = now
            silent = now - node.heard
            if silent >= self._gone_seconds:
                del self.nodes[node.name]
                gone.append(node.name)
            elif silent >= self._suspect_seconds and not node.suspect:
                node.suspect = True
                suspected.append(node.name)
        if suspected or gone:
            self.version += 1
        return suspected, gone

    def of_role(self, role: str) -> list[str]:
        """The nodes of a role to choose from: those not suspect, or, if there is no other, the suspect ones."""
        named = [node for node in self.nodes.values() if node.role == role]
        return [node.name for node in named if not node.suspect] or [node.name for node in named]

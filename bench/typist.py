"""When to say that one types, from looks at the line being typed. Pure."""

from __future__ import annotations

from bench.fold import Id

AGAIN_SECONDS = 3.0
"""Said again this often while the line changes; others forget it after 6 s."""
PAUSE_SECONDS = 5.0
"""A line that stays as it is for so long is not being typed any more."""


class Typist:
    """`look` returns what to say: (conversation, on) pairs, none while nothing changes."""

    def __init__(self) -> None:
        self._line = ""
        self._changed_at = float("-inf")
        self._said: tuple[Id, float] | None = None

    def look(self, conversation: Id | None, line: str, now: float) -> list[tuple[Id, bool]]:
        """The line as it stands, and the conversation that it would go to. Commands are nobody's business."""
        if line != self._line:
            self._line, self._changed_at = line, now
        secret = line.startswith("/") and not line.startswith(("//", "/reply ", "/edit "))
        types = bool(line) and not secret and now - self._changed_at < PAUSE_SECONDS
        say: list[tuple[Id, bool]] = []
        if self._said is not None and (not types or self._said[0] != conversation):
            say.append((self._said[0], False))
            self._said = None
        if types and conversation is not None and (self._said is None or now - self._said[1] >= AGAIN_SECONDS):
            say.append((conversation, True))
            self._said = (conversation, now)
        return say

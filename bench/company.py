"""Who else is there, and who types: what a client says and knows of it. Pure; nothing of it is kept."""

from __future__ import annotations

from typing import Any, TypeAlias

Id: TypeAlias = str
Frame: TypeAlias = dict[str, Any]

TYPING_SECONDS = 6.0
"""Who is not heard of again has ceased."""


class Company:
    """`present` is what was told of accounts in watched conversations: state, and when they were last seen."""

    def __init__(self) -> None:
        self.present: dict[Id, tuple[str, str | None]] = {}
        self._typing: dict[Id, dict[Id, float]] = {}
        self._watched: set[Id] = set()
        self._state = "online"
        self._say: list[Frame] = []

    # Said -------------------------------------------------------------------

    def watch(self, conversation: Id, on: bool) -> None:
        """It is on screen, or no longer."""
        (self._watched.add if on else self._watched.discard)(conversation)
        self._say.append({"type": "watch" if on else "unwatch", "conversation": conversation})

    def type(self, conversation: Id, on: bool) -> None:
        """One types, or ceases."""
        self._say.append({"type": "typing", "conversation": conversation, "on": on})

    def be(self, state: str) -> None:
        """Online or away."""
        self._state = state
        self._say.append({"type": "presence", "state": state})

    def disconnected(self) -> None:
        """The next connection knows nothing: say it all again, but not what is over."""
        self._say = [{"type": "watch", "conversation": conversation} for conversation in sorted(self._watched)]
        if self._state != "online":
            self._say.append({"type": "presence", "state": self._state})

    def due(self) -> list[Frame]:
        """Frames to send now."""
        frames, self._say = self._say, []
        return frames

    # Heard ------------------------------------------------------------------

    def typing(self, conversation: Id, account: Id, on: bool, now: float) -> None:
        """Somebody types, or ceased, or said what he typed."""
        typing = self._typing.setdefault(conversation, {})
        if on:
            typing[account] = now + TYPING_SECONDS
        else:
            typing.pop(account, None)

    def presence(self, account: Id, state: str, last_seen: str | None) -> None:
        """How somebody is."""
        self.present[account] = (state, last_seen)

    def typists(self, conversation: Id, now: float) -> set[Id]:
        """Who types there now."""
        return {account for account, until in self._typing.get(conversation, {}).items() if until > now}

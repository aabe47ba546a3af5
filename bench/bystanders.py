"""What is worth a line about the others in the conversation on screen. Pure.

Who begins to type, who comes and goes, who has seen what one said last: gathered until `lines` is asked, so that a
crowd that does the same makes one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.fold import Id
from bench.outbox import Frame

NAMES = 4
"""Of more than these the rest is a number."""
STATES = {"online": "online", "away": "away", "offline": "gone"}


class Bystanders:
    """Of one conversation at a time. `me` is no bystander."""

    def __init__(self, me: Id) -> None:
        self._me = me
        self._conversation: Id | None = None
        self._typing: set[Id] = set()
        self._states: dict[Id, str] = {}
        self._read: dict[Id, int] = {}
        self._said = 0
        self._news: dict[str, dict[Id, None]] = {}

    def open(self, conversation: Id) -> None:
        """Another conversation is on screen."""
        self._conversation = conversation
        self._typing, self._states, self._read, self._said, self._news = set(), {}, {}, 0, {}

    def shown(self, details: Mapping[str, Any]) -> bool:
        """The conversation as HTTP shows it: receipts that were missed. True when there is something to say."""
        for member in details["members"]:
            if member.get("read") is not None:
                self._receipt(member["account"], member["read"])
        return bool(self._news)

    def hears(self, frame: Frame) -> bool:
        """Something arrived. True when there is something to say."""
        match frame["type"]:
            case "presence":
                self._presence(frame["account"], frame["state"])
            case "typing" if frame["conversation"] == self._conversation:
                self._type(frame["account"], frame["on"])
            case "receipt" if frame["conversation"] == self._conversation:
                self._receipt(frame["account"], frame["read"])
            case "event" if frame["conversation"] == self._conversation:
                self.event(frame)
        return bool(self._news)

    def event(self, event: Frame) -> None:
        """Somebody who says something types no more; what one said oneself is to be seen by the others."""
        if event["kind"] != "message":
            return
        if event["actor"] != self._me:
            self._type(event["actor"], False)
        elif event["seq"] > self._said:
            self._said = event["seq"]
            self._news.pop("seen", None)
            for account, read in self._read.items():
                self._see(account, read)

    def lines(self, name: Callable[[Id], str]) -> list[str]:
        """What there is to say, and from now on was said."""
        news, self._news = self._news, {}
        return [self._line(topic, [name(one) for one in news[topic]]) for topic in sorted(news)]

    def _type(self, account: Id, on: bool) -> None:
        if on and account != self._me and account not in self._typing:
            self._typing.add(account)
            self._news.setdefault("typing", {})[account] = None
        elif not on:
            self._typing.discard(account)
            self._drop("typing", account)

    def _presence(self, account: Id, state: str) -> None:
        before = self._states.get(account, "offline")
        self._states[account] = state
        if account == self._me or state == before:
            return
        for other in STATES:
            self._drop(other, account)
        self._news.setdefault(state, {})[account] = None

    def _receipt(self, account: Id, read: int) -> None:
        before = self._read.get(account, 0)
        if account != self._me and read > before:
            self._read[account] = read
            if before < self._said:
                self._see(account, read)

    def _see(self, account: Id, read: int) -> None:
        if 0 < self._said <= read:
            self._news.setdefault("seen", {})[account] = None

    def _drop(self, topic: str, account: Id) -> None:
        self._news.get(topic, {}).pop(account, None)
        if not self._news.get(topic):
            self._news.pop(topic, None)

    def _line(self, topic: str, names: list[str]) -> str:
        who = ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} others" if len(names) > NAMES else "")
        if topic == "seen":
            return f"#{self._said} seen by {who}"
        return f"{who} {'is' if len(names) == 1 else 'are'} {STATES.get(topic, topic)}"

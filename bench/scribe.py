"""Puts a conversation on the terminal: who said what and when, in words."""

from __future__ import annotations

from datetime import datetime

from bench.fold import Event, Id
from bench.http import Json
from bench.terminal import Terminal, harmless


class Scribe:
    """Knows the names of people and conversations; the reader is `me`."""

    def __init__(self, terminal: Terminal, me: Id) -> None:
        self.terminal = terminal
        self.me = me
        self._names: dict[Id, str] = {me: "You"}
        self._subjects: dict[Id, str] = {}

    def learn(self, details: Json) -> None:
        """Remember a conversation's subject and, where given, its members."""
        self._subjects[details["id"]] = harmless(details["subject"])
        for member in details.get("members") or ():
            if isinstance(member, dict) and member["account"] != self.me:
                self._names[member["account"]] = harmless(member["name"])

    def knows(self, event: Event) -> bool:
        """Whether the event can be told without asking the server for names."""
        who = {event["actor"], event.get("account", event["actor"])}
        return who <= self._names.keys() and event["conversation"] in self._subjects

    def name(self, account: Id) -> str:
        """A person's name, as far as known."""
        return self._names.get(account, f"somebody ({account[:8]})")

    def subject(self, conversation: Id) -> str:
        """A conversation's subject, as far as known."""
        return self._subjects.get(conversation, "another conversation")

    def note(self, text: str) -> None:
        """Something that nobody said."""
        self.terminal.print(self.terminal.dim(f"— {text} —"))

    def queued(self, body: str) -> None:
        """One's own message that is not stored yet."""
        self.terminal.print(self.terminal.dim(f"      … queued: {body}"))

    def event(self, event: Event) -> None:
        """An event of the conversation on screen; kinds that say nothing to a reader are left out."""
        at = self.terminal.dim(datetime.fromisoformat(event["at"]).astimezone().strftime("%H:%M"))
        who = self.name(event["actor"])
        match event["kind"]:
            case "message":
                mark = self.terminal.dim(" ✓") if event["actor"] == self.me else ""
                name = self.terminal.colour(who, event["actor"])
                self.terminal.print(f"{at} {name}: {self._body(event)}{mark}")
            case "created":
                self.terminal.print(f"{at} {self.terminal.dim(f'· {who} started this conversation')}")
            case "member_joined" | "member_left" as kind:
                verb = "joined" if kind == "member_joined" else "left"
                what = f"· {self.name(event['account'])} {verb}"
                self.terminal.print(f"{at} {self.terminal.dim(what)}")
            case _ if (change := self._change(event)) is not None:
                self.terminal.print(f"{at} {self.terminal.dim(f'· {who} {change}')}")

    def _change(self, event: Event) -> str | None:
        """What somebody did to a message or to the conversation, in words; None for what this reader does not know."""
        match event["kind"]:
            case "edited":
                return f"changed a message: {self._body(event)}"
            case "deleted":
                return "deleted a message"
            case "reaction":
                verb = "reacted with" if event["on"] else "took back"
                return f"{verb} {harmless(event['emoji'])}"
            case "renamed":
                self._subjects[event["conversation"]] = harmless(event["subject"])
                return f"named this conversation “{self._subjects[event['conversation']]}”"
            case "status_changed":
                return {"open": "opened this conversation again", "closed": "closed this conversation"}.get(
                    event["status"], f"made this conversation {harmless(event['status'])}"
                )
        return None

    def elsewhere(self, event: Event) -> None:
        """A message in a conversation that is not on screen."""
        where = self.subject(event["conversation"])
        self.note(f"{self.name(event['actor'])} in {where}: {self._body(event)}")

    def _body(self, event: Event) -> str:
        return harmless(event["body"]) if event.get("body") is not None else "(deleted)"


def messages(count: int) -> str:
    """A number of messages, in words."""
    return "1 message" if count == 1 else f"{count} messages"

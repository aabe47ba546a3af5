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
        at = self.terminal.dim(self._at(event["at"]))
        who = self.name(event["actor"])
        match event["kind"]:
            case "message":
                mark = self.terminal.dim(" ✓") if event["actor"] == self.me else ""
                name = self.terminal.colour(who, event["actor"])
                seq = self.terminal.dim(f"#{event['seq']}")
                to = f" (to #{event['reply_to']})" if event.get("reply_to") is not None else ""
                self.terminal.print(f"{at} {seq} {name}{to}: {self._body(event)}{mark}")
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
                return f"changed #{event['target']}: {self._body(event)}"
            case "deleted":
                return f"deleted #{event['target']}"
            case "reaction":
                emoji, target = harmless(event["emoji"]), f"#{event['target']}"
                return f"put {emoji} to {target}" if event["on"] else f"took {emoji} from {target}"
            case "renamed":
                self._subjects[event["conversation"]] = harmless(event["subject"])
                return f"named this conversation “{self._subjects[event['conversation']]}”"
            case "status_changed":
                return {"open": "opened this conversation again", "closed": "closed this conversation"}.get(
                    event["status"], f"made this conversation {harmless(event['status'])}"
                )
        return None

    def member(self, member: Json, presence: tuple[str, str | None] | None, head: int) -> None:
        """One line of the list of members: who, how they are (`presence`: state, last seen), how far they have read."""
        parts = [f"{harmless(member['name'])}, {member['role']}"]
        if member["account"] == self.me:
            parts[0] += " (you)"
        else:
            state, last_seen = presence or ("", None)
            if state:
                parts.append(state if last_seen is None else f"last seen {self._at(last_seen)}")
            if member["read"] is not None:
                parts.append("has read everything" if member["read"] >= head else f"has read up to #{member['read']}")
        self.terminal.print(f"    {', '.join(parts)}")

    def elsewhere(self, event: Event) -> None:
        """A message in a conversation that is not on screen."""
        where = self.subject(event["conversation"])
        self.note(f"{self.name(event['actor'])} in {where}: {self._body(event)}")

    def _at(self, time: str) -> str:
        return datetime.fromisoformat(time).astimezone().strftime("%H:%M")

    def _body(self, event: Event) -> str:
        return harmless(event["body"]) if event.get("body") is not None else "(deleted)"


def messages(count: int) -> str:
    """A number of messages, in words."""
    return "1 message" if count == 1 else f"{count} messages"

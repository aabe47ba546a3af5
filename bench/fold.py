"""What a client knows: the fold of conversation logs, one cursor each. Pure.

A conversation's events are numbered 1, 2, 3, … without holes. A fold applies each seq once and in order: what
it has seen it drops, what comes too early it holds back until the gap before it is repaired. Kinds that it
does not know, `withheld` among them, change nothing but count in the cursor.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Id: TypeAlias = str
Event: TypeAlias = dict[str, Any]

HELD_EVENTS = 1_000
"""Early events that one fold holds; what is farther ahead is dropped and comes with the repair."""
KEPT_MESSAGES = 1_000
"""Messages that one fold remembers; older ones are read over HTTP."""


VERDICT = ("revision", "reason", "signature", "width", "height", "previews")
"""What a verdict says of a file, beside its state."""


class Gap(NamedTuple):
    """Events after `after` and up to `upto` exist and have not come."""

    after: int
    upto: int


@dataclass(slots=True)
class Message:
    """A message as it stands now: edits applied, `body` None and no files when deleted, hidden or erased."""

    seq: int
    id: Id
    actor: Id
    at: str
    body: str | None
    reply_to: int | None = None
    edited: bool = False
    reactions: dict[str, set[Id]] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)


class Fold:
    """One conversation as its log tells it, up to `cursor`.

    `base` is where the fold began: what is at or below it was never asked for and is no gap. It is None until
    the first event or head says where the log stands.
    """

    def __init__(self, conversation: Id, base: int | None = None, *, keep: int = KEPT_MESSAGES) -> None:
        self.conversation = conversation
        self.keep = keep
        self.base = base
        self.cursor = base or 0
        self.head = self.cursor
        self.read = 0
        self.unread = 0
        self.subject = ""
        self.status = "open"
        self.receipts: dict[Id, tuple[int, int]] = {}
        self.members: set[Id] = set()
        self.messages: OrderedDict[int, Message] = OrderedDict()
        self.member = True
        self.stale = False
        self.duplicates = 0
        self.skipped = 0
        self._counted = self.cursor
        self._forgotten = 0
        self._held: dict[int, Event] = {}
        self._verdicts: dict[Id, Event] = {}

    @property
    def gap(self) -> Gap | None:
        """What is missing, or None. A stale fold has none: it waits for its reload."""
        if self.stale or self.base is None or self.cursor >= self.head:
            return None
        return Gap(self.cursor, min(self._held, default=self.head + 1) - 1)

    def told(self, head: int) -> None:
        """Somebody who knows says that the log reaches `head` at least."""
        if self.base is None:
            self.base = self.cursor = self._counted = head
        self.head = max(self.head, head)

    def told_unread(self, head: int, read: int, unread: int) -> None:
        """The server counted: `unread` messages between the marker `read` and `head`."""
        self.told(head)
        self.read, self.unread, self._counted = read, unread, head

    def marked_read(self, seq: int, account: Id | None) -> None:
        """The account's own marker moved; the greatest wins.

        What is left unread is counted where all behind the marker is known, else at most what it can be: the server
        counts exactly, at each `ready` and over HTTP.
        """
        if seq > self.read:
            self.read = seq
            if self._forgotten <= seq and self.base is not None and self.base <= seq and self._counted <= self.cursor:
                self.unread = sum(self._is_unread(message, account) for message in self.messages.values())
            else:
                self.unread = min(self.unread, max(0, self.head - seq))

    def shown(self, details: Mapping[str, Any], account: Id | None) -> None:
        """The conversation as HTTP shows it: receipts that were missed are made up for."""
        for member in details["members"]:
            if member.get("read") is not None:
                self.receipt(member["account"], member["read"], member["delivered"])
        self.marked_read(details["read"], account)

    def receipt(self, account: Id, read: int, delivered: int) -> None:
        """Somebody has read, and was handed, so far; the greatest wins."""
        known = self.receipts.get(account, (0, 0))
        self.receipts[account] = (max(known[0], read), max(known[1], delivered))

    def apply(self, event: Event, account: Id | None = None) -> list[Event]:
        """Take an event as it comes; returns what became visible by it, in order of seq.

        `account` is the reader: its own messages are not unread to it.
        """
        seq: int = event["seq"]
        self.member = True
        if self.base is None:
            self.base = self.cursor = self._counted = seq - 1
        if self.stale or seq > self.cursor + 1:
            self._hold(seq, event)
            return []
        if seq <= self.cursor:
            self.duplicates += 1
            return []
        visible = [event]
        self._fold(event, account)
        while (following := self._held.pop(self.cursor + 1, None)) is not None:
            self._fold(following, account)
            visible.append(following)
        return visible

    def doubt(self) -> None:
        """The cursor is worth nothing (another epoch, a pruned log): hold everything until `restart`."""
        self.stale = True
        self._held.clear()

    def restart(self, items: Iterable[Event], head: int, account: Id | None = None) -> list[Event]:
        """Begin anew from a page read over HTTP, the newest events in order; returns what is visible."""
        page = list(items)
        held, self._held = self._held, {}
        self.base = self.cursor = page[0]["seq"] - 1 if page else head
        self._counted = self.cursor
        self._forgotten = 0
        self.head = max(head, self.cursor)
        self.read = min(self.read, self.head)
        self.unread = self.skipped = 0
        self.stale = False
        self.messages.clear()
        self.members.clear()
        self._verdicts.clear()
        visible: list[Event] = []
        for event in [*page, *(held[seq] for seq in sorted(held))]:
            if event["seq"] > self.cursor:
                visible += self.apply(event, account)
        return visible

    def _hold(self, seq: int, event: Event) -> None:
        if seq in self._held:
            self.duplicates += 1
            return
        self.head = max(self.head, seq)
        if len(self._held) >= HELD_EVENTS:
            farthest = max(self._held)
            if seq > farthest:
                return
            del self._held[farthest]
        self._held[seq] = event

    def _fold(self, event: Event, account: Id | None) -> None:
        self.cursor = event["seq"]
        self.head = max(self.head, self.cursor)
        match event["kind"]:
            case "created":
                self.subject = event.get("subject") or ""
                self.members.update(event.get("members") or ())
            case "member_joined":
                self.members.add(event["account"])
            case "member_left":
                self.members.discard(event["account"])
            case "message":
                self._say(event, account)
            case "renamed":
                self.subject = event["subject"]
            case "status_changed":
                self.status = event["status"]
            case "edited" | "deleted" | "hidden" | "restored" | "reaction":
                if (message := self.messages.get(event["target"])) is not None:  # else older than what is kept
                    self._change(message, event, account)
            case "erased":
                for message in self.messages.values():
                    if message.actor == event["account"]:
                        self._change(message, event, account)
            case "file_scanned":
                if event["revision"] > self._verdicts.get(event["file"], {}).get("revision", 0):
                    self._verdicts[event["file"]] = event
                    for message in self.messages.values():
                        self._judge(message)
            case _:
                self.skipped += 1

    def _judge(self, message: Message) -> None:
        """Of each of its files the verdict with the greatest revision holds, in whatever order they came."""
        for index, known in enumerate(message.attachments):
            verdict = self._verdicts.get(known["id"])
            if verdict is not None and verdict["revision"] > known["revision"]:
                told = {name: verdict[name] for name in VERDICT if name in verdict}
                plain = {name: value for name, value in known.items() if name not in VERDICT}
                message.attachments[index] = {**plain, **told, "state": verdict["verdict"]}

    def _say(self, event: Event, account: Id | None) -> None:
        seq = event["seq"]
        message = self.messages[seq] = Message(
            seq, event["id"], event["actor"], event["at"], event.get("body"), event.get("reply_to")
        )
        if message.body is not None and event.get("deleted_at") is None:
            message.attachments = list(event.get("attachments") or ())
            self._judge(message)
        if len(self.messages) > self.keep:
            self._forgotten, _ = self.messages.popitem(last=False)
        if seq > self._counted:
            self.unread += self._is_unread(message, account)

    def _is_unread(self, message: Message, account: Id | None) -> bool:
        return message.seq > self.read and message.actor != account and message.body is not None

    def _change(self, message: Message, event: Event, account: Id | None) -> None:
        before = self._is_unread(message, account)
        match event["kind"]:
            case "edited":
                message.body, message.edited = event.get("body"), True
            case "restored":
                message.body = event.get("body")
            case "reaction":
                who = message.reactions.setdefault(event["emoji"], set())
                (who.add if event["on"] else who.discard)(event["actor"])
                if not who:
                    del message.reactions[event["emoji"]]
            case _:
                message.body, message.attachments = None, []
        if event["seq"] > self._counted:
            self.unread = max(0, self.unread + self._is_unread(message, account) - before)


class Folds(Mapping[Id, Fold]):
    """All conversations of one account, the last active last; `epoch` is what their cursors are worth."""

    def __init__(self, epoch: str | None = None, cursors: Mapping[Id, int] | None = None) -> None:
        self.epoch = epoch
        self.account: Id | None = None
        self._coming: str | None = None
        self._folds: OrderedDict[Id, Fold] = OrderedDict()
        for conversation, seq in (cursors or {}).items():
            self._folds[conversation] = Fold(conversation, seq)

    def __getitem__(self, conversation: Id) -> Fold:
        return self._folds[conversation]

    def __iter__(self) -> Iterator[Id]:
        return iter(self._folds)

    def __len__(self) -> int:
        return len(self._folds)

    def open(self, conversation: Id) -> Fold:
        """The fold of the conversation, a new one where none was."""
        if conversation not in self._folds:
            self._folds[conversation] = Fold(conversation)
        return self._folds[conversation]

    def forget(self, conversation: Id) -> None:
        """Drop what is known of the conversation: the account may not see it."""
        self._folds.pop(conversation, None)

    def settle(self, epoch: str | None) -> None:
        """A fold in doubt restarted in this epoch, or (None) was forgotten: after the last one cursors are of it."""
        self._coming = epoch or self._coming
        if self._coming is not None and not any(fold.stale for fold in self._folds.values()):
            self.epoch, self._coming = self._coming, None

    def apply(self, event: Event) -> list[Event]:
        """Apply to the conversation that the event names."""
        fold = self.open(event["conversation"])
        self._folds.move_to_end(fold.conversation)
        return fold.apply(event, self.account)

    def cursors(self) -> dict[Id, int]:
        """Last applied seq by conversation, the last active first; without those that were left."""
        return {
            fold.conversation: fold.cursor
            for fold in reversed(self._folds.values())
            if fold.member and fold.base is not None
        }

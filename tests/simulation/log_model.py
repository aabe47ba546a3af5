"""The log as plain data: what `append_events` and the statements that read it do, without SQL.

`tests/integration/test_log_model.py` runs the same commands and reads through this and through PostgreSQL, and compares
every answer. So what the simulation finds with this log, it finds of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.log import EVENT_KIND, Id, NewEvent, Stored, event_data, moment

UNREAD_COUNTED = 100


@dataclass(slots=True)
class Row:
    """One event."""

    seq: int
    kind: str
    actor: Id
    at: datetime
    id: Id
    body: str | None
    data: dict[str, Any] | None
    fingerprint: bytes
    replaced: str | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    def columns(self) -> tuple[Any, ...]:
        """As the statements that read events give it, behind their first column."""
        return (
            *(self.seq, self.kind, self.actor, self.at, self.id),
            *(self.body, self.data, self.edited_at, self.deleted_at),
        )


@dataclass(slots=True)
class Membership:
    """Of one account in one conversation; `left` is None while it lasts."""

    joined: int
    left: int | None = None
    read: int = 0
    delivered: int = 0


@dataclass(slots=True)
class Room:
    """One conversation: its log, who is in it, and which ids are taken."""

    id: Id
    subject: str | None
    last_at: datetime
    status: str = "open"
    events: list[Row] = field(default_factory=list)
    members: dict[Id, Membership] = field(default_factory=dict)
    known: dict[tuple[Id, Id], Row] = field(default_factory=dict)

    @property
    def head(self) -> int:
        return len(self.events)

    def present(self) -> list[Id]:
        return [account for account, one in self.members.items() if one.left is None]

    def has(self, account: Id) -> bool:
        one = self.members.get(account)
        return one is not None and one.left is None

    def message(self, seq: int) -> Row | None:
        """The undeleted message at that place."""
        row = self.events[seq - 1] if 1 <= seq <= self.head else None
        return row if row is not None and row.kind == "message" and row.deleted_at is None else None

    def between(self, after: int, upto: int) -> list[Row]:
        return self.events[max(0, after) : max(0, upto)]


class Refused(Exception):
    """The log does not take a command: a code of the protocol, and the field that is to blame."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field


class LogModel:
    """Accounts (`roles`), projects (who is in them), and conversations.

    What stands first is for `bugs`: a log that forgets ids, judges before it looks them up, or lets anybody read.
    """

    forgets_ids = False
    judges_first = False
    lets_anybody_read = False

    def __init__(self) -> None:
        self.roles: dict[Id, str] = {}
        self.suspended: set[Id] = set()
        self.projects: dict[Id, set[Id]] = {}
        self.rooms: dict[Id, Room] = {}
        self.commits: list[tuple[int, list[tuple[Id, int]], datetime]] = []

    # In ---------------------------------------------------------------------

    def append(self, commands: Sequence[NewEvent], at: datetime, xid: int) -> list[Stored]:
        """One transaction: the outcomes in the order given."""
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        grown: dict[Id, int] = {}
        outcomes = []
        for command in commands:
            known = self._room(command).known.get((command.actor, command.id)) if self._is_there(command) else None
            if self.forgets_ids or (self.judges_first and known is not None and not self._may(command)):
                known = None
            if known is not None:
                same = known.fingerprint == command.fingerprint
                outcomes.append(
                    Stored("", known.seq, moment(known.at), True, None) if same else _refusal("id_conflict", None)
                )
                continue
            try:
                row = self._store(command, at)
            except Refused as refused:
                outcomes.append(_refusal(refused.code, refused.field))
                continue
            grown[command.conversation] = row.seq
            outcomes.append(Stored("", row.seq, moment(at), False, None))
        if grown:
            self.commits.append((xid, sorted(grown.items()), at))
        return outcomes

    def _may(self, command: NewEvent) -> bool:
        try:
            JUDGES.get(command.kind, LogModel._judge_control)(self, command)
        except Refused:
            return False
        return True

    def _is_there(self, command: NewEvent) -> bool:
        return command.conversation in self.rooms

    def _room(self, command: NewEvent) -> Room:
        return self.rooms[command.conversation]

    def _store(self, command: NewEvent, at: datetime) -> Row:
        if command.kind == "create":
            self._may_create(command)
            self._name_accounts(event_data(command)["members"])
            self.rooms[command.conversation] = Room(command.conversation, command.data["subject"], at)
        else:
            JUDGES.get(command.kind, LogModel._judge_control)(self, command)
        room = self._room(command)
        data = dict(event_data(command))
        data = {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}
        row = Row(
            *(room.head + 1, EVENT_KIND[command.kind], command.actor, at, command.id),
            *(command.body, data or None, command.fingerprint),
        )
        self._take_effect(room, command, row, at)
        room.events.append(row)
        room.known[command.actor, command.id] = row
        room.last_at = at
        return row

    def _may_create(self, command: NewEvent) -> None:
        if self._is_there(command):
            raise Refused("id_conflict")
        role, project = self.roles.get(command.actor), command.data.get("project")
        people = None if project is None else self.projects.get(project)
        if role is None or command.actor in self.suspended:
            raise Refused("forbidden")
        if role == "client" and project is None:
            raise Refused("forbidden", "project")
        if (project is not None and people is None) or (role == "client" and command.actor not in (people or ())):
            raise Refused("not_found", "project")
        if role == "client" and not all(
            one in (people or ()) or self.roles.get(one, "client") != "client" for one in event_data(command)["members"]
        ):
            raise Refused("forbidden", "members")

    def _name_accounts(self, named: Iterable[Id]) -> None:
        """Accounts that only the host application knows so far get a row."""
        for account in named:
            self.roles.setdefault(account, "client")

    def _judge_member(self, command: NewEvent) -> str:
        """The role of the one who commands, who must be a member and not suspended."""
        if not self._is_there(command) or not self._room(command).has(command.actor):
            raise Refused("not_found")
        if command.actor in self.suspended:
            raise Refused("forbidden")
        return self.roles[command.actor]

    def _judge_message(self, command: NewEvent) -> None:
        self._judge_member(command)
        room = self._room(command)
        if room.status != "open":
            raise Refused("closed")
        reply_to = command.data.get("reply_to")
        if reply_to is not None and not (1 <= reply_to <= room.head and room.events[reply_to - 1].kind == "message"):
            raise Refused("invalid", "reply_to")
        if not all(room.has(account) for account in command.data.get("mentions", ())):
            raise Refused("invalid", "mentions")

    def _judge_control(self, command: NewEvent) -> None:
        role = self._judge_member(command)
        room, kind, data = self._room(command), command.kind, command.data
        changes_message = kind in ("edit", "delete", "react")
        if role == "client" and not changes_message and not (kind == "leave" and data["account"] == command.actor):
            raise Refused("forbidden")
        if room.status != "open" and kind != "status":
            raise Refused("closed")
        if changes_message:
            message = room.message(data["target"])
            if message is None:
                raise Refused("not_found", "seq")
            of_another = message.actor != command.actor
            if of_another and (kind == "edit" or (kind == "delete" and role != "admin")):
                raise Refused("forbidden")
        elif kind == "leave" and not room.has(data["account"]):
            raise Refused("not_found", "account")

    def _take_effect(self, room: Room, command: NewEvent, row: Row, at: datetime) -> None:
        data = command.data
        match command.kind:
            case "create":
                room.members = {account: Membership(row.seq) for account in event_data(command)["members"]}
            case "join":
                self._name_accounts((data["account"],))
                member = room.members.get(data["account"])
                if member is None:
                    room.members[data["account"]] = Membership(row.seq)
                elif member.left is not None:
                    member.left, member.joined = None, row.seq
            case "leave":
                room.members[data["account"]].left = row.seq
            case "edit":
                message = room.events[data["target"] - 1]
                row.replaced, message.body, message.edited_at = message.body, command.body, at
            case "delete":
                message = room.events[data["target"] - 1]
                message.body, message.deleted_at = None, at
                for edit in room.events:
                    if edit.kind == "edited" and edit.data is not None and edit.data["target"] == data["target"]:
                        edit.body = edit.replaced = None
            case "rename":
                room.subject = data["subject"]
            case "status":
                room.status = data["status"]

    # Out: the rows of storage's statements ----------------------------------

    def heads_for(self, account: Id, conversations: Sequence[Id]) -> list[tuple[Any, ...]]:
        """log.sql, heads_for."""
        return [(one, self.rooms[one].head) for one in conversations if one in self.rooms and self.member(one, account)]

    def member(self, conversation: Id, account: Id) -> bool:
        """Is the account a member now?"""
        return self.lets_anybody_read or self.rooms[conversation].has(account)

    def stretches(
        self, conversations: Sequence[Id], after: Sequence[int], upto: Sequence[int], limit: int
    ) -> list[tuple[Any, ...]]:
        """log.sql, stretches."""
        rows: list[tuple[Any, ...]] = []
        for conversation, first, last in sorted(zip(conversations, after, upto, strict=True)):
            found = self.rooms[conversation].between(first, last)[:limit] if conversation in self.rooms else []
            rows += [(None, *row.columns(), conversation) for row in found]
        return rows

    def between(self, conversation: Id, after: int, upto: int) -> list[tuple[Any, ...]]:
        """log.sql, between."""
        room = self.rooms.get(conversation)
        return [] if room is None else [(None, *row.columns()) for row in room.between(after, upto)]

    def page(self, account: Id, conversation: Id, choose: Callable[[Room], list[Row]]) -> list[tuple[Any, ...]]:
        """log.sql, after and before: the events that `choose` finds, for a member."""
        room = self.rooms.get(conversation)
        if room is None or not room.has(account):
            return []
        return [(room.head, *row.columns()) for row in choose(room)] or [(room.head, *(None,) * 9)]

    def after(self, account: Id, conversation: Id, after: int, limit: int) -> list[tuple[Any, ...]]:
        """log.sql, after."""
        return self.page(account, conversation, lambda room: room.between(after, room.head)[:limit])

    def before(self, account: Id, conversation: Id, before: int, limit: int) -> list[tuple[Any, ...]]:
        """log.sql, before."""
        return self.page(account, conversation, lambda room: room.between(0, before - 1)[-limit:])

    def heads(self, conversations: Sequence[Id]) -> list[tuple[Any, ...]]:
        """log.sql, heads."""
        return [(one, self.rooms[one].head) for one in conversations if one in self.rooms]

    def audience(self, conversation: Id) -> list[tuple[Any, ...]]:
        """conversations.sql, audience."""
        room = self.rooms.get(conversation)
        return [] if room is None else [(room.head, room.present())]

    def summaries(self, account: Id, limit: int) -> list[tuple[Any, ...]]:
        """conversations.sql, summaries."""
        mine = [room for room in self.rooms.values() if room.has(account) and room.status != "archived"]
        mine.sort(key=lambda room: (room.last_at, room.id), reverse=True)
        return [(room.id, room.head, room.members[account].read, self.unread(room, account)) for room in mine[:limit]]

    def unread(self, room: Room, account: Id) -> int:
        """The function unread_messages."""
        behind = room.events[room.members[account].read :]
        theirs = [row for row in behind if row.kind == "message" and row.actor != account and row.deleted_at is None]
        return min(len(theirs), UNREAD_COUNTED)

    def mark(
        self, accounts: Sequence[Id], conversations: Sequence[Id], read: Sequence[int], delivered: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        """markers.sql, mark."""
        rows = []
        for account, conversation, to_read, to_delivered in zip(accounts, conversations, read, delivered, strict=True):
            room = self.rooms.get(conversation)
            if room is None or not room.has(account):
                continue
            member = room.members[account]
            member.read = max(member.read, min(to_read, room.head))
            member.delivered = max(member.delivered, min(max(to_read, to_delivered), room.head))
            rows.append((account, conversation, member.read, member.delivered))
        return rows

    def start(self, oldest: datetime | None, xmin: int) -> list[tuple[Any, ...]]:
        """feed.sql, start: from the last commit before `oldest` on, or from now (None)."""
        if oldest is None:
            return [(xmin,)]
        older = max((xid for xid, _, at in self.commits if at < oldest), default=0)
        return [(min(xmin, older),)]

    def follow(self, since: int, xmin: int) -> list[tuple[Any, ...]]:
        """feed.sql, follow: `xmin` is below every transaction that runs."""
        heads: dict[Id, int] = {}
        for xid, grown, _ in self.commits:
            if xid >= since:
                for conversation, head in grown:
                    heads[conversation] = max(heads.get(conversation, 0), head)
        return [(xmin, conversation, head) for conversation, head in heads.items()] or [(xmin, None, None)]


JUDGES: dict[str, Callable[[LogModel, NewEvent], None]] = {"message": LogModel._judge_message}
"""Who may say something; everything else is judged as a control command."""


def _refusal(code: str, field: str | None) -> Stored:
    return Stored(code, 0, "", False, field)

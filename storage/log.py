"""The log of a conversation: the one way in, the ways out, and the one shape an event has for clients.

What `append` says is stored is on disk. Everything else about order and identity is decided in the
database, under the conversation's row lock (migrations/0008_append_files.up.sql).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
import orjson

from storage.attachments import describe
from storage.errors import BadData, NotFound, StorageError
from storage.pool import Database, Row
from storage.statements import statements

Id: TypeAlias = str
"""A lower-case canonical UUID string."""

SQL = statements("log")
BATCH = 500  # commands in one append; more would hold their locks for too long
EVENT_KIND = {
    "message": "message",
    "create": "created",
    "join": "member_joined",
    "leave": "member_left",
    "edit": "edited",
    "delete": "deleted",
    "react": "reaction",
    "rename": "renamed",
    "status": "status_changed",
    "scanned": "file_scanned",
}
"""The kind of event that a kind of command becomes."""


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """A command for the log. (conversation, actor, id) is its identity, `fingerprint` (16 bytes) its content.

    `data` by kind: message {reply_to?, mentions?, attachments?}, create {subject, project, members}, join and leave
    {account}, edit and delete {target}, react {target, emoji, on}, rename {subject}, status {status}, scanned {file,
    verdict, revision, …}. Message and edit have a `body`.
    """

    conversation: Id
    actor: Id
    id: Id
    kind: str
    fingerprint: bytes
    body: str | None
    data: dict[str, Any]


class Stored(msgspec.Struct, frozen=True, gc=False):
    """What became of a command: stored at `seq` (`code` empty), or refused with a code of the protocol.

    `replayed`: it had been stored before, `seq` and `at` are from then, and nothing happened this time. `attachments`
    are the files of a message that was stored now, as clients see them; None if they could not be read.
    """

    code: str
    seq: int
    at: str
    replayed: bool
    field: str | None
    attachments: list[dict[str, Any]] | None = []


class Page(msgspec.Struct, frozen=True):
    """Events in order of seq, the head of the log when they were read, and the epoch that seqs belong to."""

    epoch: str
    items: list[dict[str, Any]]
    head: int


async def append(db: Database, commands: Sequence[NewEvent]) -> list[Stored]:
    """Store the batch in one round trip that includes its COMMIT; the outcomes in the order given.

    At most 500 commands, none twice; of one conversation, what is no message stands before the messages. Raises
    `BadData` if PostgreSQL refuses a value: nothing of the batch is stored then, and one of its commands is
    to blame. Raises `Busy` if others hold one of the conversations for too long: nothing is stored, and `busy`
    tells which. Raises `Unavailable` for all else: what was stored is unknown, and asking again is safe.
    """
    _check_order(commands)
    if not commands:
        return []
    rows = await db.run(SQL["append"], _arrays(commands))
    stored: list[Stored | None] = [None] * len(commands)
    clock: dict[bytes | None, str] = {None: ""}
    for place, code, seq, at, replayed, field in rows:
        assert place is not None and code is not None and seq is not None, "the function leaves only these out"
        if at not in clock:
            clock[at] = moment(datetime.fromisoformat((at or b"").decode()))
        why = None if field is None else field.decode()
        stored[int(place) - 1] = Stored(code.decode(), int(seq), clock[at], replayed == b"t", why)
    outcomes = [outcome for outcome in stored if outcome is not None]
    assert len(outcomes) == len(commands), "every command has one outcome"
    return await _with_files(db, commands, outcomes)


async def _with_files(db: Database, commands: Sequence[NewEvent], outcomes: list[Stored]) -> list[Stored]:
    """What was stored, with the files that it brought. It is committed: that these cannot be read refuses nothing."""
    new = [
        (place, {"attachments": command.data["attachments"]})
        for place, (command, outcome) in enumerate(zip(commands, outcomes, strict=True))
        if "attachments" in command.data and not (outcome.code or outcome.replayed)
    ]
    if not new:
        return outcomes
    try:
        await describe(db, [event for _, event in new])
    except StorageError:
        new = [(place, {"attachments": None}) for place, _ in new]
    for place, event in new:
        outcomes[place] = msgspec.structs.replace(outcomes[place], attachments=event["attachments"])
    return outcomes


async def busy(db: Database, conversations: Collection[Id]) -> set[Id]:
    """Those that somebody else holds against an append at this moment; raises `Unavailable`."""
    return {(row[0] or b"").decode() for row in await db.run(SQL["busy"], [_ids(list(conversations)).encode()])}


def event_data(command: NewEvent) -> dict[str, Any]:
    """What the log keeps of a command beside its body. The one who creates a conversation is its first member."""
    if command.kind != "create":
        return command.data
    members = dict.fromkeys((command.actor, *command.data.get("members", ())))
    return {
        "subject": command.data["subject"],
        "project": command.data.get("project"),
        "members": list(members),
    }


def event_map(
    *,
    conversation: Id,
    seq: int,
    kind: str,
    actor: Id,
    at: str,
    id: Id,
    body: str | None = None,
    data: Mapping[str, Any] | None = None,
    edited_at: str | None = None,
    deleted_at: str | None = None,
) -> dict[str, Any]:
    """The map that clients get, on the WebSocket and over HTTP alike; but for `attachments`, which are ids as yet."""
    event: dict[str, Any] = {
        "type": "event",
        "conversation": conversation,
        "seq": seq,
        "kind": kind,
        "actor": actor,
        "at": at,
    }
    if kind == "message":
        event["id"] = id
        event["body"] = body or ""
        event["attachments"] = []
        if edited_at is not None:
            event["edited_at"] = edited_at
        if deleted_at is not None:
            event["deleted_at"] = deleted_at
    elif kind == "edited":
        event["body"] = body or ""
    if data:
        event.update(data)
    return event


def live_event(command: NewEvent, stored: Stored) -> dict[str, Any]:
    """The map of an event that was just appended: the same as a later read of it gives."""
    event = event_map(
        conversation=command.conversation,
        seq=stored.seq,
        kind=EVENT_KIND[command.kind],
        actor=command.actor,
        at=stored.at,
        id=command.id,
        body=command.body,
        data=event_data(command),
    )
    if stored.attachments:
        event["attachments"] = stored.attachments
    return event


async def events_after(db: Database, account: Id, conversation: Id, after: int, limit: int) -> Page:
    """At most `limit` events after the cursor, oldest first; raises `NotFound` for who is not a member."""
    asked = {"account": account, "conversation": conversation, "after": after, "limit": limit}
    return await page_of(db, conversation, await db.fetch(SQL["after"], asked))


async def events_before(db: Database, account: Id, conversation: Id, before: int, limit: int) -> Page:
    """At most `limit` events before the cursor, the newest of them, oldest first; raises `NotFound`."""
    asked = {"account": account, "conversation": conversation, "before": before, "limit": limit}
    return await page_of(db, conversation, await db.fetch(SQL["before"], asked))


async def heads_for(db: Database, account: Id, conversations: Collection[Id]) -> dict[Id, int]:
    """The last seq of those of these conversations that the account is a member of."""
    rows = await db.fetch(SQL["heads_for"], {"account": account, "conversations": _ids(list(conversations))})
    return dict(rows)


async def stretches(db: Database, asked: Sequence[tuple[Id, int, int]], limit: int) -> dict[Id, list[dict[str, Any]]]:
    """Of each conversation the events with after < seq ≤ upto, at most `limit` of them, oldest first.

    Each is asked for once. Checks no membership: `heads_for` does.
    """
    given = {
        "conversations": _ids([conversation for conversation, _, _ in asked]),
        "after": [after for _, after, _ in asked],
        "upto": [upto for _, _, upto in asked],
        "limit": limit,
    }
    found: dict[Id, list[dict[str, Any]]] = {conversation: [] for conversation, _, _ in asked}
    for row in await db.fetch(SQL["stretches"], given):
        found[row[10]].append(_event(row[10], row))
    await describe(db, (event for events in found.values() for event in events))
    return found


async def events_between(db: Database, conversation: Id, after: int, upto: int) -> list[dict[str, Any]]:
    """Events with after < seq ≤ upto. Checks no membership: for those who deliver, not for those who ask."""
    asked = {"conversation": conversation, "after": after, "upto": upto}
    events = [_event(conversation, row) for row in await db.fetch(SQL["between"], asked)]
    await describe(db, events)
    return events


async def texts(db: Database, account: Id, conversation: Id, seq: int) -> list[dict[str, Any]]:
    """What a message has said, the first text first, for a member; none of a deleted one. Raises `NotFound`."""
    rows = await db.fetch(SQL["texts"], {"account": account, "conversation": conversation, "seq": seq})
    if not rows:
        raise NotFound("message")
    return [{"body": body, "at": moment(at), "actor": actor} for body, at, actor in rows if body is not None]


async def heads(db: Database, conversations: Collection[Id]) -> dict[Id, int]:
    """The last seq of each of these that exists."""
    rows = await db.fetch(SQL["heads"], {"conversations": _ids(list(conversations))})
    return dict(rows)


def moment(at: datetime) -> str:
    """A time of the database (its sessions are in UTC) as the protocol writes it."""
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def now() -> str:
    """The time of this process, likewise."""
    return moment(datetime.now(UTC))


async def page_of(db: Database, conversation: Id, rows: list[Row]) -> Page:
    """The page that rows of `after` or `before` are, here and in `oversight`; raises `NotFound` for none."""
    if not rows:
        raise NotFound("conversation")
    items = [_event(conversation, row) for row in rows if row[1] is not None]
    await describe(db, items)
    return Page(db.epoch, items, rows[0][0])


def _event(conversation: Id, row: Row) -> dict[str, Any]:
    _, seq, kind, actor, at, id_, body, data, edited_at, deleted_at = row[:10]
    return event_map(
        conversation=conversation,
        seq=seq,
        kind=kind,
        actor=actor,
        at=moment(at),
        id=id_,
        body=body,
        data=data,
        edited_at=edited_at and moment(edited_at),
        deleted_at=deleted_at and moment(deleted_at),
    )


def _check_order(commands: Sequence[NewEvent]) -> None:
    assert len(commands) <= BATCH, "a batch is at most 500 commands"
    identities = {(command.conversation, command.actor, command.id) for command in commands}
    assert len(identities) == len(commands), "a command stands in a batch once"
    talking: set[Id] = set()
    for command in commands:
        if command.kind == "message":
            talking.add(command.conversation)
        else:
            assert command.conversation not in talking, "control commands stand before messages"


# Array parameters are written here, as PostgreSQL's array literals: psycopg's general dumper costs as much
# for 300 commands as storing them.


def _arrays(commands: Sequence[NewEvent]) -> list[bytes]:
    """The parameters of `append`; raises `BadData` for what cannot be written down."""
    arrays = [
        _ids([command.conversation for command in commands]),
        _ids([command.actor for command in commands]),
        _ids([command.id for command in commands]),
        "{" + ",".join([command.kind for command in commands]) + "}",
        "{" + ",".join([command.fingerprint.hex() for command in commands]) + "}",
        _texts([command.body for command in commands]),
        _texts([_json(event_data(command)) for command in commands]),
    ]
    if any("\x00" in array for array in arrays):  # libpq would read no further
        raise BadData("text with NUL")
    try:
        return [array.encode() for array in arrays]
    except UnicodeEncodeError as error:
        raise BadData("text that is not Unicode") from error


def _ids(ids: list[Id]) -> str:
    if any(len(one) != 36 for one in ids):  # a comma inside would shift all that follows
        raise BadData("an id that is no UUID")
    return "{" + ",".join(ids) + "}"


def _texts(texts: list[str | None]) -> str:
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in texts]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json(data: dict[str, Any]) -> str | None:
    if not data:
        return None
    try:
        return orjson.dumps(data).decode()
    except TypeError as error:
        raise BadData("data that is no JSON") from error

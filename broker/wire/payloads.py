"""What edges and workers say to each other inside a frame, as types.

The broker never reads these: it forwards a frame's payload untouched. Every payload is a msgpack array
whose first item is its tag, so one decoder reads them all. Ids are lower-case canonical UUID strings
everywhere in Parley, times are RFC 3339 strings in UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Id: TypeAlias = str
"""A lower-case canonical UUID string."""


class Message(msgspec.Struct, frozen=True, array_like=True, tag="message", gc=False):
    """Say `body` in the conversation; `mentions` must be members, `reply_to` the seq of a message, `attachments` files
    that the actor uploaded. The text may be empty beside files.
    """

    body: str
    reply_to: int | None = None
    mentions: tuple[Id, ...] = ()
    attachments: tuple[Id, ...] = ()


class Create(msgspec.Struct, frozen=True, array_like=True, tag="create", gc=False):
    """Begin the conversation that the command names; the actor is always a member."""

    subject: str
    members: tuple[Id, ...] = ()
    project: Id | None = None


class Join(msgspec.Struct, frozen=True, array_like=True, tag="join", gc=False):
    """Make `account` a member."""

    account: Id


class Leave(msgspec.Struct, frozen=True, array_like=True, tag="leave", gc=False):
    """End the membership of `account` (one's own, or another's for staff)."""

    account: Id


class Edit(msgspec.Struct, frozen=True, array_like=True, tag="edit", gc=False):
    """Replace the text of one's own message `seq`."""

    seq: int
    body: str


class Delete(msgspec.Struct, frozen=True, array_like=True, tag="delete", gc=False):
    """Take back the message `seq`: its text is gone for all, its place stays (any message for an admin)."""

    seq: int


class React(msgspec.Struct, frozen=True, array_like=True, tag="react", gc=False):
    """Put an emoji of one's own to the message `seq`, or take it away."""

    seq: int
    emoji: str
    on: bool


class Rename(msgspec.Struct, frozen=True, array_like=True, tag="rename", gc=False):
    """Give the conversation another subject."""

    subject: str


class SetStatus(msgspec.Struct, frozen=True, array_like=True, tag="status", gc=False):
    """Open, close or archive the conversation."""

    status: Literal["open", "closed", "archived"]


class Scanned(msgspec.Struct, frozen=True, array_like=True, tag="scanned", gc=False):
    """Tell the conversation what a scan said of a file that it holds: said by scanning workers, for who uploaded it.

    `revision` counts the verdicts of a file from 1. An image that is clean has `previews`, and its size in pixels.
    """

    file: Id
    revision: int
    verdict: Literal["clean", "infected", "rejected", "deleted"]
    reason: str | None = None
    signature: str | None = None
    width: int | None = None
    height: int | None = None
    previews: bool = False


Act: TypeAlias = Message | Create | Join | Leave | Edit | Delete | React | Rename | SetStatus | Scanned


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One durable wish of `actor`. `(conversation, actor, id)` is its identity, for ever.

    `ref` is the number under which the sending edge waits for the outcome; it means nothing elsewhere.
    """

    ref: int
    conversation: Id
    actor: Id
    id: Id
    act: Act


class Commands(msgspec.Struct, frozen=True, array_like=True, tag="commands", gc=False):
    """Edge to persistence, by conversation: what one lane has in flight, in order, repeated whole on a resend."""

    items: tuple[Command, ...]


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a command: stored (`code` empty, `seq` and `at` set) or refused with a code of the protocol.

    `replayed` is true when the id had been stored before: nothing happened this time.
    """

    ref: int
    code: str = ""
    seq: int = 0
    at: str = ""
    replayed: bool = False
    field: str | None = None
    retry_after: float | None = None


class Outcomes(msgspec.Struct, frozen=True, array_like=True, tag="outcomes", gc=False):
    """Persistence to the edge that asked."""

    items: tuple[Outcome, ...]


class Logged(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a log, `event` being the msgpack map that clients receive, encoded once.

    `account` is whom a `member_joined` or `member_left` is about.
    """

    seq: int
    kind: str
    account: Id | None
    event: bytes


class Appended(msgspec.Struct, frozen=True, array_like=True, tag="appended", gc=False):
    """Persistence to fanout, by conversation: events just committed, in order of seq."""

    conversation: Id
    events: tuple[Logged, ...]


class Head(msgspec.Struct, frozen=True, array_like=True, tag="head", gc=False):
    """Persistence to fanout, by conversation: the log reaches `seq` at least (said after a replayed id)."""

    conversation: Id
    seq: int


class Audience(msgspec.Struct, frozen=True, array_like=True, tag="audience", gc=False):
    """Edge to every fanout worker: who is connected here. Numbers rise by one; a snapshot replaces all before it.

    `more`: the snapshot goes on with the next number, and until its end it tells too little.
    """

    number: int
    snapshot: bool
    add: tuple[Id, ...] = ()
    remove: tuple[Id, ...] = ()
    more: bool = False


class AudienceSeen(msgspec.Struct, frozen=True, array_like=True, tag="audience_seen", gc=False):
    """Fanout to the edge: everything up to `number` is applied."""

    number: int


class AudienceWanted(msgspec.Struct, frozen=True, array_like=True, tag="audience_wanted", gc=False):
    """Fanout to the edge: a number was missed, send a snapshot."""


class Delivery(msgspec.Struct, frozen=True, array_like=True, tag="delivery", gc=False):
    """Fanout to one edge: events in order of seq, for these accounts (those not connected there are ignored)."""

    conversation: Id
    recipients: tuple[Id, ...]
    events: tuple[Logged, ...]


class HeadOf(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A conversation, the last seq of its log, and who of its members is connected at the edge told."""

    conversation: Id
    seq: int
    recipients: tuple[Id, ...]


class Heads(msgspec.Struct, frozen=True, array_like=True, tag="heads", gc=False):
    """Fanout to one edge, every second: conversations that changed lately, so that a lost delivery is noticed."""

    items: tuple[HeadOf, ...]


class Marked(msgspec.Struct, frozen=True, array_like=True, tag="marked", gc=False):
    """Edge to fanout, by conversation: how far `account` has read, and was handed, the log; committed."""

    conversation: Id
    account: Id
    read: int
    delivered: int


class Receipt(msgspec.Struct, frozen=True, array_like=True, tag="receipt", gc=False):
    """Fanout to one edge: the same, for these accounts."""

    conversation: Id
    account: Id
    read: int
    delivered: int
    recipients: tuple[Id, ...]


class Typed(msgspec.Struct, frozen=True, array_like=True, tag="typed", gc=False):
    """Edge to fanout, by conversation: `account` began to type, or ceased."""

    conversation: Id
    account: Id
    on: bool


class Typing(msgspec.Struct, frozen=True, array_like=True, tag="typing", gc=False):
    """Fanout to one edge: the same, for these accounts."""

    conversation: Id
    account: Id
    on: bool
    recipients: tuple[Id, ...]


class Away(msgspec.Struct, frozen=True, array_like=True, tag="away", gc=False):
    """Edge to every fanout worker: all accounts here whose sessions are all away; replaces what was said before."""

    accounts: tuple[Id, ...]


class Watch(msgspec.Struct, frozen=True, array_like=True, tag="watch", gc=False):
    """Edge to fanout, by conversation: these accounts look at it here, the `fresh` ones since just now.

    Nobody any more, if empty. Said again every so often, so that a worker that is new learns of it, and forgets an edge
    that says nothing.
    """

    conversation: Id
    accounts: tuple[Id, ...]
    fresh: tuple[Id, ...] = ()


class Scan(msgspec.Struct, frozen=True, array_like=True, tag="scan", gc=False):
    """Edge to a scanning worker, by file: it is due. A hint, of which the table of files is the truth."""

    file: Id


class PresenceOf(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One account: "online", "away" or "offline"; `last_seen` where it is known."""

    account: Id
    state: str
    last_seen: str | None = None


class Presence(msgspec.Struct, frozen=True, array_like=True, tag="presence", gc=False):
    """Fanout to one edge: members' presence, for those who watch and are members."""

    conversation: Id
    watchers: tuple[Id, ...]
    items: tuple[PresenceOf, ...]


Payload: TypeAlias = (
    Commands
    | Outcomes
    | Appended
    | Head
    | Audience
    | AudienceSeen
    | AudienceWanted
    | Delivery
    | Heads
    | Marked
    | Receipt
    | Typed
    | Typing
    | Away
    | Watch
    | Presence
    | Scan
)

encode = msgspec.msgpack.Encoder().encode
"""Payload to bytes."""

_encode_map = msgspec.msgpack.Encoder().encode

_decode: Callable[[bytes], Payload] = msgspec.msgpack.Decoder(Payload).decode
_decode_commands = msgspec.msgpack.Decoder(Commands).decode


def decode(data: bytes) -> Payload:
    """Bytes to payload; raises `msgspec.DecodeError` (of which `ValidationError` is one) for anything else."""
    try:
        return _decode(data)
    except (UnicodeDecodeError, RecursionError) as fault:
        raise msgspec.DecodeError(str(fault)) from None


def decode_commands(data: bytes) -> Commands:
    """As `decode`, of what can only be commands."""
    try:
        return _decode_commands(data)
    except (UnicodeDecodeError, RecursionError) as fault:
        raise msgspec.DecodeError(str(fault)) from None


def logged(event: Mapping[str, Any]) -> Logged:
    """A client's event map as it travels between processes: encoded once, and what routing needs to know beside it."""
    return Logged(event["seq"], event["kind"], event.get("account"), _encode_map(event))

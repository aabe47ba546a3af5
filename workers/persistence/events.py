"""Commands as the log takes them, and stored events as clients get them (pure).

The map that clients see is built by `storage.log`, and nowhere else, so that an event looks the
same live and read from the log years later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from broker.wire import payloads
from broker.wire.payloads import Create, Delete, Edit, Logged, Message, React, Rename, Scanned, SetStatus
from storage.log import NewEvent, live_event

if TYPE_CHECKING:
    from broker.wire.payloads import Command
    from storage.log import Stored


def new_event(command: Command, fingerprint: bytes) -> NewEvent:
    """The command in the words of the log."""
    act = command.act
    body: str | None = None
    data: dict[str, Any]
    if isinstance(act, Message):
        body = act.body
        data = {}
        if act.reply_to is not None:
            data["reply_to"] = act.reply_to
        if act.mentions:
            data["mentions"] = act.mentions
        if act.attachments:
            data["attachments"] = act.attachments
    elif isinstance(act, Create):
        data = {"subject": act.subject, "project": act.project, "members": act.members}
    elif isinstance(act, Edit):
        body = act.body
        data = {"target": act.seq}
    elif isinstance(act, Delete):
        data = {"target": act.seq}
    elif isinstance(act, React):
        data = {"target": act.seq, "emoji": act.emoji, "on": act.on}
    elif isinstance(act, Rename):
        data = {"subject": act.subject}
    elif isinstance(act, SetStatus):
        data = {"status": act.status}
    elif isinstance(act, Scanned):
        data = {key: value for key, value in msgspec.structs.asdict(act).items() if value is not None}
    else:
        data = {"account": act.account}
    return NewEvent(
        conversation=command.conversation,
        actor=command.actor,
        id=command.id,
        kind=str(act.__struct_config__.tag),
        fingerprint=fingerprint,
        body=body,
        data=data,
    )


def logged(command: NewEvent, stored: Stored) -> Logged | None:
    """The event that this command became, encoded for clients once; None where its files could not be read."""
    if stored.attachments is None:
        return None
    return payloads.logged(live_event(command, stored))

"""From a client's command to the act that enters the log (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from broker.wire.payloads import Act, Delete, Edit, Id, Message, React
from edge.socket import frames
from edge.socket.frames import BadFrame, Wish, canonical, text_fault


def act_of(wish: Wish) -> Act:
    """What the log is asked for; raises `BadFrame` (invalid) for a text that nobody could store or read."""
    if isinstance(wish, frames.Send):
        try:
            return message_of(wish.body, wish.reply_to, wish.mentions, wish.attachments)
        except Unsayable as fault:
            raise BadFrame("invalid", str(fault), field=fault.field, id=canonical(wish.id)) from None
    if isinstance(wish, frames.Edit):
        _check(wish.body, "body", wish)
        return Edit(wish.seq, wish.body)
    if isinstance(wish, frames.Delete):
        return Delete(wish.seq)
    _check(wish.emoji, "emoji", wish)
    return React(wish.seq, wish.emoji, wish.on)


class Unsayable(ValueError):
    """A message that nobody could store or read; `field` says what of it."""

    def __init__(self, fault: str, field: str) -> None:
        super().__init__(fault)
        self.field = field


def message_of(body: str, reply_to: int | None, mentions: Sequence[Id], attachments: Sequence[Id]) -> Message:
    """The message that says this, over HTTP and WebSocket alike: words, or files, or both. Raises `Unsayable`."""
    if (body or not attachments) and (fault := text_fault(body)) is not None:
        raise Unsayable(fault, "body")
    files = tuple(map(canonical, attachments))
    if len(set(files)) < len(files):
        raise Unsayable("A file is attached once.", "attachments")
    return Message(body, reply_to, tuple(map(canonical, mentions)), files)


def _check(text: str, field: str, wish: Wish) -> None:
    if (fault := text_fault(text)) is not None:
        raise BadFrame("invalid", fault, field=field, id=canonical(wish.id))

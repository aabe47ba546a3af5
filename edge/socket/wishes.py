"""From a client's command to the act that enters the log (pure)."""

from __future__ import annotations

from broker.wire.payloads import Act, Delete, Edit, Message, React
from edge.socket import frames
from edge.socket.frames import BadFrame, Wish, canonical, text_fault


def act_of(wish: Wish) -> Act:
    """What the log is asked for; raises `BadFrame` (invalid) for a text that nobody could store or read."""
    if isinstance(wish, frames.Send | frames.Edit):
        _check(wish.body, "body", wish)
    if isinstance(wish, frames.Send):
        if wish.attachments:
            raise BadFrame("invalid", "No such file.", field="attachments", id=canonical(wish.id))
        return Message(wish.body, wish.reply_to, tuple(map(canonical, wish.mentions)))
    if isinstance(wish, frames.Edit):
        return Edit(wish.seq, wish.body)
    if isinstance(wish, frames.Delete):
        return Delete(wish.seq)
    _check(wish.emoji, "emoji", wish)
    return React(wish.seq, wish.emoji, wish.on)


def _check(text: str, field: str, wish: Wish) -> None:
    if (fault := text_fault(text)) is not None:
        raise BadFrame("invalid", fault, field=field, id=canonical(wish.id))

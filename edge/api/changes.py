"""`conversations/{id}/messages/{seq}`: what becomes of a message after it was said, by the one write path."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Act, Delete, Edit, React
from edge.api.messages import Accepted
from edge.api.operations import operation
from edge.api.requests import answer, body_of, check_text, edge_of, idempotency_key, path_id, who, write
from edge.problems import Problem
from edge.socket.frames import BODY_CHARACTERS, Emoji
from edge.terms import AccountId, EventSeq, Moment
from storage import log as event_log

LAST_SEQ = 2**53


class NewText(msgspec.Struct):
    """What `PATCH conversations/{id}/messages/{seq}` takes."""

    body: Annotated[str, msgspec.Meta(min_length=1, max_length=BODY_CHARACTERS)]

    EXAMPLE: ClassVar[dict[str, Any]] = {"body": "Good morning to you all"}


class Text(msgspec.Struct):
    """A text that a message had, from `at` on."""

    body: str
    at: Moment
    actor: AccountId


class MessageHistory(msgspec.Struct):
    """All texts of a message, the first first. Empty for one that was deleted: its texts are gone."""

    seq: EventSeq
    items: list[Text]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "seq": 43,
        "items": [
            {"body": "Good mornign", "at": "2026-11-23T09:00:03.118Z", "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"},
            {"body": "Good morning", "at": "2026-11-23T09:00:09.530Z", "actor": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"},
        ],
    }


@operation(takes=NewText, gives={200: Accepted}, keyed=True, refuses=("closed",))
async def edit(request: Request) -> Response:
    """Replace the text of one's own message. Where `seq` is no message, or a deleted one: not_found."""
    given = await body_of(request, NewText)
    check_text(given.body, "body")
    return await _change(request, Edit(_seq(request), given.body))


@operation(gives={200: Accepted}, keyed=True, refuses=("closed",))
async def delete(request: Request) -> Response:
    """Take one's own message back, an administrator anybody's: its text is gone for everybody, its place stays."""
    return await _change(request, Delete(_seq(request)))


@operation(gives={200: Accepted}, keyed=True, refuses=("closed",))
async def react(request: Request) -> Response:
    """Put an emoji to a message. Putting it there again, under another key, is another event that changes nothing."""
    return await _change(request, React(_seq(request), _emoji(request), True))


@operation(gives={200: Accepted}, keyed=True, refuses=("closed",))
async def unreact(request: Request) -> Response:
    """Take one's own emoji away from a message."""
    return await _change(request, React(_seq(request), _emoji(request), False))


@operation(by="agent", gives={200: MessageHistory})
async def history(request: Request) -> Response:
    """What a message said before it was edited, for staff who are members."""
    account = (await who(request)).account
    conversation, seq = path_id(request), _seq(request)
    items = await event_log.texts(edge_of(request).db, account.id, conversation, seq)
    return answer({"seq": seq, "items": items})


async def _change(request: Request, act: Act) -> Response:
    account = (await who(request)).account
    conversation = path_id(request)
    key = idempotency_key(request)
    outcome = await write(request, account, conversation, key, act)
    return answer({"id": key, "conversation": conversation, "seq": outcome.seq, "at": outcome.at})


def _seq(request: Request) -> int:
    given = request.path_params["seq"]
    if not given.isascii() or not given.isdigit() or len(given) > 16 or not 1 <= int(given) <= LAST_SEQ:
        raise Problem("not_found", field="seq")
    return int(given)


def _emoji(request: Request) -> str:
    try:
        emoji: str = msgspec.convert(request.path_params["emoji"], Emoji)
    except msgspec.ValidationError:
        raise Problem("invalid", "An emoji is 1 to 64 characters without blanks.", field="emoji") from None
    check_text(emoji, "emoji")
    return emoji

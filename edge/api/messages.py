"""`conversations/{id}/messages` and `conversations/{id}/members/{account}`: writes, by the one write path."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Join, Leave
from edge.api.operations import operation
from edge.api.requests import answer, body_of, idempotency_key, path_id, who, write
from edge.problems import Problem
from edge.socket.frames import ATTACHMENTS, BODY_CHARACTERS, MENTIONS, AnyId, Seq
from edge.socket.wishes import Unsayable, message_of
from edge.terms import CommandId, ConversationId, EventSeq, Moment


class NewMessage(msgspec.Struct):
    """What `POST conversations/{id}/messages` takes."""

    body: Annotated[
        str,
        msgspec.Meta(max_length=BODY_CHARACTERS, description="Not only blanks, no NUL; may be empty beside files."),
    ] = ""
    reply_to: Annotated[Seq, msgspec.Meta(description="The seq of the message that this answers.")] | None = None
    mentions: Annotated[
        tuple[AnyId, ...], msgspec.Meta(max_length=MENTIONS, description="Members whom it names; others are invalid.")
    ] = ()
    attachments: Annotated[
        tuple[AnyId, ...],
        msgspec.Meta(max_length=ATTACHMENTS, description="Files that one uploaded, each once; others are invalid."),
    ] = ()

    EXAMPLE: ClassVar[dict[str, Any]] = {"body": "Good morning to you", "reply_to": 42}


class Accepted(msgspec.Struct):
    """Where a write stands in the log: it is stored, for good."""

    id: Annotated[CommandId, msgspec.Meta(description="The Idempotency-Key, or the id that was made without one.")]
    conversation: ConversationId
    seq: EventSeq
    at: Moment

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
        "conversation": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
        "seq": 43,
        "at": "2026-11-23T09:00:03.118Z",
    }


@operation(takes=NewMessage, gives={201: Accepted, 200: Accepted}, keyed=True, refuses=("closed",))
async def send(request: Request) -> Response:
    """Say something: 201, or 200 with the same answer when the key was used before for the same."""
    account = (await who(request)).account
    conversation = path_id(request)
    given = await body_of(request, NewMessage)
    try:
        act = message_of(given.body, given.reply_to, given.mentions, given.attachments)
    except Unsayable as fault:
        raise Problem("invalid", str(fault), field=fault.field) from None
    key = idempotency_key(request)
    outcome = await write(request, account, conversation, key, act)
    body = {"id": key, "conversation": conversation, "seq": outcome.seq, "at": outcome.at}
    return answer(body, 200 if outcome.replayed else 201)


@operation(gives={204: None}, keyed=True, refuses=("closed",))
async def join(request: Request) -> Response:
    """Add a member (staff), who may read the whole log. Also an account that only the host application knows so far."""
    return await _change(request, Join)


@operation(gives={204: None}, keyed=True, refuses=("closed",))
async def leave(request: Request) -> Response:
    """Remove a member (staff), or leave (anybody, oneself)."""
    return await _change(request, Leave)


async def _change(request: Request, act: type[Join] | type[Leave]) -> Response:
    asking = (await who(request)).account
    conversation, account = path_id(request), path_id(request, "account")
    await write(request, asking, conversation, idempotency_key(request), act(account))
    return Response(status_code=204)

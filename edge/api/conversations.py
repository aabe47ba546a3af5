"""`conversations`: begin, list, read, and how far one has read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Create
from edge.api.requests import (
    admit,
    answer,
    body_of,
    check_text,
    edge_of,
    idempotency_key,
    path_id,
    query_number,
    stored,
    who,
)
from edge.problems import Problem
from edge.socket.frames import AnyId, canonical
from storage import conversations
from storage import log as event_log
from storage.errors import NotFound

CONVERSATION_IDS = UUID("6f1c1c0e-9d0b-5e0c-8a43-0f6f3a3b7d21")
"""The namespace in which (account, Idempotency-Key) names a conversation: the same wish, the same conversation."""

LIST_DEFAULT, LIST_MOST = 50, 200
EVENTS_DEFAULT, EVENTS_MOST = 100, 500
LAST_SEQ = 2**53


class NewConversation(msgspec.Struct):
    """What `POST conversations` takes."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    members: Annotated[tuple[AnyId, ...], msgspec.Meta(max_length=1000)] = ()
    project: AnyId | None = None


class ReadUpTo(msgspec.Struct):
    """What `PUT conversations/{id}/read` takes."""

    seq: Annotated[int, msgspec.Meta(ge=0, le=LAST_SEQ)]


async def create(request: Request) -> Response:
    """Begin a conversation: 201, or 200 with the same one when the key was used before."""
    account = (await who(request)).account
    given = await body_of(request, NewConversation)
    check_text(given.subject, "subject")
    key = idempotency_key(request)
    admit(request, account.id)
    id = str(uuid5(CONVERSATION_IDS, f"{account.id}:{key}"))
    members = tuple(dict.fromkeys(map(canonical, given.members)))
    act = Create(given.subject, members, canonical(given.project) if given.project is not None else None)
    edge = edge_of(request)
    outcome = stored(await edge.commands.submit(id, account.id, key, act))
    try:
        return answer(await conversations.get(edge.db, account.id, id), 200 if outcome.replayed else 201)
    except NotFound:
        # Begun long ago by this key, and left since: what was stored gets its answer, without what is no longer
        # the asker's business.
        return answer({"id": id, "subject": act.subject, "project": act.project, "head": outcome.seq, "members": []})


async def index(request: Request) -> Response:
    """The account's conversations, last active first."""
    account = (await who(request)).account
    limit = query_number(request, "limit", 1, LIST_MOST) or LIST_DEFAULT
    after = request.query_params.get("after")
    items, following = await conversations.page(edge_of(request).db, account.id, after, limit)
    return answer({"items": items, "next": following})


async def show(request: Request) -> Response:
    """One conversation with its members."""
    account = (await who(request)).account
    return answer(await conversations.get(edge_of(request).db, account.id, path_id(request)))


async def read(request: Request) -> Response:
    """Everything up to `seq` is read: the greatest wins, at most the head."""
    account = (await who(request)).account
    id = path_id(request)
    given = await body_of(request, ReadUpTo)
    await conversations.mark_read(edge_of(request).db, account.id, id, given.seq)
    return Response(status_code=204)


async def events(request: Request) -> Response:
    """A page of the log: the events after a seq, or the newest before one; always in order of seq."""
    account = (await who(request)).account
    id = path_id(request)
    after = query_number(request, "after", 0, LAST_SEQ)
    before = query_number(request, "before", 1, LAST_SEQ)
    limit = query_number(request, "limit", 1, EVENTS_MOST) or EVENTS_DEFAULT
    if after is not None and before is not None:
        raise Problem("invalid", "Give `after` or `before`, not both.", field="before")
    db = edge_of(request).db
    if before is not None:
        page = await event_log.events_before(db, account.id, id, before, limit)
        first = page.items[0]["seq"] if page.items else 1
        following = first if first > 1 else None
    else:
        page = await event_log.events_after(db, account.id, id, after or 0, limit)
        last = page.items[-1]["seq"] if page.items else page.head
        following = last if last < page.head else None
    return answer({"epoch": page.epoch, "items": page.items, "head": page.head, "next": following})

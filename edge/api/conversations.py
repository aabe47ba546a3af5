"""`conversations`: begin, list, read, and how far one has read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, ClassVar, TypeAlias
from uuid import UUID, uuid5

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Create, Rename, SetStatus
from edge.api.answers import Conversation, ConversationLeft, Conversations, Events
from edge.api.listing import Listing
from edge.api.operations import operation
from edge.api.requests import (
    answer,
    body_of,
    check_text,
    edge_of,
    idempotency_key,
    path_id,
    query_of,
    who,
    write,
)
from edge.problems import Problem
from edge.socket.frames import AnyId, Cursor, Seq, canonical
from edge.terms import Status
from storage import conversations
from storage import log as event_log
from storage.errors import NotFound
from storage.log import Page

CONVERSATION_IDS = UUID("6f1c1c0e-9d0b-5e0c-8a43-0f6f3a3b7d21")
"""The namespace in which (account, Idempotency-Key) names a conversation: the same wish, the same conversation."""

ReadPage: TypeAlias = Callable[[int, int], Awaitable[Page]]
"""Events behind, or before, a seq: at most so many."""

EVENTS_DEFAULT, EVENTS_MOST = 100, 500


class NewConversation(msgspec.Struct):
    """What `POST conversations` takes."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    members: Annotated[
        tuple[AnyId, ...],
        msgspec.Meta(max_length=1000, description="Accounts besides oneself, who is a member anyway."),
    ] = ()
    project: Annotated[AnyId, msgspec.Meta(description="Clients must name one of theirs.")] | None = None

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "subject": "Harbour Bridge",
        "members": ["77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1"],
    }


class ConversationChange(msgspec.Struct):
    """What `PATCH conversations/{id}` takes: one change at a time, since each is an event of its own."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    status: (
        Annotated[
            Status,
            msgspec.Meta(description="Closed takes no more messages; archived is closed, and left out of lists."),
        ]
        | None
    ) = None

    EXAMPLE: ClassVar[dict[str, Any]] = {"status": "closed"}


class ReadUpTo(msgspec.Struct):
    """What `PUT conversations/{id}/read` takes."""

    seq: Cursor

    EXAMPLE: ClassVar[dict[str, Any]] = {"seq": 42}


class Stretch(msgspec.Struct):
    """Which part of a log: `after` or `before`, not both."""

    after: (
        Annotated[Cursor, msgspec.Meta(description="Events behind this seq, the first of them; 0 if neither is given.")]
        | None
    ) = None
    before: (
        Annotated[Seq, msgspec.Meta(description="Events before this seq, the last of them; not with `after`.")] | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=EVENTS_MOST, description="How many at most.")] = EVENTS_DEFAULT


@operation(
    takes=NewConversation,
    gives={201: Conversation, 200: (Conversation, ConversationLeft)},
    keyed=True,
    refuses=("not_found",),
)
async def create(request: Request) -> Response:
    """Begin a conversation: 201, or 200 with the same one when the key was used before.

    Clients begin one in a project of theirs (`GET projects`), with its members and with staff (`GET accounts` finds
    both); else it is forbidden, and `field` says whether for `project` or `members`. Staff begin one with anyone, also
    with an account that only the host application knows so far.
    """
    account = (await who(request)).account
    given = await body_of(request, NewConversation)
    check_text(given.subject, "subject")
    key = idempotency_key(request)
    id = str(uuid5(CONVERSATION_IDS, f"{account.id}:{key}"))
    members = tuple(dict.fromkeys(map(canonical, given.members)))
    act = Create(given.subject, members, canonical(given.project) if given.project is not None else None)
    outcome = await write(request, account, id, key, act)
    try:
        return answer(await conversations.get(edge_of(request).db, account.id, id), 200 if outcome.replayed else 201)
    except NotFound:
        # Begun long ago by this key, and left since: what was stored gets its answer, without what is no longer
        # the asker's business.
        return answer({"id": id, "subject": act.subject, "project": act.project, "head": outcome.seq, "members": []})


@operation(query=Listing, gives={200: Conversations})
async def index(request: Request) -> Response:
    """The account's conversations, last active first."""
    account = (await who(request)).account
    part = query_of(request, Listing)
    items, following = await conversations.page(edge_of(request).db, account.id, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(gives={200: Conversation})
async def show(request: Request) -> Response:
    """One conversation with its members."""
    account = (await who(request)).account
    return answer(await conversations.get(edge_of(request).db, account.id, path_id(request)))


@operation(takes=ConversationChange, gives={200: Conversation}, keyed=True, refuses=("closed",))
async def change(request: Request) -> Response:
    """Rename, or else close, open or archive, a conversation that one is a member of (staff): one change at a time."""
    account = (await who(request)).account
    id = path_id(request)
    given = await body_of(request, ConversationChange)
    if (given.subject is None) == (given.status is None):
        raise Problem("invalid", "Give either `subject` or `status`.", field="status")
    act: Rename | SetStatus
    if given.subject is not None:
        check_text(given.subject, "subject")
        act = Rename(given.subject)
    else:
        assert given.status is not None
        act = SetStatus(given.status)
    key = idempotency_key(request)
    await write(request, account, id, key, act)
    return answer(await conversations.get(edge_of(request).db, account.id, id))


@operation(gives={204: None}, keyed=True)
async def archive(request: Request) -> Response:
    """Archive a conversation (staff): it is closed and left out of lists; its members read it as before."""
    account = (await who(request)).account
    id = path_id(request)
    await write(request, account, id, idempotency_key(request), SetStatus("archived"))
    return Response(status_code=204)


@operation(takes=ReadUpTo, gives={204: None}, refuses=("overloaded",))
async def read(request: Request) -> Response:
    """Everything up to `seq` is read: the greatest wins, at most the head.

    As the WebSocket's `read`: written at most once a second for each conversation, and the answer waits for that.
    """
    account = (await who(request)).account
    id = path_id(request)
    given = await body_of(request, ReadUpTo)
    await edge_of(request).markers.stored(account.id, id, read=given.seq)
    return Response(status_code=204)


@operation(query=Stretch, gives={200: Events})
async def events(request: Request) -> Response:
    """A page of the log: the events after a seq, or the newest before one; always in order of seq."""
    asked = edge_of(request).db, (await who(request)).account.id, path_id(request)
    return await stretch(request, partial(event_log.events_after, *asked), partial(event_log.events_before, *asked))


async def stretch(request: Request, read_after: ReadPage, read_before: ReadPage) -> Response:
    """The part of a log that the query asks for, read by one of the two."""
    part = query_of(request, Stretch)
    if part.after is not None and part.before is not None:
        raise Problem("invalid", "Give `after` or `before`, not both.", field="before")
    if part.before is not None:
        page = await read_before(part.before, part.limit)
        first = page.items[0]["seq"] if page.items else 1
        following = first if first > 1 else None
    else:
        page = await read_after(part.after or 0, part.limit)
        last = page.items[-1]["seq"] if page.items else page.head
        following = last if last < page.head else None
    return answer({"epoch": page.epoch, "items": page.items, "head": page.head, "next": following})

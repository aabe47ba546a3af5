"""`admin/conversations`: what administrators read of conversations that they are not in. Each look is noted."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.answers import Events, Member, Standing
from edge.api.conversations import Stretch, stretch
from edge.api.listing import Search, search_of
from edge.api.operations import operation
from edge.api.requests import answer, edge_of, path_id, who
from edge.socket.frames import AnyId
from edge.terms import AccountId, Moment, Status
from storage import oversight


class ConversationSearch(Search):
    """Which part of the list of all conversations."""

    status: Status | None = None
    project: Annotated[AnyId, msgspec.Meta(description="Only those of this project.")] | None = None


class Seen(Standing):
    """What an administrator sees of it besides."""

    created_at: Moment
    last_at: Annotated[Moment, msgspec.Meta(description="When the last event was stored.")]


class Overview(Seen):
    """A conversation in the list of all."""

    members: Annotated[int, msgspec.Meta(ge=0, description="How many there are.")]


class Overviews(msgspec.Struct):
    """A page of all conversations, the newest first."""

    items: list[Overview]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "items": [
            {
                "id": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
                "subject": "Harbour Bridge",
                "project": None,
                "status": "open",
                "head": 43,
                "created_at": "2026-11-23T08:58:00.000Z",
                "last_at": "2026-11-23T09:00:03.118Z",
                "members": 2,
            }
        ],
        "next": None,
    }


class Overseen(Seen):
    """A conversation as an administrator sees it, who need not be a member."""

    created_by: AccountId
    members: list[Member]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        **{name: value for name, value in Overviews.EXAMPLE["items"][0].items() if name != "members"},
        "created_by": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
        "members": [{"account": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1", "name": "Ann Okafor", "role": "agent"}],
    }


@operation(query=ConversationSearch, gives={200: Overviews}, by="admin")
async def index(request: Request) -> Response:
    """All conversations, the archived too, the newest first; `query` is a part of the subject. Nothing that was said
    is shown, so nothing is noted.
    """
    part = search_of(request, ConversationSearch)
    project = part.project and part.project.lower()
    db = edge_of(request).db
    items, following = await oversight.page(db, part.query, part.status, project, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(gives={200: Overseen}, by="admin")
async def show(request: Request) -> Response:
    """One conversation with its members. The look is noted in `admin/audit`."""
    actor = (await who(request)).account.id
    return answer(await oversight.get(edge_of(request).db, actor, path_id(request)))


@operation(query=Stretch, gives={200: Events}, by="admin")
async def events(request: Request) -> Response:
    """A page of a log, as members get it. The look is noted in `admin/audit`."""
    asked = edge_of(request).db, (await who(request)).account.id, path_id(request)
    return await stretch(request, partial(oversight.events_after, *asked), partial(oversight.events_before, *asked))

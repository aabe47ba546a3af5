"""`accounts`: who there is, for those who have to do with each other."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.listing import Search, search_of
from edge.api.operations import operation
from edge.api.requests import answer, edge_of, path_id, who
from edge.terms import AccountId, Role
from storage import people


class Person(msgspec.Struct):
    """An account as others may know it."""

    id: AccountId
    name: str
    email: Annotated[
        str | None, msgspec.Meta(description="For staff; one's own where it is asked for by id; else null.")
    ]
    role: Role

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
        "name": "Ann Okafor",
        "email": None,
        "role": "agent",
    }


class People(msgspec.Struct):
    """A page of accounts, by name."""

    items: list[Person]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"items": [Person.EXAMPLE], "next": None}


@operation(query=Search, gives={200: People})
async def index(request: Request) -> Response:
    """Find people by a part of their name: staff find everybody, by address too; clients staff, and the people of
    their projects. Who is suspended is not found.
    """
    part = search_of(request, Search)
    asker = (await who(request)).account
    items, following = await people.search(edge_of(request).db, asker, part.query, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(gives={200: Person})
async def show(request: Request) -> Response:
    """Somebody with whom one shares a project, or shares or shared a conversation; staff know everybody and are known
    to everybody.
    """
    return answer(await people.get(edge_of(request).db, (await who(request)).account.id, path_id(request)))

"""`projects` and their members: what clients and staff work on together."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Id
from edge.api.listing import Listing, Search, search_of
from edge.api.operations import operation
from edge.api.people import People
from edge.api.requests import admit, answer, body_of, check_text, edge_of, idempotency_key, path_id, who
from edge.api.wishes import PROJECTS, wish
from edge.problems import Problem
from edge.terms import Moment, ProjectId
from storage import projects

NAME_CHARACTERS = 200


class NameOfProject(msgspec.Struct):
    """What `POST projects` and `PATCH projects/{id}` take."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS)]

    EXAMPLE: ClassVar[dict[str, Any]] = {"name": "Harbour Bridge"}


class Project(msgspec.Struct):
    """A project."""

    id: ProjectId
    name: str
    created_at: Moment
    members: Annotated[int, msgspec.Meta(ge=0, description="How many there are.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "c2b1a0f9-8e7d-4c6b-a5f4-e3d2c1b0a9f8",
        "name": "Harbour Bridge",
        "created_at": "2026-11-02T10:12:00.000Z",
        "members": 4,
    }


class Projects(msgspec.Struct):
    """A page of projects, by name."""

    items: list[Project]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"items": [Project.EXAMPLE], "next": None}


@operation(query=Search, gives={200: Projects})
async def index(request: Request) -> Response:
    """The projects that one may see: clients their own, staff all."""
    part = search_of(request, Search)
    asker = (await who(request)).account
    items, following = await projects.page(edge_of(request).db, asker, part.query, part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(takes=NameOfProject, gives={201: Project, 200: Project}, by="agent", keyed=True)
async def create(request: Request) -> Response:
    """Begin a project: 201, or 200 with the same one, as it is now, when the key was used before."""
    asker = (await who(request)).account
    given = await body_of(request, NameOfProject)
    check_text(given.name, "name")
    key = idempotency_key(request)
    admit(request, asker.id)
    wanted = wish(PROJECTS, asker.id, key, given.name)
    made = await projects.create(edge_of(request).db, wanted.id, given.name, wanted.fingerprint)
    if not made.same:
        raise Problem("id_conflict")
    return answer(made.project, 200 if made.replayed else 201)


@operation(gives={200: Project})
async def show(request: Request) -> Response:
    """One project, for its members and staff."""
    return answer(await projects.get(edge_of(request).db, (await who(request)).account.id, path_id(request)))


@operation(takes=NameOfProject, gives={200: Project}, refuses=("forbidden", "rate_limited"))
async def change(request: Request) -> Response:
    """Rename a project, for staff."""
    id = path_id(request)
    await _check_staff(request, id)
    given = await body_of(request, NameOfProject)
    check_text(given.name, "name")
    return answer(await projects.rename(edge_of(request).db, id, given.name))


@operation(query=Listing, gives={200: People})
async def members(request: Request) -> Response:
    """Who belongs to a project, by name, for its members and staff."""
    part = search_of(request, Listing)
    asker = (await who(request)).account.id
    db = edge_of(request).db
    items, following = await projects.members(db, asker, path_id(request), part.after, part.limit)
    return answer({"items": items, "next": following})


@operation(gives={204: None}, refuses=("forbidden", "rate_limited"))
async def add_member(request: Request) -> Response:
    """Make somebody a member, for staff; also an account that only the host application knows so far."""
    id, account = path_id(request), path_id(request, "account")
    await _check_staff(request, id)
    await projects.add_member(edge_of(request).db, id, account)
    return Response(status_code=204)


@operation(gives={204: None}, refuses=("forbidden", "rate_limited"))
async def remove_member(request: Request) -> Response:
    """Remove a member, for staff; conversations that they are in stay theirs."""
    id, account = path_id(request), path_id(request, "account")
    await _check_staff(request, id)
    await projects.remove_member(edge_of(request).db, id, account)
    return Response(status_code=204)


async def _check_staff(request: Request, id: Id) -> None:
    """Raises 403 for a client who may see the project, 404 for one who may not; counts the write of who may."""
    asker = (await who(request)).account
    if asker.role == "client":
        await projects.get(edge_of(request).db, asker.id, id)
        raise Problem("forbidden")
    admit(request, asker.id)

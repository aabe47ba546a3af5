"""`admin/stats`: how the system is used."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.operations import operation
from edge.api.requests import admit, answer, edge_of, query_of, who
from edge.terms import Moment
from storage import statistics

HOURS_DEFAULT, HOURS_MOST = 24, 168
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Span(msgspec.Struct):
    """How far back to look."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=HOURS_MOST, description="For messages and responses.")] = HOURS_DEFAULT


class Active(msgspec.Struct):
    """Conversations in which something happened in the last 24 hours, and in the last 7 days."""

    day: Count
    week: Count


class Hour(msgspec.Struct):
    """How many messages were sent in the hour that begins then."""

    hour: Moment
    messages: Count


class Responses(msgspec.Struct):
    """How long clients waited for staff: from the first message of a client after one of staff (or after none) to the
    next of staff in that conversation."""

    answered: Count
    waiting: Count
    average_seconds: Seconds | None
    median_seconds: Seconds | None


class ByStatus(msgspec.Struct):
    """Conversations by status."""

    open: Count
    closed: Count
    archived: Count


class ByRole(msgspec.Struct):
    """Accounts by role."""

    client: Count
    agent: Count
    admin: Count


class Totals(msgspec.Struct):
    """All there is."""

    conversations: ByStatus
    accounts: ByRole
    suspended: Annotated[Count, msgspec.Meta(description="Of the accounts.")]
    events: Annotated[Count, msgspec.Meta(description="Of all logs.")]


class Statistics(msgspec.Struct):
    """The figures; `messages` and `responses` are of the last `hours`."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=HOURS_MOST)]
    active: Active
    messages: Annotated[list[Hour], msgspec.Meta(description="Each hour, up to the one that runs, in UTC.")]
    responses: Responses
    totals: Totals

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "hours": 2,
        "active": {"day": 12, "week": 31},
        "messages": [
            {"hour": "2026-11-23T08:00:00.000Z", "messages": 140},
            {"hour": "2026-11-23T09:00:00.000Z", "messages": 17},
        ],
        "responses": {"answered": 9, "waiting": 1, "average_seconds": 312.5, "median_seconds": 184.0},
        "totals": {
            "conversations": {"open": 40, "closed": 7, "archived": 102},
            "accounts": {"client": 61, "agent": 8, "admin": 2},
            "suspended": 1,
            "events": 48211,
        },
    }


@operation(query=Span, gives={200: Statistics}, by="admin", refuses=("rate_limited",))
async def show(request: Request) -> Response:
    """Active conversations, messages by hour, how long clients wait, and totals; read from the log as it is now.

    Costs as much as was said in these hours, so it counts like a write; where that is more than a statement may
    take, it is `unavailable`: ask for fewer.
    """
    span = query_of(request, Span)
    admit(request, (await who(request)).account.id)
    return answer(await statistics.read(edge_of(request).db, span.hours))

"""How the system is used: what is active, how much is said, how long clients wait. Read from the log when asked."""

from __future__ import annotations

import msgspec

from storage.log import moment
from storage.pool import Database
from storage.statements import statements

SQL = statements("statistics")


class Active(msgspec.Struct, frozen=True):
    """Conversations in which something happened in the last 24 hours, and in the last 7 days."""

    day: int
    week: int


class Hour(msgspec.Struct, frozen=True):
    """How many messages were sent in the hour that begins then."""

    hour: str
    messages: int


class Responses(msgspec.Struct, frozen=True):
    """How long clients waited for staff: of what they asked, how much was `answered`, how much is `waiting` still,
    and the seconds until the answer, None without one."""

    answered: int
    waiting: int
    average_seconds: float | None
    median_seconds: float | None


class Totals(msgspec.Struct, frozen=True):
    """All there is: conversations by status, accounts by role, those suspended, events of all logs."""

    conversations: dict[str, int]
    accounts: dict[str, int]
    suspended: int
    events: int


class Statistics(msgspec.Struct, frozen=True):
    """The figures; `messages` and `responses` are of the last `hours`."""

    hours: int
    active: Active
    messages: list[Hour]
    responses: Responses
    totals: Totals


async def read(db: Database, hours: int) -> Statistics:
    """The figures of now. Costs as much as was said in these hours; raises `Unavailable` when that is too much."""
    talks = await db.fetch(SQL["conversations"])
    people = await db.fetch(SQL["accounts"])
    volume = await db.fetch(SQL["volume"], {"hours": hours})
    answered, waiting, average, median = (await db.fetch(SQL["responses"], {"hours": hours}))[0]
    totals = Totals(
        {"open": 0, "closed": 0, "archived": 0, **{row[0]: row[1] for row in talks}},
        {"client": 0, "agent": 0, "admin": 0, **{row[0]: row[1] for row in people}},
        sum(row[2] for row in people),
        sum(row[2] for row in talks),
    )
    return Statistics(
        hours,
        Active(sum(row[3] for row in talks), sum(row[4] for row in talks)),
        [Hour(moment(hour), messages) for hour, messages in volume],
        Responses(answered, waiting, _rounded(average), _rounded(median)),
        totals,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

"""What psycopg says, in our words."""

from __future__ import annotations

import psycopg
import psycopg_pool
import pytest
from psycopg import errors as sqlstates

from storage.errors import BadData, Busy, Conflict, Forbidden, Invalid, NotFound, Unavailable, Unusable, translated


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlstates.InvalidTextRepresentation(), BadData),
        (sqlstates.UniqueViolation(), BadData),
        (sqlstates.ProgramLimitExceeded(), BadData),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), BadData),
        (sqlstates.UndefinedTable("relation does not exist"), Unusable),
        (sqlstates.InvalidCatalogName(), Unusable),
        (sqlstates.LockNotAvailable(), Busy),
        (sqlstates.QueryCanceled(), Unavailable),
        (sqlstates.AdminShutdown(), Unavailable),
        (sqlstates.DiskFull(), Unavailable),
        (sqlstates.DeadlockDetected(), Unavailable),
        (sqlstates.ReadOnlySqlTransaction(), Unavailable),
        (sqlstates.InternalError_(), Unavailable),
        (psycopg.OperationalError("connection refused"), Unavailable),
        (psycopg_pool.PoolTimeout(), Unavailable),
        (psycopg_pool.TooManyRequests(), Unavailable),
    ],
)
def test_only_what_accuses_the_value_is_final(error, expected):
    """A command that is refused for good must never be one that a healthy server would have stored."""
    assert type(translated(error)) is expected


def test_an_error_says_its_docstring_then_the_detail():
    assert str(Unavailable("55P03")).endswith("Try again. (55P03)")
    assert str(NotFound()) == NotFound.__doc__


def test_an_error_knows_its_code_and_field():
    error = Invalid(field="reply_to")
    assert (error.code, error.field) == ("invalid", "reply_to")
    codes = [kind.code for kind in (Unavailable, BadData, NotFound, Forbidden, Conflict)]
    assert codes == ["unavailable", "invalid", "not_found", "forbidden", "invalid"]


def test_a_schema_that_is_not_ours_says_what_to_do():
    assert "python -m storage migrate" in str(translated(sqlstates.UndefinedTable("no events\nLINE 1: …")))
    assert "LINE" not in str(translated(sqlstates.UndefinedTable("no events\nLINE 1: …")))

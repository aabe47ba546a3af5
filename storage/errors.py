"""What can go wrong in storage, each with the protocol's code for it. The docstring is the message.

psycopg's errors are turned into these in one place, `translated`; nothing above storage knows psycopg.
"""

from __future__ import annotations

import psycopg
import psycopg_pool

# SQLSTATE classes that accuse the statement's own values: data exception, integrity constraint violation,
# program limit exceeded. PostgreSQL documentation, appendix A.
OF_THE_DATA = ("22", "23", "54")
# Syntax error, undefined table or function, missing privilege, feature not supported: the schema is not ours.
OF_THE_SCHEMA = ("42", "0A", "3D", "3F")
LOCK_NOT_AVAILABLE = "55P03"


class StorageError(Exception):
    """Storage refused."""

    code = "unavailable"
    outspoken = False
    """Whether the docstring may be told to who asked: it says more than the code, and nothing that is not theirs."""

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        super().__init__(f"{self.__doc__}{f' ({detail})' if detail else ''}")
        self.field = field


class Unavailable(StorageError):
    """The database did not answer, or not in time: whether anything was stored is unknown. Try again."""


class Unusable(Unavailable):
    """The database lacks something that this release needs: run `python -m storage migrate`."""


class Busy(Unavailable):
    """Others hold what the statement needs, for longer than it may wait: nothing was stored. Try again."""


class BadData(StorageError):
    """PostgreSQL does not take this value; the same statement will fail for ever."""

    code = "invalid"


class Invalid(StorageError):
    """A field has a value that is not allowed here."""

    code = "invalid"


class NotFound(StorageError):
    """There is no such thing, or it is none of the asker's business."""

    code = "not_found"


class Forbidden(StorageError):
    """This account may not do that."""

    code = "forbidden"


class Conflict(StorageError):
    """Something else holds this name already."""

    code = "invalid"
    outspoken = True


class BadAddress(Invalid):
    """This is no e-mail address: it looks like name@example.org."""

    outspoken = True


class HostedAccount(Forbidden):
    """This belongs to the host application, at which the account signs in."""

    outspoken = True


class LastAdministrator(Forbidden):
    """Nobody would be left who administers: make another account an administrator first."""

    outspoken = True


class DurabilityError(StorageError):
    """The server may lose what it has confirmed, and Parley promises that nothing acknowledged is lost."""


def translated(error: Exception) -> StorageError:
    """The storage error that `error`, raised by psycopg or its pool, stands for.

    Only what accuses the values is `BadData`; all else is `Unavailable`, because a command that is refused
    for good must never be one that a healthy server would have stored.
    """
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        return Unavailable("no connection was free in time")
    state = getattr(error, "sqlstate", None) or ""
    detail = f"{type(error).__name__} {state}".strip()
    if state.startswith(OF_THE_DATA) or (not state and isinstance(error, psycopg.DataError | UnicodeError)):
        return BadData(detail)
    if state.startswith(OF_THE_SCHEMA):
        return Unusable(f"{detail}: {error}".splitlines()[0])
    if state == LOCK_NOT_AVAILABLE:
        return Busy(detail)
    return Unavailable(detail)

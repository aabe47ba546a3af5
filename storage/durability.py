"""Whether a server keeps what it confirms, and which history it tells: asked on every new connection.

A pool outlives its server: what was a durable primary may come back as another one, restored from
yesterday or started with fsync off. Each connection therefore asks again.
"""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from storage.errors import DurabilityError
from storage.statements import statements

SQL = statements("durability")

# synchronous_commit: all but `off` wait at least for the local disk (PostgreSQL documentation, 19.5.1).
WAITING = frozenset({"on", "local", "remote_write", "remote_apply"})


class Nature(NamedTuple):
    """What a server is: `epoch` names its history, `faults` says in words why it may lose confirmed data."""

    epoch: str
    faults: tuple[str, ...]


async def nature(connection: psycopg.AsyncConnection) -> Nature:
    """Ask the server behind this connection; one statement."""
    cursor = await connection.execute(SQL["nature"])
    row = await cursor.fetchone()
    assert row is not None
    system, timeline, fsync, commit, pages = row
    faults = []
    if fsync != "on":
        faults.append(f"fsync={fsync}")
    if commit not in WAITING:
        faults.append(f"synchronous_commit={commit}")
    if pages != "on":
        faults.append(f"full_page_writes={pages}")
    return Nature(f"{system}-{timeline}", tuple(faults))


def require_durable(found: Nature, *, allow_unsafe: bool) -> None:
    """Raises `DurabilityError` for a server that may lose what it confirms, unless the loss was accepted."""
    if found.faults and not allow_unsafe:
        raise DurabilityError(
            f"{', '.join(found.faults)}: switch it on, or accept the loss with STORAGE_ALLOW_UNSAFE_DURABILITY=1"
        )

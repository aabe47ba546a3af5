"""What edges do now and then, seen on a real one."""

from __future__ import annotations

import asyncio

import pytest

from storage import sessions
from tests.fixtures.logs import person
from tests.fixtures.system import System

pytestmark = pytest.mark.anyio


async def test_an_edge_that_starts_forgets_what_has_expired(system: System, db):
    account = await person(db)
    await sessions.open(db, account, b"old", -1)
    kept = await sessions.open(db, account, b"new", 60)
    system.start("edge-2")
    await system.ready()
    async with asyncio.timeout(10):
        while len(left := await db.fetch("SELECT id, pg_sleep(0.02)::text FROM sessions")) > 1:
            pass
    assert left == [(kept, "")]

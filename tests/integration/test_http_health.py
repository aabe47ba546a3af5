"""Alive and ready: what the two root routes say, and when they say no."""

from __future__ import annotations

import asyncio

import pytest

from edge.api import health
from edge.auth.revocations import Revocations
from storage.errors import Unavailable
from storage.pool import open_database
from storage.settings import StorageSettings
from tests.fixtures.http import Site, edge_settings

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]


async def ready(site: Site) -> tuple[int, dict[str, object]]:
    answer = await site.http.get("/readyz")
    return answer.status_code, answer.json()


async def test_alive_asks_nobody(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site, "db", None)
    answer = await site.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_lists_what_it_rests_on(site: Site):
    assert await ready(site) == (
        200,
        {
            "status": "ready",
            "database": True,
            "durable": True,
            "backbone": True,
            "brokers": 1,
            "persistence": 1,
            "fanout": 1,
            "scanning": 0,
            "draining": False,
            "epoch": site.db.epoch,
        },
    )


@pytest.mark.parametrize("missing", ["persistence", "fanout", "backbone", "database", "draining"])
async def test_what_is_missing_is_named_and_the_answer_is_503(
    site: Site, missing: str, monkeypatch: pytest.MonkeyPatch
):
    async def gone() -> None:
        raise Unavailable

    if missing == "database":
        monkeypatch.setattr(site.db, "check", gone)
    elif missing == "backbone":
        site.roster.ready = False
    elif missing == "draining":
        site.drains = True
    else:
        site.roster.alive.remove(missing)
    status, body = await ready(site)
    assert (status, body["status"]) == (503, "not ready")
    assert body[missing] == (missing == "draining")
    assert sum(not body[name] for name in ("database", "backbone", "persistence", "fanout")) == (missing != "draining")


async def test_a_database_that_does_not_answer_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.02)
    monkeypatch.setattr(site.db, "check", asyncio.Event().wait)
    status, body = await ready(site)
    assert (status, body["database"]) == (503, False)


async def test_a_database_that_may_lose_commits_serves_and_is_said_to_be_so(site: Site, database_url: str):
    (name,) = (await site.db.fetch("SELECT current_database()"))[0]
    await site.db.fetch(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    unsafe = StorageSettings(database_url=database_url, allow_unsafe_durability=True)
    async with open_database(unsafe) as db, Revocations(db) as revocations:
        careless = Site(edge_settings(), db, revocations)
        async with careless.http:
            status, body = await ready(careless)
    assert (status, body["status"], body["durable"]) == (200, "ready", False)

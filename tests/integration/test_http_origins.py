"""Which pages may use the HTTP API: preflights, answers, and errors, with and without a place in the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from edge.auth.revocations import Revocations
from storage.pool import Database
from tests.fixtures.http import Site, Someone, edge_settings, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

LISTED, OTHER = "https://app.example", "https://evil.example"
ALLOWED = "access-control-allow-origin"
WISH = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, idempotency-key"}


@pytest.fixture
async def open_site(db: Database) -> AsyncIterator[Site]:
    """The API, open to the pages of one other origin."""
    async with AsyncExitStack() as parts:
        revocations = await parts.enter_async_context(Revocations(db))
        site = Site(edge_settings(rate_limit=0.0, allowed_origins=f"http://localhost:3000,{LISTED}"), db, revocations)
        await parts.enter_async_context(site.http)
        yield site


async def test_a_listed_page_may_ask_everything_that_the_api_knows(open_site: Site):
    answer = await open_site.call("OPTIONS", "conversations", headers={"Origin": LISTED, **WISH})
    assert answer.status_code == 200
    assert answer.headers[ALLOWED] == LISTED
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    assert set(answer.headers["access-control-allow-methods"].split(", ")) == methods
    granted = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type", "idempotency-key"} <= granted
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "null", "http://app.example", "https://app.example:8443"])
async def test_any_other_page_may_ask_nothing(open_site: Site, agent: Someone, origin: str):
    preflight = await open_site.call("OPTIONS", "conversations", headers={"Origin": origin, **WISH})
    assert preflight.status_code == 400
    assert ALLOWED not in preflight.headers
    answer = await open_site.call("GET", "me", agent, headers={"Origin": origin})
    assert ALLOWED not in answer.headers


@pytest.mark.parametrize(
    "wish",
    [{"Access-Control-Request-Method": "TRACE"}, {**WISH, "Access-Control-Request-Headers": "x-anything"}],
    ids=["method", "header"],
)
async def test_what_the_api_does_not_know_is_not_granted(open_site: Site, wish: dict[str, str]):
    answer = await open_site.call("OPTIONS", "conversations", headers={"Origin": LISTED, **wish})
    assert answer.status_code == 400


async def test_a_listed_page_reads_answers_and_errors_alike(open_site: Site, agent: Someone):
    for path, who, status in (("me", agent, 200), ("me", None, 401), ("nothing", agent, 404)):
        answer = await open_site.call("GET", path, who, headers={"Origin": LISTED})
        assert (answer.status_code, answer.headers[ALLOWED]) == (status, LISTED)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_a_fault_of_ours_is_readable_too(open_site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch):
    async def broken(token: str) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(open_site.edge.identity, "authenticate", broken)
    answer = await open_site.call("GET", "me", agent, headers={"Origin": LISTED})
    problem(answer, 500, "internal")
    assert answer.headers[ALLOWED] == LISTED


async def test_without_a_list_no_page_of_another_origin_gets_in(site: Site, agent: Someone):
    preflight = await site.call("OPTIONS", "me", headers={"Origin": LISTED, **WISH})
    assert ALLOWED not in preflight.headers
    answer = await site.call("GET", "me", agent, headers={"Origin": LISTED})
    assert (answer.status_code, ALLOWED in answer.headers) == (200, False)

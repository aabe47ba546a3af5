"""The web app beside the API: where each begins, what headers they carry, and reports of what the policy stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from edge.auth.revocations import Revocations
from edge.webapp import REPORTS
from storage.pool import Database
from tests.fixtures.http import Site, edge_settings, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]


@pytest.fixture
async def served(db: Database, tmp_path: Path) -> AsyncIterator[Site]:
    """An edge with a build of the web app."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the app")
    (tmp_path / "assets" / "index-4f2a.js").write_text("export {}")
    async with AsyncExitStack() as parts:
        revocations = await parts.enter_async_context(Revocations(db))
        site = Site(edge_settings(web_dir=str(tmp_path)), db, revocations)
        await parts.enter_async_context(site.http)
        yield site


async def test_the_app_is_served_where_no_route_is(served: Site):
    for path in ("/", "/c/5d3c8a44"):
        answer = await served.http.get(path)
        assert (answer.status_code, answer.text) == (200, "<!doctype html>the app")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
    head = await served.http.head("/assets/index-4f2a.js")
    assert (head.status_code, head.headers["content-length"]) == (200, "9")
    assert (await served.http.get("/healthz")).json()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api", "/assets/gone.js", "/favicon.ico"])
async def test_a_mistaken_address_of_the_api_or_of_a_file_is_not_found(served: Site, path: str):
    answer = await served.http.get(path)
    problem(answer, 404, "not_found")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")


async def test_nothing_is_written_to_a_page(served: Site):
    for method in ("POST", "PUT", "DELETE"):
        problem(await served.http.request(method, "/c/5d3c8a44"), 404, "not_found")


async def test_an_edge_without_a_build_says_so(db: Database, tmp_path: Path):
    async with Revocations(db) as revocations:
        site = Site(edge_settings(web_dir=str(tmp_path)), db, revocations)
        async with site.http:
            answer = await site.http.get("/")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")


# Reports ----------------------------------------------------------------------

STOPPED = {
    "document-uri": "https://chat.example/c/5d3c?draft=secret",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://evil.example/x.js?stolen=1#more",
    "line-number": 3,
    "script-sample": "what somebody wrote",
    "original-policy": "…",
}


async def report(site: Site, violation: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/csp-report"}
    return await site.http.post(REPORTS, json={"csp-report": violation}, headers=headers)


async def test_what_the_policy_stopped_is_counted_and_told_without_what_people_wrote(site: Site):
    with structlog.testing.capture_logs() as told:
        assert (await report(site, STOPPED)).status_code == 204
    assert site.edge.violations == {"script-src-elem": 1}
    (line,) = (each for each in told if each["event"] == "csp.violation")
    assert line["blocked"] == "https://evil.example/x.js"
    assert line["page"] == "https://chat.example/c/5d3c"
    assert "secret" not in str(told)
    assert "what somebody wrote" not in str(told)


async def test_a_report_cannot_make_a_time_series_of_its_own(site: Site):
    for directive in ("made-up", "script-src 'self'", "", "x" * 10_000):
        assert (await report(site, {"effective-directive": directive})).status_code == 204
    assert (await report(site, {"violated-directive": "img-src 'self'"})).status_code == 204
    assert site.edge.violations == {"other": 3, "script-src": 1, "img-src": 1}


@pytest.mark.parametrize(
    ("content", "status", "code", "field"),
    [
        (b"{", 400, "bad_frame", None),
        (b"{}", 422, "invalid", "csp-report"),
        (b'{"csp-report": {"line-number": "x"}}', 422, "invalid", "csp-report"),
        (b'{"csp-report": {"blocked-uri": "' + b"x" * 70_000 + b'"}}', 413, "too_large", None),
    ],
)
async def test_what_is_no_report_is_refused_and_not_counted(site: Site, content, status, code, field):
    problem(await site.http.post(REPORTS, content=content), status, code, field)
    assert not site.edge.violations


async def test_a_page_that_reports_without_end_is_heard_twenty_times(site: Site):
    answers = [await report(site, STOPPED) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [204] * 20 + [429]
    assert site.edge.violations == {"script-src-elem": 20}
    async with site.client("192.0.2.9") as another:
        assert (await another.post(REPORTS, json={"csp-report": STOPPED})).status_code == 204

"""A page's session over HTTP: cookies that no script can read, that count for no other page, and that end."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from typing import Any

import httpx2
import pytest

from tests.fixtures.http import Site, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

EMAIL, PASSWORD = "dora@parley.example", "a long password"
OURS, OTHERS = "https://parley.test", "https://evil.example"
WHO = {"email": EMAIL, "password": PASSWORD}


class Browser:
    """What a browser does with cookies: keeps what it is told, and sends it whichever page asks."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kept: dict[str, str] = {}

    async def call(
        self, method: str, path: str, page: str | None = OURS, *, keep: bool = True, **options: Any
    ) -> httpx2.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.kept.items())} if self.kept else {}
        headers |= {"Origin": page} if page is not None else {}
        answer = await self.site.call(method, path, headers=headers | options.pop("headers", {}), **options)
        self.site.http.cookies.clear()
        if keep:
            self.take(answer)
        return answer

    def take(self, answer: httpx2.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            for name, cookie in SimpleCookie(line).items():
                self.kept.pop(name, None)
                if cookie["max-age"] != "0":
                    self.kept[name] = cookie.value


@pytest.fixture
async def browser(site: Site) -> Browser:
    """Dora's, signed in."""
    await site.local(EMAIL, PASSWORD)
    found = Browser(site)
    answer = await found.call("POST", "auth/login", json={**WHO, "cookie": True})
    assert answer.status_code == 200, answer.text
    return found


async def test_a_page_signs_in_and_no_answer_shows_it_a_token(site: Site):
    dora = await site.local(EMAIL, PASSWORD)
    browser = Browser(site)
    answer = await browser.call("POST", "auth/login", json={**WHO, "cookie": True})
    account = {"id": dora.id, "name": "Dora", "email": EMAIL, "role": "client"}
    assert answer.json() == {"expires_in": 900, "account": account}
    assert set(browser.kept) == {"__Host-parley", "__Secure-parley-refresh"}
    shown = await browser.call("GET", "me", None)
    assert (shown.status_code, shown.json()) == (200, account)


async def test_its_writes_count_with_our_own_origin_only(browser: Browser):
    for page in (OTHERS, "null", None, "https://parley.test:8443", "https://app.parley.test"):
        answer = await browser.call("PATCH", "me", page, json={"name": "Mallory"})
        problem(answer, 403, "forbidden")
    assert (await browser.call("GET", "me", None)).json()["name"] == "Dora"
    assert (await browser.call("PATCH", "me", json={"name": "Theodora"})).status_code == 200
    assert (await browser.call("GET", "me", None)).json()["name"] == "Theodora"


async def test_another_page_reads_nothing_with_it(browser: Browser):
    problem(await browser.call("GET", "me", OTHERS), 403, "forbidden")
    problem(await browser.call("GET", "me", None, headers={"Sec-Fetch-Site": "cross-site"}), 403, "forbidden")
    problem(await browser.call("GET", "me", "http://parley.test"), 401, "unauthenticated")


async def test_a_page_that_shows_a_token_is_whom_the_token_says(browser: Browser):
    answer = await browser.call("GET", "me", headers={"Authorization": "Bearer nonsense"})
    problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("page", [OTHERS, "null", None])
async def test_no_other_page_signs_anybody_in_here(site: Site, page: str | None):
    await site.local(EMAIL, PASSWORD)
    browser = Browser(site)
    problem(await browser.call("POST", "auth/login", page, json={**WHO, "cookie": True}), 403, "forbidden")
    assert browser.kept == {}
    assert await site.db.fetch("SELECT FROM sessions") == []


async def test_a_session_is_refreshed_by_its_cookie_and_by_no_other_page(browser: Browser):
    before = dict(browser.kept)
    for page in (OTHERS, None):
        problem(await browser.call("POST", "auth/refresh", page, json={}), 403, "forbidden")
    answer = await browser.call("POST", "auth/refresh", json={})
    assert answer.status_code == 200
    assert set(answer.json()) == {"expires_in", "account"}
    assert all(browser.kept[name] != value for name, value in before.items())
    assert (await browser.call("GET", "me", None)).status_code == 200


async def test_tabs_that_refresh_at_once_are_given_the_same_token_whichever_answer_comes_last(browser: Browser):
    refresh = [browser.call("POST", "auth/refresh", json={}, keep=False) for _ in range(4)]
    answers = await asyncio.gather(*refresh)
    given = set()
    for answer in answers:
        assert answer.status_code == 200
        browser.take(answer)
        given.add(browser.kept["__Secure-parley-refresh"])
    assert len(given) == 1
    await browser.site.db.fetch("UPDATE sessions SET rotated_at = rotated_at - interval '31 s'")
    assert (await browser.call("POST", "auth/refresh", json={})).status_code == 200


async def test_who_has_no_cookie_has_nothing_to_refresh(site: Site):
    problem(await Browser(site).call("POST", "auth/refresh", json={}), 401, "unauthenticated")


async def test_a_stolen_refresh_cookie_ends_the_session(browser: Browser):
    stolen = dict(browser.kept)
    await browser.call("POST", "auth/refresh", json={})
    await browser.site.db.fetch("UPDATE sessions SET rotated_at = rotated_at - interval '31 s'")
    thief = Browser(browser.site)
    thief.kept = stolen
    problem(await thief.call("POST", "auth/refresh", json={}), 401, "unauthenticated")
    problem(await browser.call("POST", "auth/refresh", json={}), 401, "unauthenticated")


async def test_signing_out_ends_the_session_and_has_the_browser_forget_it(browser: Browser):
    before = dict(browser.kept)
    problem(await browser.call("POST", "auth/logout", OTHERS), 403, "forbidden")
    assert browser.kept == before
    assert (await browser.call("POST", "auth/logout")).status_code == 204
    assert browser.kept == {}
    browser.kept = before
    problem(await browser.call("GET", "me", None), 401, "unauthenticated")
    problem(await browser.call("POST", "auth/refresh", json={}), 401, "unauthenticated")


async def test_a_token_signed_out_with_leaves_the_pages_cookies_alone(browser: Browser):
    tokens = (await browser.site.call("POST", "auth/login", json=WHO)).json()
    out = await browser.call("POST", "auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert out.status_code == 204
    assert (await browser.call("GET", "me", None)).status_code == 200

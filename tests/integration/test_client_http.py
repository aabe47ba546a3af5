"""The HTTP half of the client: one method per route, one exception for all refusals."""

from __future__ import annotations

import pytest
from aiohttp import web

from bench.http import Api, ApiError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def heard():
    """Requests that a server heard, each answered with what the test put into `answers`."""
    asked, answers = [], []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request, await request.text()))
        return answers.pop(0) if answers else web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Api(f"http://127.0.0.1:{runner.addresses[0][1]}/", "token") as api:
        yield api, asked, answers
    await runner.cleanup()


async def test_each_method_asks_its_route(heard):
    api, asked, _ = heard
    await api.me()
    await api.logout()
    await api.join("c", "a")
    await api.leave("c", "a")
    await api.mark_read("c", 4)
    await api.post("c", "hi", reply_to=3, key="k")
    await api.create("S", ["a"], project="p")
    await api.events("c", after=3, limit=9)
    paths = [(request.method, request.path_qs.removeprefix("/api/v1/"), body) for request, body in asked]
    assert paths == [
        ("GET", "me", ""),
        ("POST", "auth/logout", "{}"),
        ("PUT", "conversations/c/members/a", ""),
        ("DELETE", "conversations/c/members/a", ""),
        ("PUT", "conversations/c/read", '{"seq":4}'),
        ("POST", "conversations/c/messages", '{"body":"hi","reply_to":3}'),
        ("POST", "conversations", '{"subject":"S","members":["a"],"project":"p"}'),
        ("GET", "conversations/c/events?after=3&limit=9", ""),
    ]
    assert asked[5][0].headers["Idempotency-Key"] == "k"
    assert len(asked[6][0].headers["Idempotency-Key"]) == 36
    assert all(request.headers["Authorization"] == "Bearer token" for request, _ in asked)


async def test_a_refusal_carries_what_the_server_said(heard):
    api, _, answers = heard
    problem = {"code": "invalid", "detail": "Too long.", "field": "body", "retry_after": 2}
    answers.append(web.json_response(problem, status=422))
    with pytest.raises(ApiError, match=r"422 invalid: Too long\.") as refused:
        await api.me()
    assert (refused.value.field, refused.value.retry_after) == ("body", 2)


@pytest.mark.parametrize("text", ["<html>", "[1]"])
async def test_a_refusal_that_is_no_problem_document_counts_as_unavailable(heard, text):
    api, _, answers = heard
    answers.append(web.Response(status=502, text=text))
    with pytest.raises(ApiError) as refused:
        await api.me()
    assert (refused.value.status, refused.value.code) == (502, "unavailable")


async def test_a_bare_list_becomes_items(heard):
    api, _, answers = heard
    answers.append(web.json_response([1, 2]))
    assert await api.call("GET", "things") == {"items": [1, 2]}

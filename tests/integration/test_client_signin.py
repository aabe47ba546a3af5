"""A signed-in person's tokens, against scripted servers and a clock of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bench.http import ApiError
from bench.signin import SignIn, Unreachable
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def servers() -> AsyncIterator[tuple[ScriptedServer, ScriptedServer]]:
    async with ScriptedServer() as first, ScriptedServer() as second:
        yield first, second


@pytest.fixture
async def signin(servers) -> AsyncIterator[SignIn]:
    now = [0.0]
    signin = SignIn([one.url for one in servers], "a@b.c", "demo", clock=lambda: now[0])
    signin.now = now
    yield signin
    await signin.close()


def asked(server: ScriptedServer) -> list[str]:
    return [path.rpartition("/")[2] for path in server.requests]


async def test_a_token_is_kept_until_shortly_before_its_end_and_then_renewed(servers, signin):
    first = await signin.token()
    signin.now[0] = 869.0
    assert await signin.token() == first
    signin.now[0] = 870.0
    assert await signin.token() != first
    assert asked(servers[0]) == ["login", "refresh"]
    assert (await signin.ready()).token == await signin.token()


async def test_a_refused_token_is_renewed_at_once(servers, signin):
    assert await signin.token() != await signin.token(refused=True)
    assert asked(servers[0]) == ["login", "refresh"]


async def test_a_session_that_ended_is_replaced_by_signing_in(servers, signin):
    await signin.token()
    signin._refresh = "revoked"
    await signin.token(refused=True)
    assert asked(servers[0]) == ["login", "refresh", "login"]


async def test_the_next_server_is_asked_when_one_is_down_or_broken(servers, signin):
    servers[0].fail_http = 1
    await signin.token()
    assert signin.api is signin.apis[1]
    await servers[0].stop()
    await signin.token(refused=True)
    assert asked(servers[1]) == ["login", "refresh"]
    servers[1].fail_http = 1
    with pytest.raises(Unreachable, match=servers[1].url):
        await signin.token(refused=True)


async def test_a_wrong_password_is_final(servers, signin):
    servers[0].password = servers[1].password = "other"
    with pytest.raises(ApiError, match="401"):
        await signin.token()

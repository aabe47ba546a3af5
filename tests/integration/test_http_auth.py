"""Who may come in over HTTP: passwords, sessions, tokens of the host, and how each of them ends."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from edge.api import auth
from edge.auth.identity import Identity
from edge.auth.revocations import Revocations
from storage import accounts
from storage.accounts import Vouched
from storage.errors import Unavailable
from tests.fixtures.http import SECRET, Site, Someone, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

EMAIL, PASSWORD = "dora@parley.example", "a long password"


async def sign_in(site: Site, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
    answer = await site.call("POST", "auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


async def me(site: Site, token: str) -> Any:
    return await site.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


async def test_a_sign_in_has_the_shape_that_others_rely_on(site: Site):
    dora = await site.local(EMAIL, PASSWORD, role="admin")
    session = await sign_in(site, EMAIL.upper())
    account = {"id": dora.id, "name": "Dora", "email": EMAIL, "role": "admin"}
    assert session["account"] == account
    assert session["expires_in"] == 900
    shown = await me(site, session["access_token"])
    assert (shown.status_code, shown.json()) == (200, account)


async def test_neither_words_nor_time_tell_which_of_the_two_was_wrong(site: Site, monkeypatch: pytest.MonkeyPatch):
    await site.local(EMAIL, PASSWORD)
    await accounts.ensure(site.db, [Vouched(Someone("Guest").id, "Guest", "guest@host.example", "client")])
    verified = []

    def counting(kept: str | None, password: str) -> bool:
        verified.append(kept)
        return real(kept, password)

    real = auth.verify_password
    monkeypatch.setattr(auth, "verify_password", counting)
    tries = [
        (EMAIL, "wrong"),
        ("nobody@parley.example", PASSWORD),
        ("guest@host.example", PASSWORD),
        ("\x00", PASSWORD),
    ]
    answers = [
        problem(await site.call("POST", "auth/login", json={"email": email, "password": word}), 401, "unauthenticated")
        for email, word in tries
    ]
    assert all(answer == answers[0] for answer in answers)
    assert len(verified) == len(tries), "a password is verified for each, also where there is none"


async def test_a_suspended_account_does_not_sign_in(site: Site):
    dora = await site.local()
    await accounts.suspend(site.db, dora.id)
    answer = await site.call("POST", "auth/login", json={"email": EMAIL, "password": PASSWORD})
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_email_address_is_tried_ten_times_a_minute_from_anywhere(site: Site):
    await site.local()
    for n in range(10):
        async with site.client(f"192.0.2.{n}") as http:
            answer = await http.post("/api/v1/auth/login", json={"email": EMAIL, "password": "wrong"})
            problem(answer, 401, "unauthenticated")
    answer = await site.call("POST", "auth/login", json={"email": EMAIL.upper(), "password": PASSWORD})
    told = problem(answer, 429, "rate_limited")
    assert 0 < told["retry_after"] <= 6
    assert int(answer.headers["retry-after"]) >= told["retry_after"]


def test_an_address_tries_sixty_times_at_once_and_an_ipv6_network_is_one_address():
    doorman = auth.Doorman()
    for n in range(60):
        doorman.admit(f"2001:db8::{n:x}", f"{n}@x.example", 0.0)
    with pytest.raises(auth.Problem) as refused:
        doorman.admit("2001:db8::ffff", "else@x.example", 0.0)
    assert refused.value.code == "rate_limited"
    doorman.admit("2001:db8:0:1::1", "else@x.example", 0.0)
    doorman.admit("192.0.2.7", "v4@x.example", 0.0)
    doorman.admit("", "local socket@x.example", 0.0)


async def test_a_crowd_at_the_door_is_turned_away_and_not_queued_for_ever(monkeypatch: pytest.MonkeyPatch):
    let_go = asyncio.Event()
    inside = 0

    async def slowly(verify: Any, kept: str | None, password: str) -> bool:
        nonlocal inside
        inside += 1
        await let_go.wait()
        return False

    monkeypatch.setattr(asyncio, "to_thread", slowly)
    doorman = auth.Doorman()
    waiting = [asyncio.create_task(doorman.is_right(None, "x")) for _ in range(auth.WAITING_MOST)]
    await asyncio.sleep(0)
    with pytest.raises(auth.Problem) as refused:
        await doorman.is_right(None, "x")
    assert refused.value.code == "overloaded"
    assert inside == auth.HASHES_AT_ONCE
    let_go.set()
    assert await asyncio.gather(*waiting) == [False] * auth.WAITING_MOST
    assert await doorman.is_right(None, "x") is False


async def test_a_refresh_token_is_exchanged_and_the_new_one_works(site: Site):
    await site.local()
    first = await sign_in(site)
    answer = await site.call("POST", "auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert answer.status_code == 200
    second = answer.json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["account"] == first["account"]
    assert (await me(site, second["access_token"])).status_code == 200
    third = await site.call("POST", "auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert third.status_code == 200


async def test_a_refresh_token_used_again_late_ends_the_session(site: Site):
    await site.local()
    first = await sign_in(site)
    second = (await site.call("POST", "auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    await site.db.fetch("UPDATE sessions SET rotated_at = rotated_at - interval '31 s'")
    for token in (first["refresh_token"], second["refresh_token"]):
        problem(await site.call("POST", "auth/refresh", json={"refresh_token": token}), 401, "unauthenticated")
    await site.edge.revocations.poll()
    problem(await me(site, second["access_token"]), 401, "unauthenticated")


@pytest.mark.parametrize("token", ["x", "ü", "\x00"])
async def test_an_unknown_refresh_token_is_refused(site: Site, token: str):
    problem(await site.call("POST", "auth/refresh", json={"refresh_token": token}), 401, "unauthenticated")


async def test_a_refresh_is_refused_while_this_edge_knows_the_account_as_suspended(site: Site):
    """Suspended for the edge and lifted in the database: the edge learns of it at its next reading."""
    dora = await site.local()
    session = await sign_in(site)
    await accounts.suspend(site.db, dora.id)
    await site.edge.revocations.poll()
    await accounts.suspend(site.db, dora.id, False)
    refused = await site.call("POST", "auth/refresh", json={"refresh_token": session["refresh_token"]})
    problem(refused, 401, "unauthenticated")


async def test_a_logout_ends_the_session_and_its_refresh_token(site: Site):
    await site.local()
    session, other = await sign_in(site), await sign_in(site)
    headers = {"Authorization": f"bearer {session['access_token']}"}
    answer = await site.http.post("/api/v1/auth/logout", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await me(site, session["access_token"]), 401, "unauthenticated")
    refreshed = await site.call("POST", "auth/refresh", json={"refresh_token": session["refresh_token"]})
    problem(refreshed, 401, "unauthenticated")
    assert (await me(site, other["access_token"])).status_code == 200, "another session of the account goes on"


async def test_a_logout_with_a_token_of_the_host_revokes_that_token_on_every_edge(site: Site, agent: Someone):
    token, other = agent.token(), agent.token()
    headers = {"Authorization": f"Bearer {token}"}
    heard = []
    async with Revocations(site.db) as elsewhere:
        elsewhere.on_revoked.append(lambda jtis, suspended: heard.append((jtis, suspended)))
        assert (await site.http.post("/api/v1/auth/logout", headers=headers)).status_code == 204
        await elsewhere.poll()
        jti = site.edge.identity.tokens.verify(token).jti
        assert heard == [(frozenset({jti}), frozenset())]
    problem(await me(site, token), 401, "unauthenticated")
    assert (await me(site, other)).status_code == 200


async def test_a_token_that_ends_in_the_far_future_can_be_revoked(site: Site, agent: Someone):
    token = agent.token(seconds=1e15)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await site.http.post("/api/v1/auth/logout", headers=headers)).status_code == 204


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 9000]
)
async def test_without_a_token_that_holds_there_is_no_entry(site: Site, header: str | None):
    headers = {} if header is None else {"Authorization": header}
    answer = await site.http.get("/api/v1/me", headers=headers)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_account_of_the_host_is_made_and_follows_its_claims(site: Site):
    someone = Someone("Ann", "client")
    assert (await site.call("GET", "me", someone)).json()["role"] == "client"
    someone.role, someone.name = "agent", "Anna"
    assert (await site.call("GET", "me", someone)).json()["name"] == "Anna"
    assert (await accounts.get(site.db, someone.id)).role == "agent"


async def test_claims_that_are_known_cost_no_query(site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch):
    assert (await site.call("GET", "me", agent)).status_code == 200

    async def gone(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(site.db, "fetch", gone)
    assert (await site.call("GET", "me", agent)).status_code == 200
    problem(await site.call("GET", "me", Someone("New")), 503, "unavailable")


async def test_few_accounts_are_remembered(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge.auth.identity.REMEMBERED", 2)
    identity: Identity = site.edge.identity
    people = [Someone(f"P{n}") for n in range(3)]
    for person in people:
        await identity.authenticate(person.token())
    assert list(identity._known) == [person.id for person in people[1:]]


async def test_a_suspended_account_of_the_host_is_refused_at_once_and_after_the_next_reading(
    site: Site, agent: Someone
):
    newcomer = Someone("Nick")
    for someone in (agent, newcomer):
        await accounts.ensure(site.db, [Vouched(someone.id, someone.name, someone.email, someone.role)])
    assert (await site.call("GET", "me", agent)).status_code == 200
    for someone in (agent, newcomer):
        await accounts.suspend(site.db, someone.id)
    problem(await site.call("GET", "me", newcomer), 401, "unauthenticated")
    assert (await site.call("GET", "me", agent)).status_code == 200, "remembered until the next reading"
    await site.edge.revocations.poll()
    problem(await site.call("GET", "me", agent), 401, "unauthenticated")
    await accounts.suspend(site.db, agent.id, False)
    await site.edge.revocations.poll()
    assert (await site.call("GET", "me", agent)).status_code == 200


async def test_the_host_cannot_give_an_account_that_signs_in_here_the_address_of_another(site: Site):
    await site.local()
    taken = Someone("Ann")
    await accounts.add(site.db, "other@parley.example", "Ann", "client", id=taken.id, password_hash="x")
    taken.email = EMAIL
    problem(await site.call("GET", "me", taken), 401, "unauthenticated")


async def test_a_session_whose_account_is_gone_is_refused(site: Site):
    token = site.edge.identity.tokens.mint(Someone("Ann").id, "Ann", "ann@x.example", "client", Someone("s").id)
    problem(await me(site, token), 401, "unauthenticated")


async def test_the_host_may_not_pass_for_one_of_our_sessions_by_naming_us_as_issuer(site: Site, agent: Someone):
    claims = jwt.decode(agent.token(), OctKey.import_key(SECRET.encode())).claims
    token = jwt.encode({"alg": "HS256"}, {**claims, "iss": "parley"}, OctKey.import_key(SECRET.encode()))
    assert (await me(site, token)).status_code == 200
    assert not site.edge.identity.tokens.verify(token).own


async def test_logins_do_not_stop_the_loop(site: Site):
    await site.local()
    slowest = 0.0

    async def watch() -> None:
        nonlocal slowest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            slowest = max(slowest, time.monotonic() - began)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(sign_in(site) for _ in range(4)))
    watching.cancel()
    assert slowest < 0.5

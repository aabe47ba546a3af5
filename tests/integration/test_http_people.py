"""Oneself, other people and projects over HTTP: who sees whom, who changes what, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from edge.api import me, people, projects
from edge.auth.identity import Identity
from edge.auth.revocations import Revocations
from edge.auth.tokens import Tokens
from storage import accounts
from tests.fixtures.http import Site, Someone, edge_settings, pages, problem, signed_in

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

MISSING = "00000000-0000-4000-8000-000000000000"
EMAIL, PASSWORD = "dora@parley.example", "a long password"


async def known(site: Site, *all_: Someone) -> None:
    """Have Parley know them."""
    for someone in all_:
        assert (await site.call("GET", "me", someone)).status_code == 200


async def project(site: Site, agent: Someone, *members: Someone, name: str = "Bridge") -> str:
    answer = await site.call("POST", "projects", agent, json={"name": name})
    assert answer.status_code == 201, answer.text
    id_: str = answer.json()["id"]
    for member in members:
        assert (await site.call("PUT", f"projects/{id_}/members/{member.id}", agent)).status_code == 204
    return id_


class TestOneself:
    async def test_a_new_name_is_seen_at_once_here_and_soon_elsewhere(self, site: Site):
        await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        settings = edge_settings()
        async with Revocations(site.db) as revocations:
            elsewhere = Identity(Tokens(settings), site.db, revocations)
            assert (await elsewhere.authenticate(dora.token())).account.name == "Dora"
            answer = await site.call("PATCH", "me", dora, json={"name": "Dora Ek"})
            assert answer.json() == {"id": dora.id, "name": "Dora Ek", "email": EMAIL, "role": "client"}
            assert (await site.call("GET", "me", dora)).json() == answer.json()
            await revocations.poll()
            assert (await elsewhere.authenticate(dora.token())).account.name == "Dora Ek"

    async def test_a_new_password_ends_the_other_sessions_only(self, site: Site):
        await site.local(EMAIL, PASSWORD)
        mine, other = await signed_in(site, EMAIL, PASSWORD), await signed_in(site, EMAIL, PASSWORD)
        change = {"password": "another long one", "current_password": PASSWORD}
        assert (await site.call("PATCH", "me", mine, json=change)).status_code == 200
        assert (await site.call("GET", "me", mine)).status_code == 200
        problem(await site.call("GET", "me", other), 401, "unauthenticated")
        refreshed = await site.call("POST", "auth/refresh", json={"refresh_token": other.refresh_token})
        problem(refreshed, 401, "unauthenticated")
        old = await site.call("POST", "auth/login", json={"email": EMAIL, "password": PASSWORD})
        problem(old, 401, "unauthenticated")
        await signed_in(site, EMAIL, "another long one")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({}, None),
            ({"current_password": PASSWORD}, None),
            ({"name": ""}, "name"),
            ({"name": " "}, "name"),
            ({"name": "a\0"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": None}, "name"),
            ({"password": "another long one"}, "current_password"),
            ({"password": "another long one", "current_password": "wrong"}, "current_password"),
            ({"password": "short", "current_password": PASSWORD}, "password"),
            ({"password": "x" * 1025, "current_password": PASSWORD}, "password"),
        ],
    )
    async def test_what_cannot_be_is_refused_and_changes_nothing(self, site: Site, change: Any, field: str | None):
        await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        problem(await site.call("PATCH", "me", dora, json=change), 422, "invalid", field)
        assert (await site.call("GET", "me", dora)).json()["name"] == "Dora"
        await signed_in(site, EMAIL, PASSWORD)

    async def test_the_current_password_is_guessed_as_seldom_as_at_the_door(self, site: Site):
        await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        guess = {"password": "another long one", "current_password": "wrong"}
        for _ in range(9):
            problem(await site.call("PATCH", "me", dora, json=guess), 422, "invalid", "current_password")
        problem(await site.call("PATCH", "me", dora, json=guess), 429, "rate_limited")

    async def test_of_two_changes_at_once_one_finds_its_password_wrong(self, site: Site):
        await site.local(EMAIL, PASSWORD)
        dora, again = await signed_in(site, EMAIL, PASSWORD), await signed_in(site, EMAIL, PASSWORD)
        answers = await asyncio.gather(
            *(
                site.call("PATCH", "me", session, json={"password": word, "current_password": PASSWORD})
                for session, word in ((dora, "the first new one"), (again, "the second new one"))
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]

    async def test_a_hosts_account_changes_at_the_host(self, site: Site, client: Someone):
        for change in ({"name": "X"}, {"password": "another long one", "current_password": PASSWORD}):
            told = problem(await site.call("PATCH", "me", client, json=change), 403, "forbidden")
            assert "host application" in told["detail"]

    async def test_an_account_whose_password_was_taken_away_changes_nothing(self, site: Site):
        account = await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        await accounts.set_password(site.db, account.id, None)
        problem(await site.call("PATCH", "me", dora, json={"name": "X"}), 403, "forbidden")


class TestPeople:
    async def test_staff_find_everybody_and_clients_whom_they_work_with(
        self, site: Site, agent: Someone, client: Someone, stranger: Someone
    ):
        ann = Someone("Annette")
        await known(site, agent, client, stranger, ann)
        await project(site, agent, client, ann)
        found = await pages(site, "accounts", agent, people.People)
        assert [(person.name, person.email) for person in found] == [
            (one.name, one.email) for one in (agent, ann, client, stranger)
        ]
        found = await pages(site, "accounts", client, people.People)
        assert [(person.name, person.email) for person in found] == [("Ann", None), ("Annette", None), ("Bob", None)]
        assert [one.name for one in await pages(site, "accounts", client, people.People, query="NETT")] == ["Annette"]
        assert await pages(site, "accounts", client, people.People, query="host.example") == []
        assert len(await pages(site, "accounts", agent, people.People, query="EVE@host.example")) == 1

    async def test_one_knows_whom_one_has_to_do_with(
        self, site: Site, agent: Someone, client: Someone, stranger: Someone
    ):
        talk = await site.conversation(agent, client)
        await known(site, stranger)
        shown = await site.call("GET", f"accounts/{client.id.upper()}", agent)
        assert shown.json() == {"id": client.id, "name": "Bob", "email": client.email, "role": "client"}
        assert (await site.call("GET", f"accounts/{agent.id}", stranger)).json()["email"] is None
        answers = [
            problem(await site.call("GET", f"accounts/{id_}", stranger), 404, "not_found")
            for id_ in (client.id, MISSING, "nonsense")
        ]
        assert all(answer == answers[0] for answer in answers)
        assert (await site.call("PUT", f"conversations/{talk}/members/{stranger.id}", agent)).status_code == 204
        assert (await site.call("DELETE", f"conversations/{talk}/members/{stranger.id}", agent)).status_code == 204
        assert (await site.call("GET", f"accounts/{client.id}", stranger)).status_code == 200
        assert (await site.call("GET", f"accounts/{stranger.id}", client)).status_code == 200

    @pytest.mark.parametrize("path", ["accounts", "projects", f"projects/{MISSING}/members"])
    @pytest.mark.parametrize(
        ("query", "field"), [("limit=0", "limit"), ("limit=201", "limit"), ("after=x", "after"), ("after=", "after")]
    )
    async def test_a_query_that_makes_no_sense_is_refused(
        self, site: Site, agent: Someone, path: str, query: str, field: str
    ):
        problem(await site.call("GET", f"{path}?{query}", agent), 422, "invalid", field)

    @pytest.mark.parametrize("path", ["accounts", "projects"])
    @pytest.mark.parametrize("query", ["query=%00", "query=" + "x" * 201])
    async def test_a_text_that_cannot_be_looked_for_is_refused(self, site: Site, agent: Someone, path: str, query: str):
        problem(await site.call("GET", f"{path}?{query}", agent), 422, "invalid", "query")


class TestProjects:
    async def test_staff_begin_projects_and_clients_see_their_own(
        self, site: Site, agent: Someone, client: Someone, stranger: Someone
    ):
        await known(site, client, stranger)
        mill = await project(site, agent, name="mill")
        bridge = await project(site, agent, client, name="Bridge")
        shown = await site.call("GET", f"projects/{bridge.upper()}", client)
        assert msgspec.json.decode(shown.content, type=projects.Project).members == 1
        problem(await site.call("GET", f"projects/{mill}", client), 404, "not_found")
        assert [one.id for one in await pages(site, "projects", client, projects.Projects)] == [bridge]
        assert [one.id for one in await pages(site, "projects", agent, projects.Projects)] == [bridge, mill]
        assert [one.id for one in await pages(site, "projects", agent, projects.Projects, query="MI")] == [mill]
        assert await pages(site, "projects", stranger, projects.Projects) == []

    async def test_the_same_key_begins_one_project(self, site: Site, agent: Someone):
        key = {"Idempotency-Key": str(uuid4())}
        first = await site.call("POST", "projects", agent, json={"name": "Bridge"}, headers=key)
        again = await site.call("POST", "projects", agent, json={"name": "Bridge"}, headers=key)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        problem(await site.call("POST", "projects", agent, json={"name": "Mill"}, headers=key), 409, "id_conflict")
        await site.call("PATCH", f"projects/{first.json()['id']}", agent, json={"name": "Mill"})
        renamed = await site.call("POST", "projects", agent, json={"name": "Bridge"}, headers=key)
        assert (renamed.status_code, renamed.json()["name"]) == (200, "Mill")
        other = await site.call("POST", "projects", Someone("Olga", "agent"), json={"name": "Bridge"}, headers=key)
        assert (other.status_code, other.json()["id"] != first.json()["id"]) == (201, True)
        problem(
            await site.call("POST", "projects", agent, json={"name": "X"}, headers={"Idempotency-Key": "x"}),
            422, "invalid", "Idempotency-Key",
        )  # fmt: skip

    @pytest.mark.parametrize("name", ["", " ", "a\0", "x" * 201, None, 7])
    async def test_a_name_that_cannot_be_is_refused(self, site: Site, agent: Someone, name: Any):
        id_ = await project(site, agent)
        for method, path in (("POST", "projects"), ("PATCH", f"projects/{id_}")):
            problem(await site.call(method, path, agent, json={"name": name}), 422, "invalid", "name")

    async def test_members_come_and_go_as_often_as_it_is_said(self, site: Site, agent: Someone, client: Someone):
        await known(site, client)
        unknown = str(uuid4())
        id_ = await project(site, agent, client, client)
        assert (await site.call("PUT", f"projects/{id_}/members/{unknown}", agent)).status_code == 204
        found = await pages(site, f"projects/{id_}/members", client, people.People)
        assert [(one.id, one.email) for one in found] == [(unknown, None), (client.id, client.email)]
        for _ in range(2):
            assert (await site.call("DELETE", f"projects/{id_}/members/{client.id}", agent)).status_code == 204
        problem(await site.call("GET", f"projects/{id_}/members", client), 404, "not_found")

    async def test_a_client_changes_nothing_and_a_stranger_hears_of_nothing(
        self, site: Site, agent: Someone, client: Someone, stranger: Someone
    ):
        await known(site, client, stranger)
        id_ = await project(site, agent, client)
        problem(await site.call("POST", "projects", client, json={"name": "Mine"}), 403, "forbidden")
        for method, path, body in (
            ("PATCH", "projects/{id}", {"name": "Mine"}),
            ("PUT", "projects/{id}/members/{other}", None),
            ("DELETE", "projects/{id}/members/{other}", None),
        ):
            own = path.format(id=id_, other=stranger.id)
            problem(await site.call(method, own, client, json=body), 403, "forbidden")
            answers = [
                problem(await site.call(method, path.format(id=one, other=stranger.id), stranger, json=body),
                        404, "not_found")
                for one in (id_, MISSING, "nonsense")
            ]  # fmt: skip
            assert all(answer == answers[0] for answer in answers)
            missing = path.format(id=MISSING, other=stranger.id)
            problem(await site.call(method, missing, agent, json=body), 404, "not_found")
        nobody = f"projects/{id_}/members/nobody"
        problem(await site.call("PUT", nobody, agent), 404, "not_found")
        assert (await site.call("GET", f"projects/{id_}", client)).json()["name"] == "Bridge"

    async def test_writes_are_counted(self, site: Site, agent: Someone, client: Someone):
        await known(site, client)
        id_ = await project(site, agent)
        for method, path, body in (
            ("POST", "projects", {"name": "Mill"}),
            ("PATCH", f"projects/{id_}", {"name": "Mill"}),
            ("PUT", f"projects/{id_}/members/{client.id}", None),
            ("DELETE", f"projects/{id_}/members/{client.id}", None),
        ):
            limited = Site(edge_settings(rate_limit=1.0, rate_burst=1), site.db, site.edge.revocations)
            async with limited.http:
                assert (await limited.call(method, path, agent, json=body)).status_code < 300
                problem(await limited.call(method, path, agent, json=body), 429, "rate_limited")


def test_a_password_is_as_long_as_promised():
    assert (me.PASSWORD_LEAST, me.PASSWORD_MOST) == (8, 1024)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "me"),
        ("GET", "accounts"),
        ("GET", f"accounts/{MISSING}"),
        ("GET", "projects"),
        ("POST", "projects"),
        ("GET", f"projects/{MISSING}"),
        ("PATCH", f"projects/{MISSING}"),
        ("GET", f"projects/{MISSING}/members"),
        ("PUT", f"projects/{MISSING}/members/{MISSING}"),
        ("DELETE", f"projects/{MISSING}/members/{MISSING}"),
    ],
)
async def test_without_a_token_nothing_is_answered(site: Site, method: str, path: str):
    problem(await site.call(method, path), 401, "unauthenticated")

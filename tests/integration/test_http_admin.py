"""The administrator's side over HTTP: accounts, what is read of others' conversations, figures, and the audit."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from edge.api import administration, oversight, statistics
from edge.api.answers import Events
from edge.auth.identity import Identity
from edge.auth.revocations import Revocations
from edge.auth.tokens import AuthError, Tokens
from storage.errors import Unavailable
from tests.fixtures.http import Site, Someone, edge_settings, pages, problem, signed_in

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

MISSING = "00000000-0000-4000-8000-000000000000"
EMAIL, PASSWORD = "dora@parley.example", "a long password"


@pytest.fixture
def admin() -> Someone:
    return Someone("Ada", "admin")


async def audited(site: Site, admin: Someone, **query: Any) -> list[tuple[str, str | None, dict[str, Any]]]:
    """What the audit has, oldest first."""
    notes = await pages(site, "admin/audit", admin, administration.Notes, **query)
    return [(note.action, note.target, note.detail) for note in reversed(notes)]


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "admin/accounts", None),
    ("POST", "admin/accounts", {"email": "x@parley.example", "role": "admin"}),
    ("GET", "admin/accounts/{id}", None),
    ("PATCH", "admin/accounts/{id}", {"role": "admin"}),
    ("POST", "admin/accounts/{id}/password", {}),
    ("DELETE", "admin/accounts/{id}/sessions", None),
    ("GET", "admin/audit", None),
    ("GET", "admin/conversations", None),
    ("GET", "admin/conversations/{id}", None),
    ("GET", "admin/conversations/{id}/events", None),
    ("GET", "admin/stats", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
async def test_only_administrators_come_in(
    site: Site, agent: Someone, client: Someone, admin: Someone, method: str, path: str, body: Any
):
    talk = await site.conversation(agent, client)
    id_ = talk if "conversations" in path else agent.id
    for someone in (client, agent):
        answers = [
            problem(await site.call(method, path.format(id=one), someone, json=body), 403, "forbidden")
            for one in (id_, MISSING, "nonsense")
        ]
        assert all(answer == answers[0] for answer in answers), "nothing is told of what there is"
    problem(await site.call(method, path.format(id=id_)), 401, "unauthenticated")
    if "{id}" in path:
        for missing in (MISSING, "nonsense"):
            problem(await site.call(method, path.format(id=missing), admin, json=body), 404, "not_found")
    assert await audited(site, admin) == []


class TestAccounts:
    async def test_an_account_is_made_and_signs_in_with_the_password_that_is_told_once(
        self, site: Site, admin: Someone
    ):
        key = {"Idempotency-Key": str(uuid4())}
        wish = {"email": "amir@parley.example", "role": "agent", "name": "Amir"}
        answer = await site.call("POST", "admin/accounts", admin, json=wish, headers=key)
        assert answer.status_code == 201, answer.text
        made = msgspec.json.decode(answer.content, type=administration.MadeAccount)
        assert (made.account.name, made.account.role, made.account.signs_in) == ("Amir", "agent", "parley")
        assert made.password
        amir = await signed_in(site, "AMIR@parley.example", made.password)
        assert (await site.call("GET", "me", amir)).json()["role"] == "agent"
        again = await site.call("POST", "admin/accounts", admin, json=wish, headers=key)
        assert (again.status_code, again.json()) == (200, {"account": answer.json()["account"], "password": None})
        other = {**wish, "role": "admin"}
        problem(await site.call("POST", "admin/accounts", admin, json=other, headers=key), 409, "id_conflict")
        assert await audited(site, admin) == [("account_created", made.account.id, wish)]

    async def test_an_account_may_be_made_with_a_password_and_without_a_name(self, site: Site, admin: Someone):
        wish = {"email": "amir@parley.example", "role": "client", "password": PASSWORD}
        answer = await site.call("POST", "admin/accounts", admin, json=wish)
        assert (answer.status_code, answer.json()["password"]) == (201, None)
        assert answer.json()["account"]["name"] == "amir"
        await signed_in(site, "amir@parley.example", PASSWORD)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": "two@at@parley.example"}, "email"),
            ({"email": "Amir <amir@parley.example>"}, "email"),
            ({"email": "amir@parley.example\0"}, "email"),
            ({"email": "a" * 250 + "@x.example"}, "email"),
            ({"email": None}, "email"),
            ({"email": "DORA@parley.example"}, "email"),
            ({"role": "emperor"}, "role"),
            ({"name": " "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"password": "short"}, "password"),
        ],
    )
    async def test_an_account_that_cannot_be_is_refused_in_words(
        self, site: Site, admin: Someone, change: Any, field: str
    ):
        await site.local(EMAIL, PASSWORD)
        wish = {"email": "amir@parley.example", "role": "agent", "name": "Amir", **change}
        told = problem(await site.call("POST", "admin/accounts", admin, json=wish), 422, "invalid", field)
        assert "regex" not in told["detail"]
        assert await audited(site, admin) == []

    async def test_accounts_are_listed_and_found(self, site: Site, admin: Someone, client: Someone):
        dora = await site.local(EMAIL, PASSWORD, role="agent")
        await site.call("GET", "me", client)
        await site.call("GET", "me", admin)

        async def found(**query: Any) -> list[str]:
            return [
                one.name for one in await pages(site, "admin/accounts", admin, administration.AccountRecords, **query)
            ]

        assert await found() == ["Ada", "Bob", "Dora"]
        assert await found(query="PARLEY.example") == ["Dora"]
        assert await found(role="client") == ["Bob"]
        await site.call("PATCH", f"admin/accounts/{client.id}", admin, json={"suspended": True})
        assert await found(suspended="true") == ["Bob"]
        assert await found(suspended="false") == ["Ada", "Dora"]
        shown = await site.call("GET", f"admin/accounts/{dora.id.upper()}", admin)
        assert msgspec.json.decode(shown.content, type=administration.AccountRecord).email == EMAIL
        for query, field in (("role=king", "role"), ("suspended=1", "suspended"), ("after=x", "after")):
            problem(await site.call("GET", f"admin/accounts?{query}", admin), 422, "invalid", field)

    async def test_a_suspended_account_is_out_here_at_once_and_soon_elsewhere(
        self, site: Site, admin: Someone, client: Someone
    ):
        await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        await site.call("GET", "me", client)
        async with Revocations(site.db) as revocations:
            elsewhere = Identity(Tokens(edge_settings()), site.db, revocations)
            for someone in (dora, client):
                await elsewhere.authenticate(someone.token())
                answer = await site.call("PATCH", f"admin/accounts/{someone.id}", admin, json={"suspended": True})
                assert (answer.status_code, answer.json()["suspended"]) == (200, True)
                problem(await site.call("GET", "me", someone), 401, "unauthenticated")
            await revocations.poll()
            for someone in (dora, client):
                with pytest.raises(AuthError):
                    await elsewhere.authenticate(someone.token())
        for someone in (dora, client):
            await site.call("PATCH", f"admin/accounts/{someone.id}", admin, json={"suspended": False})
        assert (await site.call("GET", "me", client)).status_code == 200, "a host's token is good again"
        problem(await site.call("GET", "me", dora), 401, "unauthenticated")
        await signed_in(site, EMAIL, PASSWORD)

    async def test_another_role_holds_here_at_once_and_soon_elsewhere(self, site: Site, admin: Someone):
        await site.local(EMAIL, PASSWORD, role="admin")
        dora = await signed_in(site, EMAIL, PASSWORD)
        async with Revocations(site.db) as revocations:
            elsewhere = Identity(Tokens(edge_settings()), site.db, revocations)
            assert (await elsewhere.authenticate(dora.token())).account.role == "admin"
            assert (await site.call("GET", "admin/stats", dora)).status_code == 200
            answer = await site.call("PATCH", f"admin/accounts/{dora.id}", admin, json={"role": "agent"})
            assert answer.json()["role"] == "agent"
            problem(await site.call("GET", "admin/stats", dora), 403, "forbidden")
            await revocations.poll()
            assert (await elsewhere.authenticate(dora.token())).account.role == "agent"

    async def test_the_last_administrator_is_not_locked_out(self, site: Site):
        await site.local(EMAIL, PASSWORD, role="admin")
        dora = await signed_in(site, EMAIL, PASSWORD)
        for change, field in (({"role": "agent"}, "role"), ({"suspended": True}, "suspended")):
            told = problem(
                await site.call("PATCH", f"admin/accounts/{dora.id}", dora, json=change), 403, "forbidden", field
            )
            assert "administrator" in told["detail"]
        await site.local("olga@parley.example", PASSWORD, role="admin")
        answer = await site.call("PATCH", f"admin/accounts/{dora.id}", dora, json={"role": "agent", "name": "D"})
        assert (answer.json()["role"], answer.json()["name"]) == ("agent", "D")

    async def test_what_the_host_says_of_its_accounts_is_not_changed_here(
        self, site: Site, admin: Someone, client: Someone
    ):
        await site.call("GET", "me", client)
        path = f"admin/accounts/{client.id}"
        for change, field in (({"role": "agent"}, "role"), ({"name": "X"}, "name")):
            told = problem(await site.call("PATCH", path, admin, json=change), 403, "forbidden", field)
            assert "host application" in told["detail"]
        problem(await site.call("POST", f"{path}/password", admin, json={}), 403, "forbidden", "password")

    @pytest.mark.parametrize(
        ("change", "field"),
        [({}, None), ({"role": "king"}, "role"), ({"suspended": "yes"}, "suspended"), ({"name": "\0"}, "name")],
    )
    async def test_a_change_that_cannot_be_is_refused(self, site: Site, admin: Someone, change: Any, field: str | None):
        dora = await site.local(EMAIL, PASSWORD)
        problem(await site.call("PATCH", f"admin/accounts/{dora.id}", admin, json=change), 422, "invalid", field)

    async def test_a_reset_password_ends_the_sessions(self, site: Site, admin: Someone):
        await site.local(EMAIL, PASSWORD)
        dora = await signed_in(site, EMAIL, PASSWORD)
        path = f"admin/accounts/{dora.id}/password"
        answer = await site.call("POST", path, admin, json={})
        assert answer.status_code == 200
        problem(await site.call("GET", "me", dora), 401, "unauthenticated")
        dora = await signed_in(site, EMAIL, answer.json()["password"])
        given = await site.call("POST", path, admin, json={"password": "one that was given"})
        assert given.json() == {"password": None}
        await signed_in(site, EMAIL, "one that was given")
        problem(await site.call("POST", path, admin, json={"password": "short"}), 422, "invalid", "password")
        assert await audited(site, admin) == [("password_reset", dora.id, {})] * 2

    async def test_all_sessions_of_an_account_end(self, site: Site, admin: Someone):
        await site.local(EMAIL, PASSWORD)
        both = [await signed_in(site, EMAIL, PASSWORD), await signed_in(site, EMAIL, PASSWORD)]
        assert (await site.call("DELETE", f"admin/accounts/{both[0].id}/sessions", admin)).status_code == 204
        for session in both:
            problem(await site.call("GET", "me", session), 401, "unauthenticated")
        assert await audited(site, admin) == [("sessions_ended", both[0].id, {"sessions": 2})]
        await signed_in(site, EMAIL, PASSWORD)

    async def test_a_change_stands_though_the_look_behind_it_fails(
        self, site: Site, admin: Someone, monkeypatch: pytest.MonkeyPatch
    ):
        dora = await site.local(EMAIL, PASSWORD)
        await site.call("GET", "me", admin)

        async def gone(*_: object) -> None:
            raise Unavailable

        monkeypatch.setattr("storage.sessions.revocations", gone)
        answer = await site.call("PATCH", f"admin/accounts/{dora.id}", admin, json={"suspended": True})
        assert (answer.status_code, answer.json()["suspended"]) == (200, True)

    async def test_writes_and_figures_are_counted(self, site: Site, admin: Someone):
        dora = await site.local(EMAIL, PASSWORD)
        for method, path, body in (
            ("POST", "admin/accounts", {"email": "x@parley.example", "role": "client"}),
            ("PATCH", f"admin/accounts/{dora.id}", {"name": "D"}),
            ("POST", f"admin/accounts/{dora.id}/password", {}),
            ("DELETE", f"admin/accounts/{dora.id}/sessions", None),
            ("GET", "admin/stats", None),
        ):
            limited = Site(edge_settings(rate_limit=1.0, rate_burst=1), site.db, site.edge.revocations)
            async with limited.http:
                assert (await limited.call(method, path, admin, json=body)).status_code < 300
                problem(await limited.call(method, path, admin, json=body), 429, "rate_limited")


class TestConversations:
    async def test_all_are_listed_and_found(self, site: Site, admin: Someone, agent: Someone, client: Someone):
        first, second = await site.conversation(agent, client), await site.conversation(agent)
        project = (await site.call("POST", "projects", agent, json={"name": "Mill"})).json()["id"]
        wish = {"subject": "Mill race", "members": [], "project": project}
        third = (await site.call("POST", "conversations", agent, json=wish)).json()["id"]
        await site.db.fetch("UPDATE conversations SET status = 'archived' WHERE id = %s", [second])

        async def found(**query: Any) -> set[str]:
            return {one.id for one in await pages(site, "admin/conversations", admin, oversight.Overviews, **query)}

        assert await found() == {first, second, third}
        assert await found(query="HARBOUR") == {first, second}
        assert await found(query="harbour", status="open") == {first}
        assert await found(status="archived") == {second}
        assert await found(project=project.upper()) == {third}
        assert await audited(site, admin) == []
        for query, field in (("status=lost", "status"), ("project=x", "project"), ("after=x", "after")):
            problem(await site.call("GET", f"admin/conversations?{query}", admin), 422, "invalid", field)

    async def test_one_is_read_as_its_members_read_it_and_each_look_is_noted(
        self, site: Site, admin: Someone, agent: Someone, client: Someone
    ):
        talk = await site.conversation(agent, client)
        for body in ("one", "two", "three"):
            await site.call("POST", f"conversations/{talk}/messages", client, json={"body": body})
        problem(await site.call("GET", f"conversations/{talk}", admin), 404, "not_found")
        shown = await site.call("GET", f"admin/conversations/{talk.upper()}", admin)
        seen = msgspec.json.decode(shown.content, type=oversight.Overseen)
        assert (seen.id, seen.head, seen.created_by, len(seen.members)) == (talk, 4, agent.id, 2)
        for query in ("after=1&limit=2", "before=4", ""):
            mine = await site.call("GET", f"admin/conversations/{talk}/events?{query}", admin)
            theirs = await site.call("GET", f"conversations/{talk}/events?{query}", client)
            assert mine.json() == theirs.json()
            msgspec.json.decode(mine.content, type=Events)
        notes = [
            ("conversation_read", talk, {}),
            ("events_read", talk, {"after": 1, "limit": 2}),
            ("events_read", talk, {"before": 4, "limit": 100}),
            ("events_read", talk, {"after": 0, "limit": 100}),
        ]
        assert await audited(site, admin) == notes
        assert await audited(site, admin, actor=admin.id.upper(), target=talk, action="conversation_read") == notes[:1]
        assert await audited(site, admin, actor=agent.id) == []
        problem(
            await site.call("GET", f"admin/conversations/{talk}/events?after=1&before=3", admin),
            422,
            "invalid",
            "before",
        )
        for query, field in (
            ("actor=x", "actor"),
            ("after=x", "after"),
            ("action=%00", "action"),
            ("limit=0", "limit"),
        ):
            problem(await site.call("GET", f"admin/audit?{query}", admin), 422, "invalid", field)


class TestFigures:
    async def test_they_have_the_promised_shape(self, site: Site, admin: Someone, agent: Someone, client: Someone):
        talk = await site.conversation(agent, client)
        for someone in (client, client, agent, client):
            await site.call("POST", f"conversations/{talk}/messages", someone, json={"body": "x"})
        answer = await site.call("GET", "admin/stats", admin, params={"hours": 2})
        figures = msgspec.json.decode(answer.content, type=statistics.Statistics)
        assert (figures.hours, len(figures.messages), figures.active.day) == (2, 2, 1)
        assert sum(hour.messages for hour in figures.messages) == 4
        assert (figures.responses.answered, figures.responses.waiting) == (1, 1)
        assert figures.totals.events == 5
        assert len((await site.call("GET", "admin/stats", admin)).json()["messages"]) == 24

    @pytest.mark.parametrize("hours", ["0", "169", "x", "-1"])
    async def test_so_many_hours_there_are_not(self, site: Site, admin: Someone, hours: str):
        problem(await site.call("GET", f"admin/stats?hours={hours}", admin), 422, "invalid", "hours")

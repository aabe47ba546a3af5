"""Who may do what over HTTP: every route, for every role, on what is one's own, another's, and not there.

The table is the expectation. `own foreign missing` stand in each cell of what names an id; what names none has one
answer. A conversation or a project is one's own who is a member, an account who has it; the missing is an id of
nothing. A row with words behind the path is a further case of that route. A route without a row fails.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bench.tokens import mint
from edge.api import API, TABLE
from edge.problems import STATUS
from storage import accounts
from storage.passwords import hash_password
from tests.fixtures.entitlements import ROLES, rows
from tests.fixtures.http import SECRET, Session, Site, Someone, signed_in

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

ROUTES = """
                                                             | nobody | client      | agent       | admin
GET /healthz                                                 | 200    | 200         | 200         | 200
GET /readyz                                                  | 200    | 200         | 200         | 200
POST /auth/login                                             | 200    | 200         | 200         | 200
POST /auth/refresh                                           | 200    | 200         | 200         | 200
POST /auth/logout                                            | 401    | 204         | 204         | 204
GET /me                                                      | 401    | 200         | 200         | 200
PATCH /me                                                    | 401    | 200         | 200         | 200

GET /conversations                                           | 401    | 200         | 200         | 200
POST /conversations                                          | 401    | 403         | 201         | 201
POST /conversations in a project                             | 401    | 201 404 404 | 201 201 404 | 201 201 404
POST /conversations with an account                          | 401    | 403 403 403 | 201 201 201 | 201 201 201
GET /conversations/{id}                                      | 401    | 200 404 404 | 200 404 404 | 200 404 404
PATCH /conversations/{id}                                    | 401    | 403 404 404 | 200 404 404 | 200 404 404
DELETE /conversations/{id}                                   | 401    | 403 404 404 | 204 404 404 | 204 404 404
PUT /conversations/{id}/read                                 | 401    | 204 404 404 | 204 404 404 | 204 404 404
GET /conversations/{id}/events                               | 401    | 200 404 404 | 200 404 404 | 200 404 404
POST /conversations/{id}/messages                            | 401    | 201 404 404 | 201 404 404 | 201 404 404
PATCH /conversations/{id}/messages/{seq}                     | 401    | 200 404 404 | 200 404 404 | 200 404 404
PATCH /conversations/{id}/messages/{seq} of another          | 401    | 403 404 404 | 403 404 404 | 403 404 404
PATCH /conversations/{id}/messages/{seq} that is not there   | 401    | 404 404 404 | 404 404 404 | 404 404 404
DELETE /conversations/{id}/messages/{seq}                    | 401    | 200 404 404 | 200 404 404 | 200 404 404
DELETE /conversations/{id}/messages/{seq} of another         | 401    | 403 404 404 | 403 404 404 | 200 404 404
GET /conversations/{id}/messages/{seq}/history               | 401    | 403 403 403 | 200 404 404 | 200 404 404
PUT /conversations/{id}/messages/{seq}/reactions/{emoji}     | 401    | 200 404 404 | 200 404 404 | 200 404 404
DELETE /conversations/{id}/messages/{seq}/reactions/{emoji}  | 401    | 200 404 404 | 200 404 404 | 200 404 404
PUT /conversations/{id}/members/{account}                    | 401    | 403 404 404 | 204 404 404 | 204 404 404
DELETE /conversations/{id}/members/{account}                 | 401    | 403 404 404 | 204 404 404 | 204 404 404
DELETE /conversations/{id}/members/{account} who is oneself  | 401    | 204 404 404 | 204 404 404 | 204 404 404
GET /conversations/{id}/files                                | 401    | 200 404 404 | 200 404 404 | 200 404 404

OPTIONS /files                                               | 204    | 204         | 204         | 204
POST /files                                                  | 401    | 201         | 201         | 201
GET /files/{id}                                              | 401    | 200 404 404 | 200 404 404 | 200 404 404
HEAD /files/{id}                                             | 401    | 200 404 404 | 200 404 404 | 200 404 404
PATCH /files/{id}                                            | 401    | 204 404 404 | 204 404 404 | 204 404 404
DELETE /files/{id}                                           | 401    | 204 404 404 | 204 404 404 | 204 404 404
GET /files/{id}/url                                          | 401    | 409 404 404 | 409 404 404 | 409 404 404
GET /files/{id}/{variant}                                    | 422    | 422 422 422 | 422 422 422 | 422 422 422
GET /scanner                                                 | 401    | 200         | 200         | 200

GET /accounts                                                | 401    | 200         | 200         | 200
GET /accounts/{id}                                           | 401    | 200 404 404 | 200 200 404 | 200 200 404
GET /projects                                                | 401    | 200         | 200         | 200
POST /projects                                               | 401    | 403         | 201         | 201
GET /projects/{id}                                           | 401    | 200 404 404 | 200 200 404 | 200 200 404
PATCH /projects/{id}                                         | 401    | 403 404 404 | 200 200 404 | 200 200 404
GET /projects/{id}/members                                   | 401    | 200 404 404 | 200 200 404 | 200 200 404
PUT /projects/{id}/members/{account}                         | 401    | 403 404 404 | 204 204 404 | 204 204 404
DELETE /projects/{id}/members/{account}                      | 401    | 403 404 404 | 204 204 404 | 204 204 404

GET /admin/accounts                                          | 401    | 403         | 403         | 200
POST /admin/accounts                                         | 401    | 403         | 403         | 201
GET /admin/accounts/{id}                                     | 401    | 403 403 403 | 403 403 403 | 200 200 404
PATCH /admin/accounts/{id}                                   | 401    | 403 403 403 | 403 403 403 | 200 200 404
POST /admin/accounts/{id}/password                           | 401    | 403 403 403 | 403 403 403 | 200 200 404
DELETE /admin/accounts/{id}/sessions                         | 401    | 403 403 403 | 403 403 403 | 204 204 404
GET /admin/audit                                             | 401    | 403         | 403         | 200
GET /admin/conversations                                     | 401    | 403         | 403         | 200
GET /admin/conversations/{id}                                | 401    | 403 403 403 | 403 403 403 | 200 200 404
GET /admin/conversations/{id}/events                         | 401    | 403 403 403 | 403 403 403 | 200 200 404
GET /admin/files                                             | 401    | 403         | 403         | 200
DELETE /admin/files/{id}                                     | 401    | 403 403 403 | 403 403 403 | 404 404 404
POST /admin/files/{id}/release                               | 401    | 403 403 403 | 403 403 403 | 404 404 404
GET /admin/stats                                             | 401    | 403         | 403         | 200
POST /csp-reports                                            | 204    | 204         | 204         | 204
"""


def test_every_route_is_in_the_table():
    inside = {f"{method} {path.removeprefix(API)}" for path, methods in TABLE.items() for method in methods}
    assert {" ".join(asked.split()[:2]) for asked in rows(ROUTES)} == inside


# Routes ---------------------------------------------------------------------

CODES = {status: code for code, status in STATUS.items() if code in ("unauthenticated", "forbidden", "not_found")}
PASSWORD = "a long password"
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
AT_THE_ROOT = ("/healthz", "/readyz", "/files/{id}/{variant}")
SPENT = {"POST /auth/logout", "POST /admin/accounts/{id}/password", "DELETE /admin/accounts/{id}/sessions"}
"""Behind these the asker is out."""


@cache
def hashed() -> str:
    """The hash of the password: made once, since it takes its time."""
    return hash_password(PASSWORD)


class World:
    """What there is for one asker: something of his own, the like of others."""

    def __init__(self, site: Site, role: str) -> None:
        self.site = site
        self.role = role
        self.founder = Someone("Fay", "agent")
        self.third = Someone("Tom", "client")

    async def build(self) -> World:
        number = uuid4().hex[:8]
        self.email, other = f"asker-{number}@parley.example", f"stranger-{number}@parley.example"
        await accounts.add(self.site.db, self.email, "Asker", self.role, password_hash=hashed())
        self.stranger = (await accounts.add(self.site.db, other, "Sten", "client", password_hash=hashed())).id
        self.asker = await signed_in(self.site, self.email, PASSWORD)
        for someone in (self.founder, self.third):
            assert (await self.site.call("GET", "me", someone)).status_code == 200
        self.own_project = await self._project(self.asker.id)
        self.foreign_project = await self._project(self.third.id)
        await self.renew()
        return self

    async def renew(self) -> None:
        """Conversations in which nothing has happened yet, and another id of nothing: staff may have named the last."""
        own, foreign, missing = (
            await self._conversation(self.asker.id),
            await self._conversation(self.third.id),
            str(uuid4()),
        )
        self.conversations = {"own": own, "foreign": foreign, "missing": missing}
        self.projects = {"own": self.own_project, "foreign": self.foreign_project, "missing": missing}
        self.accounts = {"own": self.asker.id, "foreign": self.stranger, "missing": missing}
        self.files = {"own": await self._file(self.asker), "foreign": await self._file(self.third), "missing": missing}

    async def _conversation(self, member: str) -> str:
        """Created, then a message of the asker where he is a member, then one of another."""
        body = {"subject": "Harbour Bridge", "members": [member, self.third.id]}
        id: str = (await self.site.call("POST", "conversations", self.founder, json=body)).json()["id"]
        author: Someone | Session = self.asker if member == self.asker.id else self.founder
        for one in (author, self.founder):
            said = await self.site.call("POST", f"conversations/{id}/messages", one, json={"body": "Good morning"})
            assert said.status_code == 201
        return id

    async def _file(self, who: Someone | Session) -> str:
        """An upload that has begun."""
        headers = {**TUS, "Upload-Length": "3", "Upload-Metadata": "filename bm90ZS50eHQ="}
        begun = await self.site.call("POST", "files", who, headers=headers)
        assert begun.status_code == 201, begun.text
        id: str = begun.json()["id"]
        return id

    async def _project(self, member: str) -> str:
        id: str = (await self.site.call("POST", "projects", self.founder, json={"name": "Bridge"})).json()["id"]
        assert (await self.site.call("PUT", f"projects/{id}/members/{member}", self.founder)).status_code == 204
        return id

    async def path(self, asked: str, target: str) -> str:
        """The path of a row with the target's ids in it."""
        path, _, more = asked.partition(" ")[2].partition(" ")
        kinds = {"accounts/": self.accounts, "projects/": self.projects, "/files/{": self.files}
        kind = next((kind for part, kind in kinds.items() if part in path), self.conversations)
        account = self.asker.id if more == "who is oneself" else self.third.id
        if asked == "PUT /conversations/{id}/members/{account}":
            account = self.stranger
        seq = {"of another": 3, "that is not there": 99}.get(more, 2)
        filled = path.format(id=kind.get(target, ""), account=account, seq=seq, emoji="👍", variant="original")
        return filled if path in AT_THE_ROOT else API + filled

    async def body(self, asked: str, target: str) -> Any:
        """What the row's request carries."""
        if asked == "POST /auth/login":
            return {"email": self.email, "password": PASSWORD}
        if asked == "POST /auth/refresh":
            return {"refresh_token": self.asker.refresh_token}
        bodies: dict[str, Any] = {
            "POST /csp-reports": {"csp-report": {"effective-directive": "img-src"}},
            "PATCH /me": {"name": "Asker"},
            "POST /admin/files/{id}/release": {"reason": "Looked at by hand"},
            "POST /conversations": {"subject": "Harbour Bridge"},
            "POST /conversations in a project": {"subject": "Harbour", "project": self.projects.get(target)},
            "POST /conversations with an account": {"subject": "Harbour", "members": [self.accounts.get(target)]},
            "PATCH /conversations/{id}": {"subject": "Another"},
            "PUT /conversations/{id}/read": {"seq": 1},
            "POST /conversations/{id}/messages": {"body": "Good morning"},
            "POST /projects": {"name": "Harbour Bridge"},
            "PATCH /projects/{id}": {"name": "Another"},
            "POST /admin/accounts": {"email": f"{uuid4()}@parley.example", "role": "client"},
            "PATCH /admin/accounts/{id}": {"suspended": False},
            "POST /admin/accounts/{id}/password": {},
        }
        if asked.startswith("PATCH /conversations/{id}/messages/{seq}"):
            return {"body": "Good evening"}
        return bodies.get(asked)

    async def ask(self, asked: str, target: str, token: str | None) -> httpx2.Response:
        """The row's request, on what is the target's."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        path, body = await self.path(asked, target), await self.body(asked, target)
        more: dict[str, Any] = {} if body is None else {"json": body}
        if asked == "POST /files":
            more = {"files": {"file": ("note.txt", b"yes")}}
        elif "/files" in asked and body is None:
            headers |= TUS | {"Upload-Offset": "0"}
            more = {"content": b"yes"} if asked.startswith("PATCH") else {}
        return await self.site.http.request(asked.split()[0], path, headers=headers, **more)


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_answers_each_role_as_the_table_says(site: Site, role: str):
    world = await World(site, role).build()
    answered, expected = {}, {}
    for row in rows(ROUTES).values():
        wanted = {target: int(status) for (for_role, target), status in row.answers.items() if for_role == role}
        # One's own comes last: some of it cannot be asked twice.
        heard = {target: await world.ask(row.asked, target, world.asker.token()) for target in reversed(wanted)}
        expected[row.asked] = wanted
        answered[row.asked] = {target: heard[target].status_code for target in wanted}
        for answer in heard.values():
            if answer.status_code in CODES and row.asked.split()[0] != "HEAD":  # which has no body
                assert answer.json()["code"] == CODES[answer.status_code]
        if wanted.get("foreign", 200) in CODES:
            assert heard["foreign"].content == heard["missing"].content, "foreign and missing look the same"
        if row.asked in SPENT:
            world = await World(site, role).build()
        elif not row.asked.startswith("GET"):
            await world.renew()
    assert answered == expected


async def test_every_route_answers_nobody_as_the_table_says(site: Site):
    world = await World(site, "admin").build()
    expired = mint(SECRET, world.asker.id, name="Asker", email="a@host.example", role="admin", seconds=-60.0)
    for row in rows(ROUTES).values():
        targets = sorted({target for _, target in row.answers})
        answers = [
            await world.ask(row.asked, target, token) for target in targets for token in (None, "a.b.c", expired)
        ]
        if row.nobody == "200":
            world.asker.refresh_token = answers[-1].json().get("refresh_token", world.asker.refresh_token)
        assert {answer.status_code for answer in answers} == {int(row.nobody)}, row.asked
        if row.nobody == "401":
            by_token = [{answer.content for answer in answers[n::3]} for n in range(3)]
            assert all(len(contents) == 1 for contents in by_token), "nobody learns what there is"

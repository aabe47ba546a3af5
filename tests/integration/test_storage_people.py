"""Who finds and knows whom, and projects: lists that page without moving."""

from __future__ import annotations

import asyncio

import pytest

from storage import accounts, people, projects
from storage.accounts import Account
from storage.cursors import encoded
from storage.errors import Invalid, NotFound, Unavailable
from storage.log import Id
from storage.pool import Database
from tests.fixtures.logs import conversation_of, leave, new_id, one, person

pytestmark = pytest.mark.anyio


async def somebody(db: Database, name: str, role: str = "client") -> Account:
    return await accounts.add(db, f"{name.lower()}@example.org", name, role)


async def names(db: Database, asker: Account, query: str = "", limit: int = 2) -> list[str]:
    """All that the asker finds, page by page."""
    found, after = [], None
    while True:
        page, after = await people.search(db, asker, query, after, limit)
        found += [one.name for one in page]
        if after is None:
            return found


async def knows(db: Database, asker: Id, other: Id) -> bool:
    try:
        await people.get(db, asker, other)
    except NotFound:
        return False
    return True


class TestSearch:
    async def test_staff_find_everybody_by_name_or_address(self, db):
        agent = await somebody(db, "Amir", "agent")
        for name in ("clara", "Émile", "Bo", "Bo Ek"):
            await accounts.add(db, f"{new_id()}@mill.example", name, "client")
        assert await names(db, agent) == ["Amir", "Bo", "Bo Ek", "clara", "Émile"]
        assert await names(db, agent, "BO") == ["Bo", "Bo Ek"]
        assert await names(db, agent, "éMI") == ["Émile"]
        assert await names(db, agent, "MILL.example") == ["Bo", "Bo Ek", "clara", "Émile"]
        assert await names(db, agent, "100%_") == []
        ((found,), _) = await people.search(db, agent, "Amir", None, 5)
        assert found == people.Person(agent.id, "Amir", "amir@example.org", "agent")

    async def test_clients_find_staff_and_the_people_of_their_projects(self, db):
        bob, ann = await somebody(db, "Bob"), await somebody(db, "Ann")
        agent = await somebody(db, "Amir", "agent")
        await somebody(db, "Eve")
        project = await projects.add(db, "Bridge")
        for account in (bob, ann):
            await projects.add_member(db, project.id, account.id)
        assert await names(db, bob) == ["Amir", "Ann", "Bob"]
        assert await names(db, bob, "an") == ["Ann"]
        assert await names(db, bob, "example") == []
        page, _ = await people.search(db, bob, "", None, 5)
        assert {one.email for one in page} == {None}
        await accounts.suspend(db, agent.id)
        assert await names(db, bob) == ["Ann", "Bob"]

    async def test_a_page_does_not_move_when_somebody_comes_before_it(self, db):
        agent = await somebody(db, "Amir", "agent")
        for name in ("Bo", "Cy", "Di"):
            await somebody(db, name)
        first, after = await people.search(db, agent, "", None, 2)
        await somebody(db, "Abe")
        second, _ = await people.search(db, agent, "", after, 2)
        assert [one.name for one in first + second] == ["Amir", "Bo", "Cy", "Di"]

    async def test_many_of_one_name_are_paged_without_loss(self, db):
        agent = await somebody(db, "Amir", "agent")
        for _ in range(5):
            await accounts.add(db, f"{new_id()}@example.org", "Same", "client")
        assert await names(db, agent) == ["Amir", *["Same"] * 5]

    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "é",
            "W10",
            encoded("a"),
            encoded("a", "b"),
            encoded("a\0", "3f2a0c1e-5b7d-4e8f-9a6b-1c2d3e4f5a6b"),
            "eyJhIjoxfQ",
            "WzEsMl0",
        ],
    )
    async def test_what_is_no_cursor_is_invalid(self, db, cursor):
        with pytest.raises(Invalid) as fault:
            await people.search(db, await somebody(db, "Amir", "agent"), "", cursor, 2)
        assert fault.value.field == "after"


class TestAcquaintance:
    async def test_staff_know_and_are_known(self, db):
        agent, client = await person(db, "agent"), await person(db)
        assert await knows(db, agent, client)
        assert await knows(db, client, agent)
        assert await knows(db, client, client)
        assert not await knows(db, client, new_id())
        assert (await people.get(db, agent, client)).email
        assert (await people.get(db, client, client)).email
        assert (await people.get(db, client, agent)).email is None

    async def test_clients_know_each_other_by_a_project(self, db):
        ann, bob, eve = [await person(db) for _ in range(3)]
        project = await projects.add(db, "Bridge")
        for account in (ann, bob):
            await projects.add_member(db, project.id, account)
        assert await knows(db, ann, bob)
        assert not await knows(db, eve, bob)
        assert not await knows(db, bob, eve)

    async def test_clients_know_each_other_by_a_conversation_that_either_has_left(self, db):
        agent = await person(db, "agent")
        ann, bob, eve = [await person(db) for _ in range(3)]
        talk = await conversation_of(db, agent, ann, bob)
        assert await knows(db, ann, bob)
        await one(db, leave(talk, bob, bob))
        assert await knows(db, ann, bob)
        assert await knows(db, bob, ann)
        await one(db, leave(talk, ann, ann))
        assert await knows(db, ann, bob)
        assert not await knows(db, eve, bob)


class TestProjects:
    async def test_clients_see_their_own_and_staff_all(self, db):
        bob, agent = await somebody(db, "Bob"), await somebody(db, "Amir", "agent")
        mill, bridge, dam = [await projects.add(db, name) for name in ("mill", "Bridge", "Dam")]
        for project in (mill, bridge, mill):
            await projects.add_member(db, project.id, bob.id)

        async def seen(asker: Account, query: str = "") -> list[tuple[str, int]]:
            found, after = [], None
            while True:
                page, after = await projects.page(db, asker, query, after, 1)
                found += [(project.name, project.members) for project in page]
                if after is None:
                    return found

        assert await seen(bob) == [("Bridge", 1), ("mill", 1)]
        assert await seen(agent) == [("Bridge", 1), ("Dam", 0), ("mill", 1)]
        assert await seen(agent, "DA") == [("Dam", 0)]
        assert (await projects.get(db, bob.id, mill.id)).name == "mill"
        with pytest.raises(NotFound):
            await projects.get(db, bob.id, dam.id)
        assert (await projects.get(db, agent.id, dam.id)).name == "Dam"

    async def test_the_same_wish_makes_one_project(self, db):
        id_ = new_id()
        wishes = await asyncio.gather(*(projects.create(db, id_, "Bridge", b"same") for _ in range(8)))
        assert sorted(made.replayed for made in wishes) == [False, *[True] * 7]
        assert all(made.same and made.project == wishes[0].project for made in wishes)
        assert not (await projects.create(db, id_, "Mill", b"other")).same

    async def test_a_project_that_is_never_there_in_time_is_unavailable(self, db, monkeypatch):
        nothing = "SELECT 1 WHERE %(id)s::text IS NULL AND %(name)s::text = '' AND %(fingerprint)s::bytea IS NULL"
        monkeypatch.setitem(projects.SQL, "create", nothing)
        with pytest.raises(Unavailable, match="being made by others"):
            await projects.create(db, new_id(), "Bridge", b"same")

    async def test_members_come_and_go_also_those_whom_only_the_host_knows(self, db):
        agent, bob, unknown = await person(db, "agent"), await somebody(db, "Bob"), new_id()
        project = await projects.add(db, "Bridge")
        for account in (bob.id, unknown, bob.id):
            await projects.add_member(db, project.id, account)
        page, after = await projects.members(db, agent, project.id, None, 1)
        rest, end = await projects.members(db, agent, project.id, after, 1)
        assert [one.id for one in page + rest] == [unknown, bob.id]
        assert end is None
        (_, seen), _ = await projects.members(db, bob.id, project.id, None, 5)
        assert seen == people.Person(bob.id, "Bob", "bob@example.org", "client")
        for _ in range(2):
            await projects.remove_member(db, project.id, unknown)
        assert (await projects.get(db, agent, project.id)).members == 1

    async def test_what_is_not_there_is_not_found(self, db):
        account = await person(db)
        for call in (
            projects.add_member(db, new_id(), account),
            projects.remove_member(db, new_id(), account),
            projects.rename(db, new_id(), "Mill"),
            projects.get(db, account, new_id()),
            projects.members(db, account, new_id(), None, 5),
        ):
            with pytest.raises(NotFound):
                await call

    async def test_a_project_is_renamed(self, db):
        project = await projects.add(db, "Bridge")
        assert (await projects.rename(db, project.id, "Mill")).name == "Mill"
        assert await projects.add(db, "Old Mill", id=project.id) == projects.Project(
            project.id, "Old Mill", project.created_at, 0
        )

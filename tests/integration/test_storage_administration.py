"""What administrators do with accounts, what they read of conversations, and that all of it is noted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from storage import accounts, administration, log, oversight, projects, sessions
from storage.administration import AccountRecord
from storage.errors import BadAddress, Conflict, HostedAccount, Invalid, LastAdministrator, NotFound, Unavailable
from storage.log import Id
from storage.pool import Database
from tests.fixtures.logs import conversation_of, create, leave, new_id, one, person, say

pytestmark = pytest.mark.anyio


async def local(db: Database, name: str, role: str = "client") -> Id:
    """An account that signs in here."""
    return (await accounts.add(db, f"{name.lower()}@example.org", name, role, password_hash="kept")).id


async def make(db: Database, actor: Id, id: Id | None = None, **given: str | bytes) -> administration.Made:
    wish = {"email": "new@example.org", "name": "New", "role": "agent", "password_hash": "kept", "fingerprint": b"1"}
    return await administration.create(db, actor, id or new_id(), **{**wish, **given})


async def noted(db: Database, **of: Id | str) -> list[tuple[str, Id | None, dict]]:
    """What the audit has of it, oldest first."""
    filters = {"actor": None, "target": None, "action": None, **of}
    notes, _ = await administration.audit(db, **filters, after=None, limit=100)
    return [(note.action, note.target, note.detail) for note in reversed(notes)]


class TestCreation:
    async def test_an_account_is_made_once_for_a_wish_and_noted_once(self, db):
        admin, id_ = await local(db, "Ada", "admin"), new_id()
        made = await asyncio.gather(*(make(db, admin, id_) for _ in range(8)))
        assert sorted(one.replayed for one in made) == [False, *[True] * 7]
        assert all(one.same and one.account == made[0].account for one in made)
        assert made[0].account == AccountRecord(
            id_, "New", "new@example.org", "agent", False, None, "parley", made[0].account.created_at
        )
        assert not (await make(db, admin, id_, fingerprint=b"2")).same
        said = {"email": "new@example.org", "name": "New", "role": "agent"}
        assert await noted(db) == [("account_created", id_, said)]

    async def test_a_taken_address_is_a_conflict_and_nothing_is_noted(self, db):
        admin = await local(db, "Ada", "admin")
        with pytest.raises(Conflict) as fault:
            await make(db, admin, email="ADA@example.org")
        assert fault.value.field == "email"
        assert await noted(db) == []

    async def test_what_is_no_address_is_refused(self, db):
        with pytest.raises(BadAddress):
            await make(db, new_id(), email="nobody")

    async def test_an_account_that_is_never_there_in_time_is_unavailable(self, db, monkeypatch):
        monkeypatch.setitem(administration.SQL, "create", "SELECT 1 WHERE false")
        with pytest.raises(Unavailable, match="being made by others"):
            await make(db, new_id())


class TestChange:
    async def test_name_role_and_suspension_change_apart_and_are_noted(self, db):
        admin, bob = await local(db, "Ada", "admin"), await local(db, "Bob")
        assert (await administration.change(db, admin, bob, name="Robert")).name == "Robert"
        promoted = await administration.change(db, admin, bob, role="admin")
        assert (promoted.name, promoted.role, promoted.suspended) == ("Robert", "admin", False)
        suspended = await administration.change(db, admin, bob, suspended=True)
        assert suspended.suspended and suspended.suspended_at
        again = await administration.change(db, admin, bob, suspended=True)
        assert again.suspended_at == suspended.suspended_at
        assert not (await administration.change(db, admin, bob, suspended=False)).suspended
        assert [note[2] for note in await noted(db, target=bob)] == [
            {"name": "Robert"}, {"role": "admin"}, {"suspended": True}, {"suspended": True}, {"suspended": False},
        ]  # fmt: skip

    async def test_a_suspension_ends_the_sessions(self, db):
        admin, bob = await local(db, "Ada", "admin"), await local(db, "Bob")
        mine, other = await sessions.open(db, bob, b"one", 60), await sessions.open(db, admin, b"two", 60)
        await administration.change(db, admin, bob, suspended=True)
        read = await sessions.revocations(db, None)
        assert (read.tokens, read.suspended) == ({mine}, {bob})
        await administration.change(db, admin, bob, suspended=False)
        read = await sessions.revocations(db, None)
        assert (mine in read.tokens, other in read.tokens, read.suspended) == (True, False, set())

    @pytest.mark.parametrize("loss", [{"role": "agent"}, {"suspended": True}, {"role": "client", "suspended": True}])
    async def test_the_last_administrator_stays_one(self, db, loss):
        ada, suspended = await local(db, "Ada", "admin"), await local(db, "Sam", "admin")
        await accounts.suspend(db, suspended)
        with pytest.raises(LastAdministrator) as fault:
            await administration.change(db, ada, ada, **loss)
        assert fault.value.field == ("suspended" if "suspended" in loss else "role")
        assert await noted(db) == []
        assert (await administration.get(db, ada)).role == "admin"
        other = await local(db, "Olga", "admin")
        await administration.change(db, ada, ada, **loss)
        await administration.change(db, other, suspended, role="agent")

    async def test_of_two_who_demote_each_other_one_stays(self, db):
        for round_ in range(10):
            ada, olga = await local(db, f"Ada{round_}", "admin"), await local(db, f"Olga{round_}", "admin")
            outcomes = await asyncio.gather(
                administration.change(db, ada, olga, role="agent"),
                administration.change(db, olga, ada, suspended=True),
                return_exceptions=True,
            )
            assert sum(isinstance(outcome, LastAdministrator) for outcome in outcomes) == 1, outcomes
            for left in (ada, olga):  # a clean table for the next round
                await db.fetch("UPDATE accounts SET role = 'client' WHERE id = %s", [left])

    async def test_name_and_role_of_a_hosts_account_are_the_hosts(self, db):
        admin, hosted = await local(db, "Ada", "admin"), await person(db, "client", "Hana")
        for field, value in (("role", "agent"), ("name", "Anna")):
            with pytest.raises(HostedAccount) as fault:
                await administration.change(db, admin, hosted, **{field: value})
            assert fault.value.field == field
        assert (await administration.change(db, admin, hosted, role="client", name="Hana", suspended=True)).suspended
        with pytest.raises(HostedAccount) as fault:
            await administration.reset_password(db, admin, hosted, "other")
        assert fault.value.field == "password"

    async def test_a_new_password_ends_the_sessions(self, db):
        admin, bob = await local(db, "Ada", "admin"), await local(db, "Bob")
        mine = {await sessions.open(db, bob, name, 60) for name in (b"one", b"two")}
        assert set(await administration.reset_password(db, admin, bob, "other")) == mine
        assert await accounts.password_of(db, bob) == "other"
        third = await sessions.open(db, bob, b"three", 60)
        assert await administration.end_sessions(db, admin, bob) == [third]
        assert await administration.end_sessions(db, admin, bob) == []
        assert await noted(db, actor=admin) == [
            ("password_reset", bob, {}),
            ("sessions_ended", bob, {"sessions": 1}),
            ("sessions_ended", bob, {"sessions": 0}),
        ]

    async def test_what_is_not_there_is_not_found_and_not_noted(self, db):
        for call in (
            administration.get(db, new_id()),
            administration.change(db, new_id(), new_id(), name="x"),
            administration.reset_password(db, new_id(), new_id(), "x"),
            administration.end_sessions(db, new_id(), new_id()),
            oversight.get(db, new_id(), new_id()),
            oversight.events_after(db, new_id(), new_id(), 0, 10),
            oversight.events_before(db, new_id(), new_id(), 9, 10),
        ):
            with pytest.raises(NotFound):
                await call
        assert await noted(db) == []

    async def test_a_change_is_told_to_the_edges_for_a_while(self, db):
        admin, bob = await local(db, "Ada", "admin"), await local(db, "Bob")
        assert (await sessions.revocations(db, None)).changed == set()
        before = datetime.now(UTC) - timedelta(seconds=1)
        await administration.change(db, admin, bob, role="agent")
        read = await sessions.revocations(db, before)
        assert read.changed == {bob}
        assert (await sessions.revocations(db, read.since)).changed == {bob}
        assert (await sessions.revocations(db, read.since + timedelta(seconds=31))).changed == set()


class TestOnesOwn:
    async def test_name_and_password_change_and_other_sessions_end(self, db):
        bob = await local(db, "Bob")
        mine, other = await sessions.open(db, bob, b"one", 60), await sessions.open(db, bob, b"two", 60)
        renamed = await accounts.change_own(db, bob, mine, name="Robert", old_hash=None, new_hash=None)
        assert renamed == (accounts.Account(bob, "Robert", "bob@example.org", "client", False), [])
        changed = await accounts.change_own(db, bob, mine, name=None, old_hash="kept", new_hash="new")
        assert changed == (renamed[0], [other])
        assert await accounts.password_of(db, bob) == "new"

    async def test_a_password_that_was_changed_meanwhile_stays(self, db):
        bob = await local(db, "Bob")
        session = await sessions.open(db, bob, b"one", 60)
        assert await accounts.change_own(db, bob, session, name="X", old_hash="older", new_hash="new") is None
        assert (await accounts.get(db, bob)).name == "Bob"

    async def test_a_hosts_account_has_nothing_to_change_here(self, db):
        hosted = await person(db)
        assert await accounts.change_own(db, hosted, new_id(), name="X", old_hash=None, new_hash=None) is None
        assert await accounts.password_of(db, hosted) is None
        with pytest.raises(NotFound):
            await accounts.password_of(db, new_id())


class TestLists:
    async def test_accounts_are_found_by_name_address_role_and_suspension(self, db):
        ids = {
            name: await local(db, name, role) for name, role in (("Ada", "admin"), ("bo", "client"), ("Cy", "agent"))
        }
        hosted = await person(db, "client", "Dina")
        await accounts.suspend(db, ids["bo"])

        async def found(query: str = "", role: str | None = None, suspended: bool | None = None) -> list[str]:
            names, after = [], None
            while True:
                page, after = await administration.page(db, query, role, suspended, after, 1)
                names += [record.name for record in page]
                if after is None:
                    return names

        assert await found() == ["Ada", "bo", "Cy", "Dina"]
        assert await found("ADA@") == ["Ada"]
        assert await found(role="client") == ["bo", "Dina"]
        assert await found(role="client", suspended=False) == ["Dina"]
        assert await found(suspended=True) == ["bo"]
        assert (await administration.get(db, hosted)).signs_in == "host"

    async def test_the_audit_comes_newest_first_page_by_page(self, db):
        admin, other = await local(db, "Ada", "admin"), await local(db, "Olga", "admin")
        for _ in range(5):
            await administration.end_sessions(db, admin, other)
        await administration.end_sessions(db, other, admin)
        first, after = await administration.audit(db, None, None, None, None, 4)
        await administration.end_sessions(db, admin, admin)
        rest, end = await administration.audit(db, None, None, None, after, 4)
        assert [note.id for note in first + rest] == sorted((note.id for note in first + rest), reverse=True)
        assert ([note.actor for note in first + rest], end) == ([other, *[admin] * 5], None)
        assert len(await noted(db, actor=other)) == 1
        assert len(await noted(db, target=other)) == 5
        assert await noted(db, action="account_created") == []
        for cursor in ("x", "WyJ4Il0"):
            with pytest.raises(Invalid):
                await administration.audit(db, None, None, None, cursor, 4)


async def begun(db: Database, conversation: Id, seconds: int) -> None:
    """Have it begun then, and not in the same millisecond as others."""
    statement = (
        "UPDATE conversations SET created_at = timestamptz '2026-01-01Z' + make_interval(secs => %s) WHERE id = %s"
    )
    await db.fetch(statement, [seconds, conversation])


class TestOversight:
    async def test_all_conversations_are_listed_the_newest_first(self, db):
        agent, bob = await person(db, "agent"), await person(db)
        project = await projects.add(db, "Bridge")
        ids = []
        for subject, where in (("Bridge", project.id), ("Mill", None), ("Old bridge", None), ("Dam", None)):
            ids.append(new_id())
            await one(db, create(ids[-1], agent, bob, subject=subject, project=where))
            await begun(db, ids[-1], len(ids))
        await one(db, leave(ids[1], bob, bob))
        await db.fetch("UPDATE conversations SET status = 'archived' WHERE id = %s", [ids[2]])

        async def found(query: str = "", status: str | None = None, project: Id | None = None) -> list[Id]:
            seen, after = [], None
            while True:
                page, after = await oversight.page(db, query, status, project, after, 1)
                seen += [item.id for item in page]
                if after is None:
                    return seen

        assert await found() == ids[::-1]
        assert await found("BRIDGE") == [ids[2], ids[0]]
        assert await found(status="archived") == [ids[2]]
        assert await found(project=project.id) == [ids[0]]
        assert await found("nothing") == []
        page, _ = await oversight.page(db, "Mill", None, None, None, 9)
        assert [(item.subject, item.head, item.members, item.status) for item in page] == [("Mill", 2, 1, "open")]
        with pytest.raises(Invalid):
            await oversight.page(db, "", None, None, "WyIyMDI2Il0", 9)
        assert await noted(db) == []

    async def test_a_page_does_not_move_when_a_conversation_begins_or_is_spoken_in(self, db):
        agent = await person(db, "agent")
        ids = [await conversation_of(db, agent) for _ in range(4)]
        for seconds in range(4):
            await begun(db, ids[seconds], seconds)
        first, after = await oversight.page(db, "", None, None, None, 2)
        await conversation_of(db, agent)
        await one(db, say(ids[0], agent))
        second, end = await oversight.page(db, "", None, None, after, 2)
        assert ([item.id for item in first + second], end) == (ids[::-1], None)

    async def test_each_look_into_a_conversation_is_noted(self, db):
        agent, bob, admin = (
            await person(db, "agent", "Ann"),
            await person(db, "client", "Bob"),
            await person(db, "admin"),
        )
        talk = await conversation_of(db, agent, bob)
        for body in ("one", "two", "three"):
            await one(db, say(talk, bob, body))
        shown = await oversight.get(db, admin, talk)
        assert (shown["id"], shown["head"], shown["created_by"]) == (talk, 4, agent)
        assert [member["name"] for member in shown["members"]] == ["Ann", "Bob"]
        theirs = await log.events_after(db, bob, talk, 0, 10)
        assert await oversight.events_after(db, admin, talk, 0, 10) == theirs
        assert await oversight.events_before(db, admin, talk, 4, 2) == await log.events_before(db, bob, talk, 4, 2)
        assert (await oversight.events_after(db, admin, talk, 4, 10)).items == []
        assert await noted(db, actor=admin) == [
            ("conversation_read", talk, {}),
            ("events_read", talk, {"after": 0, "limit": 10}),
            ("events_read", talk, {"before": 4, "limit": 2}),
            ("events_read", talk, {"after": 4, "limit": 10}),
        ]

    async def test_a_conversation_that_all_have_left_is_still_shown(self, db):
        agent, admin = await person(db, "agent"), await person(db, "admin")
        talk = await conversation_of(db, agent)
        await one(db, leave(talk, agent, agent))
        assert (await oversight.get(db, admin, talk))["members"] == []

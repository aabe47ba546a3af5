"""Accounts, sessions and revocations."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from storage import accounts, sessions
from storage.accounts import Vouched
from storage.errors import BadData, Conflict, NotFound, Unavailable
from tests.fixtures.logs import new_id, person

pytestmark = pytest.mark.anyio


class TestAccounts:
    async def test_one_signs_in_by_address_in_any_case(self, db):
        added = await accounts.add(db, "Clara@Example.org", "Clara", "client", password_hash="kept")
        assert await accounts.by_email(db, "clara@example.ORG") == (added, "kept")
        assert await accounts.get(db, added.id) == added
        assert (added.name, added.email, added.role, added.suspended) == (
            "Clara",
            "Clara@Example.org",
            "client",
            False,
        )

    async def test_an_address_signs_in_one_account(self, db):
        first = await accounts.add(db, "a@example.org", "A", "client", password_hash="kept")
        with pytest.raises(Conflict):
            await accounts.add(db, "A@example.org", "B", "client", password_hash="kept")
        with pytest.raises(Conflict):
            await accounts.add(db, "b@example.org", "B", "client", id=first.id)
        hosted = await accounts.add(db, "a@example.org", "C", "client")
        with pytest.raises(Conflict):
            await accounts.set_password(db, hosted.id, "kept")

    async def test_without_a_password_nobody_signs_in(self, db):
        account = await accounts.add(db, "a@example.org", "A", "client")
        assert await accounts.by_email(db, "a@example.org") is None
        await accounts.set_password(db, account.id, "kept")
        assert (await accounts.by_email(db, "a@example.org"))[1] == "kept"
        await accounts.set_password(db, account.id, None)
        assert await accounts.by_email(db, "a@example.org") is None

    async def test_a_role_that_there_is_not_is_bad_data(self, db):
        with pytest.raises(BadData):
            await accounts.add(db, "a@example.org", "A", "emperor")

    async def test_what_is_not_there_is_not_found(self, db):
        for call in (
            accounts.get(db, new_id()),
            accounts.suspend(db, new_id()),
            accounts.set_password(db, new_id(), "kept"),
        ):
            with pytest.raises(NotFound):
                await call

    async def test_the_hosts_word_makes_and_changes_an_account(self, db):
        lena = Vouched(new_id(), "Lena", "lena@example.org", "client")
        (made,) = await accounts.ensure(db, [lena])
        assert made == accounts.Account(lena.id, "Lena", "lena@example.org", "client", False)
        before = await db.fetch("SELECT xmin::text FROM accounts WHERE id = %s", [lena.id])
        assert await accounts.ensure(db, [lena]) == [made]
        assert await db.fetch("SELECT xmin::text FROM accounts WHERE id = %s", [lena.id]) == before  # nothing written
        await accounts.suspend(db, lena.id)
        (changed,) = await accounts.ensure(db, [lena._replace(name="Lena O.", role="agent")])
        assert changed == accounts.Account(lena.id, "Lena O.", "lena@example.org", "agent", True)
        await accounts.suspend(db, lena.id, False)
        assert not (await accounts.get(db, lena.id)).suspended

    async def test_the_host_may_vouch_for_many_at_once(self, db):
        known, changed, new = (Vouched(new_id(), name, f"{name}@example.org", "client") for name in ("a", "b", "c"))
        await accounts.ensure(db, [known, changed])
        found = await accounts.ensure(db, [new, changed._replace(role="agent"), known])
        assert [(one.id, one.role) for one in found] == [
            (new.id, "client"),
            (changed.id, "agent"),
            (known.id, "client"),
        ]
        assert await accounts.ensure(db, []) == []

    async def test_many_sockets_may_bring_the_same_new_accounts_at_once(self, db):
        vouched = [Vouched(new_id(), "Lena", "lena@example.org", "client") for _ in range(5)]
        ways = [random.sample(vouched, 5) for _ in range(40)]
        made = await asyncio.gather(*(accounts.ensure(db, way) for way in ways))
        assert [[one.id for one in found] for found in made] == [[one.id for one in way] for way in ways]

    async def test_an_account_that_is_never_there_in_time_is_unavailable(self, db, monkeypatch):
        nothing = "SELECT 1 WHERE %(ids)s::text[] IS NULL AND %(emails)s::text[] || %(names)s = %(roles)s::text[]"
        monkeypatch.setitem(accounts.SQL, "ensure", nothing)
        with pytest.raises(Unavailable, match="being changed by others"):
            await accounts.ensure(db, [Vouched(new_id(), "Lena", "lena@example.org", "client")])

    async def test_the_hosts_word_cannot_take_anothers_address(self, db):
        await accounts.add(db, "a@example.org", "A", "client", password_hash="kept")
        other = await accounts.add(db, "b@example.org", "B", "client", password_hash="kept")
        with pytest.raises(Conflict):
            await accounts.ensure(db, [Vouched(other.id, "B", "a@example.org", "client")])


class TestSessions:
    async def test_a_refresh_token_is_exchanged_once(self, db):
        account = await person(db)
        session = await sessions.open(db, account, b"one", 60)
        assert await sessions.rotate(db, b"one", b"two") == (session, account)
        assert await sessions.rotate(db, b"two", b"three") == (session, account)
        assert await sessions.rotate(db, b"never", b"four") is None

    async def test_an_answer_that_was_lost_is_asked_for_again_within_the_grace(self, db):
        account = await person(db)
        session = await sessions.open(db, account, b"one", 60)
        await sessions.rotate(db, b"one", b"lost")
        assert await sessions.rotate(db, b"one", b"two") == (session, account)
        assert await sessions.rotate(db, b"lost", b"three") is None
        assert await sessions.rotate(db, b"two", b"three") == (session, account)

    async def test_a_token_that_is_presented_late_ends_the_session(self, db):
        account = await person(db)
        session = await sessions.open(db, account, b"one", 60)
        await sessions.rotate(db, b"one", b"two")
        assert await sessions.rotate(db, b"one", b"thief", grace_seconds=0) is None
        assert await sessions.rotate(db, b"two", b"three") is None
        assert session in (await sessions.revocations(db, None))[1]

    async def test_two_exchanges_at_once_leave_one_good_token(self, db):
        account = await person(db)
        session = await sessions.open(db, account, b"one", 60)
        words = [f"new {n}".encode() for n in range(6)]
        answers = await asyncio.gather(*(sessions.rotate(db, b"one", word) for word in words))
        assert answers == [(session, account)] * 6
        good = [word for word in words if await sessions.rotate(db, word, word + b"!")]
        assert len(good) == 1

    @pytest.mark.parametrize("why", ["expired", "revoked", "suspended"])
    async def test_an_ended_session_is_not_renewed(self, db, why):
        account = await person(db)
        session = await sessions.open(db, account, b"one", -1 if why == "expired" else 60)
        if why == "revoked":
            await sessions.revoke(db, session)
        if why == "suspended":
            await accounts.suspend(db, account)
        assert await sessions.rotate(db, b"one", b"two") is None

    async def test_revocations_are_told_once_and_suspensions_always(self, db):
        account, other = await person(db), await person(db)
        session = await sessions.open(db, account, b"one", 60)
        since, tokens, suspended, _ = await sessions.revocations(db, None)
        assert (tokens, suspended) == (set(), set())
        await sessions.revoke(db, session)
        await sessions.revoke_token(db, "host-jti", datetime.now(UTC) + timedelta(minutes=5))
        await sessions.revoke_token(db, "host-jti", datetime.now(UTC) + timedelta(minutes=5))
        await accounts.suspend(db, other)
        since, tokens, suspended, _ = await sessions.revocations(db, since)
        assert (tokens, suspended) == ({session, "host-jti"}, {other})
        since, tokens, suspended, _ = await sessions.revocations(db, since + timedelta(seconds=31))
        assert (tokens, suspended) == (set(), {other})
        await accounts.suspend(db, other, False)
        assert (await sessions.revocations(db, since))[2] == set()

    async def test_a_revocation_that_commits_late_is_not_missed(self, db):
        """`since` lies back by more than a statement may take."""
        since, *_ = await sessions.revocations(db, None)
        assert timedelta(seconds=25) < datetime.now(UTC) - since < timedelta(seconds=60)

    async def test_all_sessions_of_an_account_end_at_once(self, db):
        account, other = await person(db), await person(db)
        mine = {await sessions.open(db, account, f"{n}".encode(), 60) for n in range(3)}
        await sessions.open(db, other, b"other", 60)
        assert await sessions.revoke_all(db, account) == 3
        assert await sessions.revoke_all(db, account) == 0
        assert (await sessions.revocations(db, None))[1] == mine

    async def test_the_expired_is_forgotten(self, db):
        account = await person(db)
        await sessions.open(db, account, b"old", -1)
        await sessions.open(db, account, b"new", 60)
        await sessions.revoke_token(db, "old", datetime.now(UTC) - timedelta(seconds=1))
        await sessions.revoke_token(db, "new", datetime.now(UTC) + timedelta(seconds=60))
        assert await sessions.prune(db) == 2
        assert await sessions.prune(db) == 0

    async def test_it_is_forgotten_in_bounded_steps_and_by_several_at_once(self, db, monkeypatch):
        monkeypatch.setattr(sessions, "PRUNE_AT_ONCE", 3)
        account = await person(db)
        for n in range(10):
            await sessions.open(db, account, f"{n}".encode(), -1)
            await sessions.revoke_token(db, f"{n}", datetime.now(UTC) - timedelta(seconds=1))
        kept = await sessions.open(db, account, b"new", 60)
        await asyncio.gather(sessions.prune(db), sessions.prune(db), sessions.prune(db))
        await sessions.prune(db)
        assert [row[0] for row in await db.fetch("SELECT id FROM sessions")] == [kept]
        assert await db.fetch("SELECT jti FROM revoked_tokens") == []

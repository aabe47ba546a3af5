"""Accounts that a host application vouches for: stored together, and each judged by itself."""

from __future__ import annotations

import asyncio

import pytest

from edge.auth import registrar as of_edge
from edge.auth.registrar import Registrar
from storage import accounts
from storage.accounts import Vouched
from storage.errors import BadData, Conflict, Unavailable
from tests.fixtures.logs import new_id

pytestmark = pytest.mark.anyio


def somebody(name: str = "Lena", **more: str) -> Vouched:
    return Vouched(**{"id": new_id(), "name": name, "email": f"{new_id()}@example.org", "role": "client", **more})


@pytest.fixture
def statements(monkeypatch) -> list[int]:
    """How many each statement brought."""
    counts: list[int] = []
    ensure = accounts.ensure

    async def counted(db, vouched):
        counts.append(len(vouched))
        return await ensure(db, vouched)

    monkeypatch.setattr(accounts, "ensure", counted)
    return counts


async def test_those_who_come_while_a_statement_runs_share_the_next(db, statements):
    registrar, everybody = Registrar(db), [somebody(f"Lena {number}") for number in range(50)]
    found = await asyncio.gather(*map(registrar.ensure, everybody))
    assert [(one.id, one.name) for one in found] == [(one.id, one.name) for one in everybody]
    assert statements == [50]
    assert (await registrar.ensure(everybody[7])) == found[7]
    assert statements == [50, 1]


async def test_no_statement_brings_more_than_its_share(db, statements, monkeypatch):
    monkeypatch.setattr(of_edge, "TOGETHER", 20)
    registrar = Registrar(db)
    await asyncio.gather(*(registrar.ensure(somebody()) for _ in range(50)))
    assert statements == [20, 20, 10]


async def test_the_same_word_from_many_sockets_is_asked_once(db, statements):
    registrar, lena = Registrar(db), somebody()
    found = await asyncio.gather(*(registrar.ensure(lena) for _ in range(10)))
    assert {one.id for one in found} == {lena.id}
    assert statements == [1]


async def test_two_words_about_one_account_are_stored_one_after_the_other(db, statements):
    registrar, lena = Registrar(db), somebody()
    later = lena._replace(role="agent")
    first, second = await asyncio.gather(registrar.ensure(lena), registrar.ensure(later))
    assert (first.role, second.role) == ("client", "agent")
    assert (await accounts.get(db, lena.id)).role == "agent"


async def test_only_who_is_to_blame_is_refused(db):
    await accounts.add(db, "taken@example.org", "A", "client", password_hash="kept")
    thief = await accounts.add(db, "b@example.org", "B", "client", password_hash="kept")
    registrar = Registrar(db)
    everybody = [somebody(), somebody(id=thief.id, email="taken@example.org"), somebody("a\0b"), somebody()]
    found = await asyncio.gather(*map(registrar.ensure, everybody), return_exceptions=True)
    assert [type(one) for one in found] == [accounts.Account, Conflict, BadData, accounts.Account]


async def test_without_a_database_everybody_hears_so_and_later_it_works(db, monkeypatch):
    registrar = Registrar(db)
    sound = accounts.SQL["ensure"]
    arrays = "%(ids)s::text[], %(names)s::text[], %(emails)s::text[], %(roles)s::text[]"
    monkeypatch.setitem(accounts.SQL, "ensure", f"SELECT pg_terminate_backend(pg_backend_pid()), {arrays}")
    found = await asyncio.gather(*(registrar.ensure(somebody()) for _ in range(3)), return_exceptions=True)
    assert [isinstance(fault, Unavailable) for fault in found] == [True] * 3
    monkeypatch.setitem(accounts.SQL, "ensure", sound)
    lena = somebody()
    assert (await registrar.ensure(lena)).id == lena.id


async def test_who_goes_takes_nobody_elses_answer_along(db):
    registrar, lena = Registrar(db), somebody()
    first = asyncio.create_task(registrar.ensure(lena))
    second = asyncio.create_task(registrar.ensure(lena))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == lena.id

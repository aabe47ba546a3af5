"""Migrations forward and back, two migrators at once, and files that changed under the database."""

from __future__ import annotations

import asyncio
import shutil

import psycopg
import pytest

from storage import embedded, migrate
from storage.errors import Unavailable
from storage.migrate import MigrationError

pytestmark = pytest.mark.anyio

SCHEMA = """
SELECT 'column', c.table_name, c.column_name,
       concat_ws(' ', c.data_type, c.is_nullable, c.column_default)
  FROM information_schema.columns AS c WHERE c.table_schema = 'public' AND c.table_name <> 'schema_migrations'
 UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
 WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
 UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace AND conrelid <> 'schema_migrations'::regclass
 UNION ALL
SELECT 'function', proname, '', prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
 ORDER BY 1, 2, 3
"""


def schema(url):
    with psycopg.connect(url) as connection:
        return connection.execute(SCHEMA).fetchall()


@pytest.fixture
def empty_url(postgres):
    """A database without any schema."""
    with psycopg.connect(embedded.dsn(postgres.data_dir, "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE bare TEMPLATE template0")
        yield embedded.dsn(postgres.data_dir, "bare")
        admin.execute("DROP DATABASE bare WITH (FORCE)")


@pytest.fixture
def folder(tmp_path):
    """A copy of our migrations that a test may change."""
    return shutil.copytree(migrate.FOLDER, tmp_path / "migrations")


async def test_down_leaves_nothing_and_up_makes_the_same_again(database_url):
    names = [step.name for step in migrate.known()]
    before = schema(database_url)
    assert before
    assert await migrate.up(database_url) == []
    assert await migrate.down(database_url, 0) == names[::-1]
    assert schema(database_url) == []
    assert await migrate.up(database_url) == names
    assert schema(database_url) == before


async def test_every_step_back_and_forward_is_a_way(database_url, folder):
    for step in reversed(migrate.known()):
        before = schema(database_url)
        assert await migrate.down(database_url, step.number - 1, folder) == [step.name]
        assert await migrate.up(database_url, folder) == [step.name]
        assert schema(database_url) == before
        await migrate.down(database_url, step.number - 1, folder)
        for file in folder.glob(f"{step.number:04d}_*"):
            file.unlink()
    assert schema(database_url) == []


async def test_two_migrators_at_once_apply_each_step_once(empty_url):
    done = await asyncio.gather(migrate.up(empty_url), migrate.up(empty_url))
    assert sorted(done, key=len) == [[], [step.name for step in migrate.known()]]


async def test_a_file_that_changed_after_it_was_applied_is_refused(database_url, folder):
    file = folder / "0001_accounts.up.sql"
    file.write_text(file.read_text() + "-- changed\n")
    assert (await migrate.status(database_url, folder))[0].state == "changed"
    with pytest.raises(MigrationError, match="accounts was edited"):
        await migrate.up(database_url, folder)


async def test_a_migration_of_a_newer_release_is_left_to_it(database_url, folder):
    (folder / "9999_future.up.sql").write_text("CREATE TABLE future ();")
    (folder / "9999_future.down.sql").write_text("DROP TABLE future;")
    assert await migrate.up(database_url, folder) == ["future"]
    assert (await migrate.status(database_url))[-1] == migrate.State(9999, "future", "unknown")
    assert await migrate.up(database_url) == []  # two releases can run on one schema
    with pytest.raises(MigrationError, match="9999 is of another release"):
        await migrate.down(database_url, 0)
    assert await migrate.down(database_url, 9998, folder) == ["future"]


async def test_a_step_that_fails_is_undone_whole_and_those_before_it_stay(database_url, folder):
    (folder / "9998_good.up.sql").write_text("CREATE TABLE good ();")
    (folder / "9998_good.down.sql").write_text("DROP TABLE good;")
    (folder / "9999_bad.up.sql").write_text("CREATE TABLE half (); SELECT nonsense;")
    (folder / "9999_bad.down.sql").write_text("DROP TABLE half;")
    with pytest.raises(MigrationError, match="nonsense"):
        await migrate.up(database_url, folder)
    states = {state.name: state.state for state in await migrate.status(database_url, folder)}
    assert (states["good"], states["bad"]) == ("applied", "pending")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)


async def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable):
        await migrate.status(f"postgresql:///parley?host={tmp_path}")

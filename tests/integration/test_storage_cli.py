"""`python -m storage`, as people and the supervisor call it."""

from __future__ import annotations

import asyncio
import io

import psycopg
import pytest

from storage import __main__ as program
from storage import accounts, conversations, demo, demo_talk, embedded, migrate
from storage.passwords import verify_password
from storage.pool import open_database
from storage.settings import StorageSettings
from tests.fixtures.logs import whole_log


@pytest.fixture
def run(database_url, capsys):
    """Call it on the fresh database; the status and what it said."""

    def call(*arguments, **env):
        status = program.main(arguments, {"DATABASE_URL": database_url, **env})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_migrate_goes_down_up_and_tells_the_state(run):
    last = migrate.known()[-1]
    assert run("migrate", "down", str(last.number - 1))[:2] == (0, f"reverted {last.name}\n")
    assert f"{last.number:04d} {last.name}: pending" in run("migrate", "status")[1]
    assert run("check")[0] == 1
    assert run("migrate")[:2] == (0, f"applied {last.name}\n")
    assert run("migrate", "up")[:2] == (0, "")


def test_check_names_the_epoch_and_whether_it_is_durable(run, database_url):
    status, out, _ = run("check")
    assert status == 0
    assert "-1, durable" in out
    unsafe = f"{database_url}&options=-c%20synchronous_commit%3Doff"
    status, _, err = run("check", DATABASE_URL=unsafe)
    assert status == 1
    assert "synchronous_commit=off" in err
    assert "NOT durable" in run("check", DATABASE_URL=unsafe, STORAGE_ALLOW_UNSAFE_DURABILITY="1")[1]


def test_a_server_that_may_lose_what_it_confirms_is_refused_before_anything_is_written(run, database_url):
    assert run("migrate", "down", "0")[0] == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE schema_migrations")
    unsafe = f"{database_url}&options=-c%20synchronous_commit%3Doff"
    for words in (("migrate",), ("migrate", "status"), ("migrate", "down", "0"), ("demo",)):
        status, out, err = run(*words, DATABASE_URL=unsafe)
        assert (status, out) == (1, "")
        assert "synchronous_commit=off: switch it on, or accept the loss" in err
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").rowcount == 0
    assert "applied accounts" in run("migrate", DATABASE_URL=unsafe, STORAGE_ALLOW_UNSAFE_DURABILITY="1")[1]


def test_down_wants_to_know_how_far(run):
    status, _, err = run("migrate", "down")
    assert status == 1
    assert "migrate down 0` drops everything" in err


def test_a_bad_setting_is_said_in_one_line(run):
    status, out, err = run("check", STORAGE_POOL_MAX="9")
    assert (status, out) == (1, "")
    assert err.startswith("storage: STORAGE_POOL_MAX is not a setting") and err.count("\n") == 1


def test_migrate_waits_for_a_server_only_so_long(run, tmp_path):
    status, _, err = run("migrate", DATABASE_URL="", DATA_DIR=str(tmp_path), STORAGE_OPEN_SECONDS="0.2")
    assert status == 1
    assert "start `python -m storage serve`" in err


def test_an_account_is_added_with_a_password_from_standard_input(run, database_url, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    status, out, _ = run("account", "add", "--role", "admin", "--name", "Ada", "--password-stdin", "ada@example.org")
    assert status == 0
    account, kept = asyncio.run(by_email(database_url, "ada@example.org"))
    assert (account.id, account.name, account.role) == (out.strip(), "Ada", "admin")
    assert verify_password(kept, "correct horse")


def test_an_account_is_added_with_a_password_of_ours(run, database_url):
    _, out, _ = run("account", "add", "--role", "agent", "amir@example.org")
    account, kept = asyncio.run(by_email(database_url, "amir@example.org"))
    assert account.name == "amir"
    assert verify_password(kept, out.split("password: ")[1].strip())


def test_an_account_is_not_added_twice_nor_with_an_empty_password(run, monkeypatch):
    assert run("account", "add", "--role", "agent", "amir@example.org")[0] == 0
    status, _, err = run("account", "add", "--role", "agent", "Amir@example.org")
    assert status == 1
    assert "holds this name already" in err
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    status, _, err = run("account", "add", "--role", "agent", "--password-stdin", "new@example.org")
    assert status == 1
    assert "empty" in err


@pytest.mark.parametrize("email", ["amir", "amir@", "Amir <amir@example.org>", ""])
def test_an_account_needs_an_address_that_is_one(run, email):
    status, out, err = run("account", "add", "--role", "agent", email)
    assert (status, out) == (1, "")
    assert "no e-mail address: it looks like name@example.org" in err


async def by_email(url, email):
    async with open_database(StorageSettings(database_url=url)) as db:
        found = await accounts.by_email(db, email)
    assert found is not None
    return found


def test_demo_adds_people_and_talk_once(run, database_url):
    assert run("demo")[:2] == (0, f"demo: {sum(1 + len(talk.lines) for talk in demo_talk.TALKS)} new events\n")
    assert run("demo")[:2] == (0, "demo: 0 new events\n")

    async def look():
        async with open_database(StorageSettings(database_url=database_url)) as db:
            for email, role in (("client", "client"), ("agent", "agent"), ("admin", "admin")):
                account, kept = await accounts.by_email(db, f"{email}@demo.example")
                assert account.role == role
                assert verify_password(kept, "demo")
                items, _ = await conversations.page(db, account.id, None, 50)
                assert items
                for item in items:
                    await whole_log(db, item["id"])
            client = demo.demo_id("account", demo_talk.CLIENT)
            items, _ = await conversations.page(db, client, None, 50)
            assert len(items) >= 4
            assert any(item["unread"] for item in items)

    asyncio.run(look())


def test_demo_reports_what_is_refused(run, database_url):
    run("demo")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("TRUNCATE events")
        admin.execute("UPDATE conversations SET status = 'closed'")
    status, _, err = run("demo")
    assert status == 1
    assert "demo conversation" in err


def test_serve_runs_the_database_until_it_is_told_to_stop(fast_path, monkeypatch):
    """In this process: the signal handler ends it as a supervisor's SIGTERM would."""
    handlers = {}
    monkeypatch.setattr("signal.signal", lambda number, handler: handlers.__setitem__(number, handler))
    told = []

    def stop_at_once(words):
        told.append(words)
        handlers[embedded.ENDING[0]](embedded.ENDING[0], None)

    monkeypatch.setattr(embedded, "_say", stop_at_once)
    with pytest.raises(SystemExit) as ended:
        program.main(["serve"], {"DATA_DIR": str(fast_path / "data")})
    assert ended.value.code == 0
    assert told == [f"PostgreSQL is ready in {fast_path / 'data'}"]
    assert not embedded.Cluster(fast_path / "data").users()


def test_serve_says_why_it_cannot(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    (tmp_path / "file").touch()
    assert program.main(["serve"], {"DATA_DIR": str(tmp_path / "file" / "data")}) == 1
    assert "Set DATA_DIR elsewhere" in capsys.readouterr().err


def test_all_migrations_are_there(database_url):
    assert {line.state for line in asyncio.run(migrate.status(database_url))} == {"applied"}

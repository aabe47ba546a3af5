"""Settings are read once, and a slip of the pen is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.cluster import EmbeddedError
from storage.settings import SettingError, StorageSettings, load


def test_nothing_set_means_the_defaults():
    assert load({"HOME": "/root", "EDGE_PORT": "1", "STORAGE_OPEN_SECONDS": ""}) == StorageSettings()


def test_values_are_read_by_name_with_and_without_the_prefix():
    env = {
        "DATABASE_URL": "postgresql://elsewhere/parley",
        "DATA_DIR": "/data",
        "STORAGE_POOL_MIN_CONNECTIONS": "9",
        "STORAGE_POOL_MAX_CONNECTIONS": "20",
        "STORAGE_LOCK_TIMEOUT_SECONDS": "2.5",
        "STORAGE_ALLOW_UNSAFE_DURABILITY": "1",
    }
    settings = load(env)
    assert (settings.database_url, settings.data_dir) == ("postgresql://elsewhere/parley", "/data")
    assert (settings.pool_min_connections, settings.pool_max_connections) == (9, 20)
    assert settings.lock_timeout_seconds == 2.5
    assert settings.allow_unsafe_durability
    assert settings.url == "postgresql://elsewhere/parley"


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(SettingError, match=r"STORAGE_POOL_MAX.*did you mean STORAGE_POOL_MAX_CONNECTIONS"):
        load({"STORAGE_POOL_MAX": "3"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_POOL_MIN_CONNECTIONS", "many"),
        ("STORAGE_POOL_MIN_CONNECTIONS", "0"),
        ("STORAGE_POOL_WAIT_SECONDS", "-1"),
        ("STORAGE_ANSWER_SECONDS", "0"),
        ("STORAGE_ALLOW_UNSAFE_DURABILITY", "perhaps"),
    ],
)
def test_a_bad_value_is_named_with_its_setting(name, value):
    with pytest.raises(SettingError, match=f"{name}={value!r} cannot be used"):
        load({name: value})


def test_settings_that_contradict_each_other_are_named():
    with pytest.raises(SettingError, match="STORAGE_POOL_MAX_CONNECTIONS must not be below"):
        load({"STORAGE_POOL_MIN_CONNECTIONS": "9"})


def test_without_url_and_without_embedded_database_one_is_told_what_to_do(tmp_path):
    settings = StorageSettings(data_dir=str(tmp_path))
    with pytest.raises(EmbeddedError, match="start `python -m storage serve`, or set DATABASE_URL"):
        _ = settings.url
    Path(tmp_path / "postgres.secret").write_text("s3cret/:@")
    assert settings.url.startswith("postgresql://parley:s3cret%2F%3A%40@/parley?host=")


@pytest.mark.parametrize("url", ["mysql://user:hunter2@db/parley", "postgresql://user:hunter2%zz@db/parley", "db"])
def test_what_is_no_address_of_a_postgresql_is_refused_with_the_fix_and_without_its_password(url):
    with pytest.raises(SettingError, match=r"DATABASE_URL=\(hidden\) cannot be used: .*write postgresql://") as refused:
        load({"DATABASE_URL": url})
    assert "hunter2" not in str(refused.value)

"""Storage's settings, read from the environment: STORAGE_*, and DATABASE_URL and DATA_DIR that all share."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from storage import embedded
from storage.objects.stores import check_url

PREFIX = "STORAGE_"
SHARED = frozenset({"database_url", "data_dir", "storage_url"})


class SettingError(ValueError):
    """A setting has a value that cannot be used; the message names it, its fault and the fix."""


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the database is and how patient we are with it.

    `lock_timeout_seconds` and `statement_timeout_seconds` are half of the ten seconds after which an edge
    gives a command up, so that a stuck append is over before its sender is told `unavailable`.
    `append_lock_seconds` is how long an append waits for a conversation that others hold: long enough for another
    worker's append, short because all that it was to store waits with it.
    `storage_url` is where files lie (`storage.objects.stores`); empty: in DATA_DIR.
    `answer_seconds` is for a server that does not even time out: stopped, or behind a dead network.
    `pool_wait_seconds` is short because a request that waits for a connection holds a client's answer.
    """

    database_url: str = ""
    data_dir: str = ".parley"
    storage_url: str = ""
    pool_min_connections: int = 2
    pool_max_connections: int = 8
    pool_wait_seconds: float = 2.0
    open_seconds: float = 30.0
    lock_timeout_seconds: float = 5.0
    append_lock_seconds: float = 0.5
    statement_timeout_seconds: float = 5.0
    answer_seconds: float = 8.0
    allow_unsafe_durability: bool = False

    def __post_init__(self) -> None:
        if self.pool_min_connections < 1:
            raise ValueError("STORAGE_POOL_MIN_CONNECTIONS must be at least 1")
        if self.pool_max_connections < self.pool_min_connections:
            raise ValueError("STORAGE_POOL_MAX_CONNECTIONS must not be below STORAGE_POOL_MIN_CONNECTIONS")
        for name in ("pool_wait", "open", "lock_timeout", "append_lock", "statement_timeout", "answer"):
            if getattr(self, f"{name}_seconds") <= 0:
                raise ValueError(f"STORAGE_{name.upper()}_SECONDS must be above 0")
        check_url(self.storage_url)
        if not is_address(self.database_url):
            raise ValueError("it is no address of a PostgreSQL; write postgresql://USER:PASSWORD@HOST:5432/DATABASE")

    @property
    def objects_folder(self) -> Path:
        """Where files lie unless `storage_url` says otherwise."""
        return Path(self.data_dir) / "objects"

    @property
    def url(self) -> str:
        """DATABASE_URL, else that of the server in DATA_DIR; raises `EmbeddedError` if none was made."""
        return self.database_url or embedded.dsn(Path(self.data_dir))


def is_address(url: str) -> bool:
    """Does libpq understand it? (Also the empty one, which means the embedded server.)"""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    return True


def load(env: Mapping[str, str]) -> StorageSettings:
    """The settings that `env` holds; raises `SettingError`, also for an unknown name with our prefix."""
    names = {
        field: field.upper() if field in SHARED else PREFIX + field.upper()
        for field in StorageSettings.__struct_fields__
    }
    for name in env:
        if name.startswith(PREFIX) and name not in names.values():
            near = difflib.get_close_matches(name, names.values(), n=1, cutoff=0.0)
            raise SettingError(f"{name} is not a setting of Parley: did you mean {near[0]}? Else unset it.")
    given = {field: env[name] for field, name in names.items() if env.get(name)}  # empty counts as unset
    for field, value in given.items():
        try:
            msgspec.convert({field: value}, StorageSettings, strict=False)
        except msgspec.ValidationError as error:
            if "must not be below" not in str(error):
                shown = "(hidden)" if field == "database_url" else repr(value)  # it may hold a password
                raise SettingError(f"{names[field]}={shown} cannot be used: {error}") from None
    try:
        return msgspec.convert(given, StorageSettings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(f"the settings do not fit together: {error}") from error


if __name__ == "__main__":
    try:
        load(os.environ)
    except SettingError as fault:
        sys.exit(str(fault))

"""What every process will say of its settings, asked before there is any."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.errors import LaunchError
from deploy.plan import Places, lay_out
from deploy.preflight import require_settings
from deploy.settings import LauncherSettings
from tests.house.tree import ROOT

PLACES = Places(python=sys.executable, data_dir=Path("/data"), sockets=Path("/data/run"), jwt_secret="s" * 40)


def check(**env: str) -> None:
    settings = LauncherSettings(database_url=env.pop("DATABASE_URL", ""))
    require_settings(lay_out(settings, PLACES, env), ROOT)


def test_settings_that_every_process_takes_are_passed():
    check(RATE_LIMIT="0")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STORAGE_POOL_MAX_CONNECTIONS", "0", "STORAGE_POOL_MAX_CONNECTIONS"),
        ("BROKER_WINDW_BYTES", "1", "did you mean BROKER_WINDOW_BYTES?"),
        ("WORKER_BATCH_COMMANDS", "501", "WORKER_BATCH_COMMANDS must be at most 500"),
        ("EDGE_RATE_BURST", "0", "EDGE_RATE_BURST at least 1"),
        ("AUTH_JWKS_FILE", "/nowhere/keys.json", "AUTH_JWKS_FILE='/nowhere/keys.json' cannot be used"),
        ("DATABASE_URL", "mysql://user:word@db/parley", "DATABASE_URL=(hidden) cannot be used"),
    ],
)
def test_what_one_of_them_refuses_is_said_in_its_line(name, value, words):
    with pytest.raises(LaunchError) as refusal:
        check(**{name: value})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)

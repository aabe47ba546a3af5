"""The edge's settings: what is refused, and that the message names the setting and the fix."""

from __future__ import annotations

import pytest

from broker.node.environment import SettingError, load
from edge.settings import PREFIX, SHARED, EdgeSettings

LEAST = {"AUTH_JWT_SECRET": "x" * 32, "BROKER_ADDRESSES": "ipc:///run/broker.ipc"}


def settings(**env: str) -> EdgeSettings:
    return load(EdgeSettings, {**LEAST, **env}, PREFIX, SHARED)


def test_the_defaults_serve_this_machine_only():
    found = settings()
    assert (found.host, found.port, found.rate_limit, found.rate_burst) == ("127.0.0.1", 8000, 10.0, 30)
    assert found.link.brokers == ("ipc:///run/broker.ipc",)
    assert found.origins == ()


def test_lists_are_split_at_commas():
    found = settings(
        ALLOWED_ORIGINS="https://App.example, http://localhost:5173,", BROKER_ADDRESSES="tcp://a:1, tcp://b:1"
    )
    assert found.origins == ("https://app.example", "http://localhost:5173")
    assert found.link.brokers == ("tcp://a:1", "tcp://b:1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_JWT_SECRET", ""),
        ("AUTH_JWT_SECRET", "short"),
        ("AUTH_JWT_SECRET", "x" * 31),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "http"),
        ("RATE_LIMIT", "-1"),
        ("RATE_LIMIT", "nan"),
        ("RATE_LIMIT", "inf"),
        ("EDGE_RATE_BURST", "0"),
        ("EDGE_ACCESS_SECONDS", "1"),
        ("EDGE_REFRESH_SECONDS", "60"),
        ("BROKER_ADDRESSES", " , "),
        ("BROKER_WAITING_BYTES", "1"),
        ("ALLOWED_ORIGINS", "app.example"),
        ("ALLOWED_ORIGINS", "https://app.example/"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://app.example,*"),
        ("ALLOWED_ORIGINS", "https://"),
        ("ALLOWED_ORIGINS", "https://ann@app.example"),
        ("ALLOWED_ORIGINS", "https://app.example?x"),
        ("FEATURE_MESSAGING_ENABLED", "perhaps"),
        ("MESSAGING_ROLLOUT_PERCENTAGE", "-1"),
        ("MESSAGING_ROLLOUT_PERCENTAGE", "101"),
        ("MESSAGING_ROLLOUT_PERCENTAGE", "half"),
        ("EDGE_RATE_BIRST", "3"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str):
    with pytest.raises(SettingError, match=name):
        settings(**{name: value})


def test_the_origins_have_a_second_name_and_one_value():
    assert settings(SOCKET_IO_CORS_ORIGIN="http://localhost:3000").origins == ("http://localhost:3000",)
    both = settings(SOCKET_IO_CORS_ORIGIN="https://App.example ", ALLOWED_ORIGINS="https://app.example")
    assert both.origins == ("https://app.example",)
    with pytest.raises(SettingError, match="SOCKET_IO_CORS_ORIGIN is another name for ALLOWED_ORIGINS"):
        settings(SOCKET_IO_CORS_ORIGIN="http://localhost:3000", ALLOWED_ORIGINS="https://app.example")


def test_messaging_is_on_for_everybody_unless_said_otherwise():
    assert (settings().feature_messaging_enabled, settings().messaging_rollout_percentage) == (True, 100)
    found = settings(FEATURE_MESSAGING_ENABLED="false", MESSAGING_ROLLOUT_PERCENTAGE="20")
    assert (found.feature_messaging_enabled, found.messaging_rollout_percentage) == (False, 20)


def test_the_secret_counts_bytes_and_not_characters():
    assert settings(AUTH_JWT_SECRET="ü" * 16).auth_jwt_secret == "ü" * 16


def test_the_secret_is_never_shown():
    secret = "a secret that nobody may read in a log"
    assert secret not in repr(settings(AUTH_JWT_SECRET=secret))
    with pytest.raises(SettingError) as refused:
        settings(AUTH_JWT_SECRET="too short a secret")
    assert "too short a secret" not in str(refused.value)

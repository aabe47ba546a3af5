"""What `make run` accepts from the environment."""

from __future__ import annotations

import pytest

from deploy.errors import LaunchError
from deploy.settings import LauncherSettings, is_loopback, read


def test_an_empty_environment_gives_the_defaults():
    assert read({}) == LauncherSettings()


def test_names_are_shared_by_all_of_parley():
    settings = read({"PORT": "9000", "HOST": "::1", "DATA_DIR": "/d", "EDGES": "2", "PARLEY_DEMO": "0"})
    assert (settings.port, settings.host, settings.data_dir, settings.edges) == (9000, "::1", "/d", 2)
    assert settings.shows_demo is False


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "0"}, "PORT"),
        ({"PORT": "65535", "EDGES": "2"}, "PORT"),
        ({"BROKERS": "0"}, "BROKERS"),
        ({"FANOUT_WORKERS": "65"}, "FANOUT_WORKERS"),
        ({"METRICS_PORT": "-1"}, "METRICS_PORT"),
        ({"METRICS_PORT": "65533"}, "METRICS_PORT"),
        ({"METRICS_PORT": "7997"}, "METRICS_PORT and PORT overlap"),
        ({"METRICS_PORT": "8001", "EDGES": "2"}, "METRICS_PORT and PORT overlap"),
        ({"PARLEY_DEMO": "perhaps"}, "PARLEY_DEMO"),
        ({"PARLEY_DEMOS": "1"}, "PARLEY_DEMO"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(env, named):
    with pytest.raises(LaunchError) as refusal:
        read(env)
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("port", ["65531", "7995", "8001", "0"])
def test_metrics_take_any_ports_that_edges_do_not(port):
    assert read({"METRICS_PORT": port}).metrics_port == int(port)


def test_an_empty_name_of_ours_counts_as_unset():
    assert read({"PARLEY_DEMO": "", "DATABASE_URL": "", "HOST": ""}) == LauncherSettings()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.1.2.3", False),
        ("chat.example", False),
    ],
)
def test_only_addresses_of_this_machine_alone_are_loopback(host, loopback):
    assert is_loopback(host) is loopback

"""The unit files start what exists, with settings that exist."""

from __future__ import annotations

import importlib.util
import re

import pytest

from tests.house.test_settings import rows
from tests.house.tree import ROOT

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
STARTED = re.compile(r"^ExecStart=/opt/parley/\.venv/bin/python -m ([a-z.]+)", re.MULTILINE)
METRICS = re.compile(r"^#Environment=METRICS_PORT=(.+)$", re.MULTILINE)
LONGEST_DRAIN_SECONDS = 5 + 3


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_module_of_ours(path):
    (module,) = STARTED.findall(path.read_text())
    assert importlib.util.find_spec(f"{module}.__main__"), module


def test_every_kind_of_process_has_a_unit_that_is_started_anew_and_given_time_to_drain():
    kinds = {}
    for path in UNITS:
        kinds[STARTED.findall(path.read_text())[0]] = path.read_text()
    assert kinds.keys() == {"broker", "workers.persistence", "workers.fanout", "workers.scanning", "edge", "storage"}
    for module, text in kinds.items():
        if module != "storage":  # which migrates, once
            assert "Restart=always" in text, module
            stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
            assert stop and int(stop[1]) > LONGEST_DRAIN_SECONDS, module


def test_what_they_set_are_settings():
    text = "".join(path.read_text() for path in FOLDER.iterdir())
    named = set(re.findall(r"^#?(?:Environment=)?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    assert named == {
        "BROKER_ADDRESSES",
        "BROKER_BIND",
        "DATABASE_URL",
        "AUTH_JWT_SECRET",
        "HOST",
        "PORT",
        "METRICS_PORT",
        "STORAGE_URL",
    }
    assert named <= rows((ROOT / "docs" / "settings.md").read_text()).keys()


def test_instances_of_all_kinds_take_different_ports_for_their_metrics():
    taken = []
    for path in UNITS:
        for offered in METRICS.findall(path.read_text()):
            instances = ("8001", "8002") if path.name.startswith("parley-edge") else "123456789"
            taken += [int(offered.replace("%i", instance)) for instance in instances]
    assert len(set(taken)) == len(taken) == 4 * 9 + 2
    assert all(1024 <= port <= 65_535 for port in taken)

"""The list of metrics ports that Prometheus reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy import targets
from deploy.errors import LaunchError
from deploy.plan import Places, Plan, lay_out
from deploy.settings import LauncherSettings

PLACES = Places(python="python", data_dir=Path("/data"), sockets=Path("/data/run"), jwt_secret="")


def plan_of(**settings: int) -> Plan:
    return lay_out(LauncherSettings(**settings), PLACES, {})


def test_every_process_is_a_target_with_its_name_and_kind(tmp_path):
    targets.write(plan_of(metrics_port=9100, edges=2), tmp_path)
    told = json.loads((tmp_path / "metrics.json").read_text())
    assert told[0] == {"targets": ["127.0.0.1:9100"], "labels": {"process": "broker", "kind": "broker"}}
    assert told[-1] == {"targets": ["127.0.0.1:9105"], "labels": {"process": "edge-2", "kind": "edge"}}
    assert len(told) == 6


def test_a_list_of_an_earlier_start_goes_when_there_are_no_metrics(tmp_path):
    targets.write(plan_of(metrics_port=9100), tmp_path)
    targets.write(plan_of(), tmp_path)
    targets.write(plan_of(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_file_is_named(tmp_path):
    (tmp_path / "metrics.json").mkdir()
    for plan in (plan_of(), plan_of(metrics_port=9100)):
        with pytest.raises(LaunchError, match=r"metrics\.json cannot be written"):
            targets.write(plan, tmp_path)

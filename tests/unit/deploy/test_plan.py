"""Which processes an instance has."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.plan import STOP_SECONDS, Places, Process, Stage, lay_out
from deploy.settings import LauncherSettings

PLACES = Places(python="/venv/bin/python", data_dir=Path("/data"), sockets=Path("/data/run"), jwt_secret="s" * 40)


def plan_of(env: dict[str, str] | None = None, **settings: object):
    return lay_out(LauncherSettings(**settings), PLACES, env or {})  # type: ignore[arg-type]  # named by the test


def by_name(processes: tuple[Process, ...]) -> dict[str, Process]:
    return {process.name: process for process in processes}


def test_every_process_is_seen_in_ps_by_its_module():
    shown = {process.name: " ".join(process.argv) for process in plan_of().processes}
    assert shown == {
        "postgres": "/venv/bin/python -m storage serve",
        "broker": "/venv/bin/python -m broker",
        "persistence": "/venv/bin/python -m workers.persistence",
        "fanout": "/venv/bin/python -m workers.fanout",
        "scanning": "/venv/bin/python -m workers.scanning",
        "edge": "/venv/bin/python -m edge",
    }


def test_the_database_starts_first_and_the_edges_last():
    assert [process.name for process in sorted(plan_of().processes, key=lambda process: process.stage)] == [
        "postgres",
        "broker",
        "persistence",
        "fanout",
        "scanning",
        "edge",
    ]


def test_all_of_it_stops_within_fifteen_seconds():
    assert sum(STOP_SECONDS.values()) <= 15
    assert set(STOP_SECONDS) == set(Stage)


def test_every_process_and_step_carries_the_data_folder_and_dies_with_the_launcher():
    plan = plan_of()
    for process in (*plan.processes, *plan.steps):
        assert process.env["DATA_DIR"] == "/data"
        assert process.env["PARLEY_DIE_WITH_PARENT"] == "1"


def test_a_database_of_ones_own_replaces_the_embedded_one():
    plan = plan_of(database_url="postgresql://db/parley")
    assert not plan.of(Stage.DATABASE)
    for process in (*plan.processes, *plan.steps):
        assert process.env["DATABASE_URL"] == "postgresql://db/parley"


def test_an_empty_database_url_in_the_environment_does_not_reach_the_processes():
    assert all("DATABASE_URL" not in process.env for process in plan_of({"DATABASE_URL": ""}).processes)


def test_brokers_bind_what_every_peer_connects_to():
    processes = by_name(plan_of(brokers=2).processes)
    binds = [processes[name].env["BROKER_BIND"] for name in ("broker", "broker-2")]
    assert binds == ["ipc:///data/run/broker.ipc", "ipc:///data/run/broker-2.ipc"]
    for name in ("persistence", "fanout", "scanning", "edge"):
        assert processes[name].env["BROKER_ADDRESSES"].split(",") == binds
        assert "BROKER_BIND" not in processes[name].env
    assert "BROKER_ADDRESSES" not in processes["broker"].env


def test_edges_listen_on_neighbouring_ports():
    plan = plan_of(edges=3, port=9000)
    assert plan.ports == (9000, 9001, 9002)
    assert [process.env["PORT"] for process in plan.of(Stage.EDGES)] == ["9000", "9001", "9002"]


def test_only_edges_hold_the_secret():
    holders = [
        process.name for process in plan_of({"AUTH_JWT_SECRET": "s" * 40}).processes if "AUTH_JWT_SECRET" in process.env
    ]
    assert holders == ["edge"]


def test_every_process_of_ours_tells_its_metrics_on_a_port_of_its_own():
    plan = plan_of({"METRICS_PORT": "9100"}, metrics_port=9100, brokers=2, edges=2)
    assert plan.metrics == {
        "broker": 9100,
        "broker-2": 9101,
        "persistence": 9102,
        "fanout": 9103,
        "scanning": 9104,
        "edge": 9105,
        "edge-2": 9106,
    }
    told = {process.name: process.env.get("METRICS_PORT") for process in (*plan.processes, *plan.steps)}
    assert {name: int(port) for name, port in told.items() if port is not None} == plan.metrics


@pytest.mark.parametrize("port", [None, 0])
def test_without_a_port_nobody_tells_metrics(port):
    plan = plan_of({"METRICS_PORT": "0"}, metrics_port=port)
    assert not plan.metrics
    assert all("METRICS_PORT" not in process.env for process in plan.processes)


@pytest.mark.parametrize(("settings", "shown"), [({}, True), ({"host": "0.0.0.0"}, False), ({"demo": False}, False)])
def test_demo_data_is_for_this_machine_only(settings, shown):
    plan = plan_of(**settings)
    assert ("demo" in by_name(plan.steps)) is shown
    assert plan.processes[0].env["PARLEY_DEMO"] == ("1" if shown else "0")


def test_other_settings_reach_every_process():
    for process in plan_of({"RATE_LIMIT": "0", "PATH": "/bin", "MAKEFLAGS": "n"}).processes:
        assert process.env["RATE_LIMIT"] == "0"
        assert process.env["PATH"] == "/bin"
        assert "MAKEFLAGS" not in process.env

"""The Locust suite as it is started: against a whole Parley of its own, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bench.groups import SetupError
from bench.instance import Instance
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s" * 32
SECONDS = 120.0


async def bench(results: Path, *words: str, **env: str) -> tuple[int, str, dict[str, Any]]:
    """Run the suite: exit status, what it said, and the figures that it kept, if it did."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.suite", "--results", str(results), *words),
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(running.communicate(), SECONDS)
    finally:
        if running.returncode is None:
            running.terminate()
            await running.wait()
    assert running.returncode is not None
    return running.returncode, said.decode(), figures_in(results)


def figures_in(results: Path) -> dict[str, Any]:
    """The figures that were kept, if any were."""
    kept = list(results.glob("*.json"))
    return json.loads(kept[0].read_bytes()) if kept else {}


def counted(figures: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Requests and failures by name."""
    return {one["name"]: (one["requests"], one["failures"]) for one in figures["lines"]}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


async def test_people_talk_type_read_and_lose_nothing_on_an_instance_of_its_own(tmp_path):
    status, said, figures = await bench(tmp_path, "--users", "6", "--group", "3", "--run-time", "6s", EDGES="2")
    assert status == 0, said
    assert figures["passed"]
    assert "PASSED" in said
    names = counted(figures)
    assert names["connect"] == (6, 0)
    assert names["POST conversations"] == (2, 0)
    assert names["ack"][0] >= 6
    assert names["delivery"] == (3 * names["ack"][0], 0)
    assert names["read"][0] > 0
    assert len(list(tmp_path.glob("*.html"))) == 1


async def test_what_is_refused_fails_the_test(server, tmp_path):
    server.refusals.extend({"code": "closed", "message": "No."} for _ in range(100))
    words = ["--hosts", server.url, "--users", "2", "--group", "2", "--run-time", "7s"]
    status, said, figures = await bench(tmp_path, *words, AUTH_JWT_SECRET=SECRET)
    assert status == 1, said
    assert "of what was asked failed" in said
    requests, failures = counted(figures)["ack"]
    assert requests == failures > 0


async def test_users_who_are_cut_off_come_back(server, tmp_path):
    async def cut() -> None:
        while len(server.heard_of("send")) < 2:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
        server.cut()

    cutting = asyncio.create_task(cut())
    words = ["--hosts", server.url, "--users", "2", "--group", "2", "--run-time", "6s"]
    _, said, figures = await bench(tmp_path, *words, AUTH_JWT_SECRET=SECRET)
    await cutting
    names = counted(figures)
    assert names["lost"] == (2, 2), said
    assert names["reconnect"][0] >= 2
    assert not [one for one in figures["lines"] if one["kind"] == "AUDIT"]


@pytest.mark.parametrize(("kind", "name"), [("RoomMember", "delivery"), ("Returner", "catch-up"), ("Quiet", "connect")])
async def test_the_other_classes_do_what_they_are_for(kind, name, server, tmp_path):
    words = [kind, "--hosts", server.url, "--users", "4", "--group", "2", "--run-time", "3s"]
    words += ["--cursors", "2", "--behind", "3"]
    status, said, figures = await bench(tmp_path, *words, AUTH_JWT_SECRET=SECRET)
    assert status == 0, said
    assert figures["classes"] == [kind]
    assert counted(figures)[name][0] >= 4


async def test_accounts_of_a_file_sign_in(server, tmp_path):
    (tmp_path / "accounts.csv").write_text("ada@example.org,demo\nbob@example.org,demo\n")
    words = ["--hosts", server.url, "--users", "2", "--group", "2", "--run-time", "6s"]
    status, said, figures = await bench(tmp_path, *words, "--accounts", str(tmp_path / "accounts.csv"))
    assert status == 0, said
    assert counted(figures)["POST auth/login"] == (2, 0)


async def test_without_a_secret_there_is_no_test(server, tmp_path):
    words = ["--hosts", server.url, "--data-dir", str(tmp_path)]
    status, said, figures = await bench(tmp_path, *words, AUTH_JWT_SECRET="")
    assert (status, figures) == (2, {})
    assert "Set AUTH_JWT_SECRET or give --secret-file" in said


def test_an_instance_that_cannot_start_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SetupError, match="STORAGE_POOL_MAX is not a setting"), Instance({"STORAGE_POOL_MAX": "1"}):
        pass
    assert not list(tmp_path.iterdir())

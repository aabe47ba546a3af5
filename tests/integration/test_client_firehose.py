"""The load generator against a scripted server: it finds what the server does wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bench import firehose
from bench.firehose import SetupError, arguments, run
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.anyio

ENV = {"AUTH_JWT_SECRET": "s" * 32}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(firehose, "STRAGGLERS_SECONDS", 0.6)


async def load(server: ScriptedServer, tmp_path, *more: str):
    given = ["--users", "3", "--group", "3", "--rate", "100", "--seconds", "0.3", "--warmup", "0.1"]
    return await run(arguments([*given, "--data-dir", str(tmp_path), "--url", server.url, *more]), ENV)


async def test_a_sound_run_is_called_sound(server, tmp_path):
    figures = await load(server, tmp_path)
    assert figures["sound"]
    assert (figures["sent"], figures["acked"], figures["delivered"], figures["expected"]) == (40, 40, 120, 120)
    assert 0 < figures["ack_ms"]["p50"] < 100
    assert 0 < figures["delivery_ms"]["p50"] < 100
    assert len(server.heard_of("send")[0]["body"]) == 40
    assert figures["processes"]


async def test_a_lost_delivery_that_no_heartbeat_repairs_is_lost(server, tmp_path):
    server.omit, server.mute = {5, 6}, True
    figures = await load(server, tmp_path)
    assert not figures["sound"]
    assert figures["lost"] == 6


async def test_a_delivery_that_the_heartbeat_repairs_is_late(server, tmp_path):
    server.omit = {41}
    figures = await load(server, tmp_path)
    assert figures["lost"] == figures["duplicated"] == figures["out_of_order"] == 0


async def test_a_limited_rate_is_said_and_is_no_measurement(server, tmp_path):
    server.refusals.append({"code": "rate_limited", "message": "Slowly."})
    figures = await load(server, tmp_path)
    assert figures["errors"] == {"rate_limited": 1}
    assert not figures["sound"]


async def test_an_ack_that_never_comes_is_unanswered(server, tmp_path):
    server.swallow_acks = 1
    figures = await load(server, tmp_path)
    assert (figures["unanswered"], figures["lost"], figures["sound"]) == (1, 0, False)


async def test_users_who_are_cut_off_come_back_with_their_cursor(server, tmp_path):
    async def cut() -> None:
        while not server.heard_of("send"):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        server.cut()

    cutting = asyncio.create_task(cut())
    figures = await load(server, tmp_path, "--seconds", "0.8")
    await cutting
    assert figures["reconnects"] == 3
    assert figures["closes"] == {"no close frame": 3}
    assert figures["errors"]["not_connected"] > 0
    assert figures["lost"] == 0
    assert server.heard_of("hello")[-1]["cursors"]


async def test_a_foreign_event_is_noticed(server, tmp_path):
    async def intrude() -> None:
        while not server.heard_of("send"):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        await server.say("somewhere else", "psst")
        await server.tell({"type": "error", "code": "bad_frame", "message": "Not yours."})
        await server.tell({"type": "typing", "conversation": "x", "account": "y", "on": True})

    intruding = asyncio.create_task(intrude())
    figures = await load(server, tmp_path)
    await intruding
    assert figures["foreign"] == 3
    assert figures["errors"] == {"bad_frame": 3}


async def test_setup_faults_say_what_to_do(server, tmp_path):
    with pytest.raises(SetupError, match=r"No secret: .*jwt\.secret"):
        await run(arguments(["--data-dir", str(tmp_path)]), {})
    server.fail_http = 1
    with pytest.raises(SetupError, match="cannot be created: 503"):
        await load(server, tmp_path)
    server.close_with = 4401
    with pytest.raises(SetupError, match="Not all users came in"):
        await load(server, tmp_path)
    await server.stop()
    with pytest.raises(SetupError, match=r"make run"):
        await load(server, tmp_path)


@pytest.mark.parametrize(
    "wrong", [["--users", "5", "--group", "2"], ["--rate", "0"], ["--users", "1"], ["--warmup", "-1"]]
)
def test_arguments_that_make_no_sense_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        arguments(wrong)
    assert "--" in capsys.readouterr().err


def test_the_command_prints_writes_and_exits_by_the_verdict(tmp_path, monkeypatch, capsys):
    async def served(given, env):
        async with ScriptedServer() as server:
            given.url = [server.url]
            server.swallow_acks = int(env["SWALLOW"])
            return await run(given, env)

    monkeypatch.setattr(firehose, "run", served)
    (tmp_path / "jwt.secret").write_text("s" * 32 + "\n")
    out = tmp_path / "figures.json"
    given = ["--users", "2", "--group", "2", "--rate", "50", "--seconds", "0.1", "--json", str(out)]
    given += ["--data-dir", str(tmp_path)]
    assert firehose.main(given, {"SWALLOW": "0"}) == 0
    assert "Sound" in capsys.readouterr().out
    assert json.loads(out.read_bytes())["sent"] == 55
    assert firehose.main(given, {"SWALLOW": "1"}) == 1
    assert "NOT SOUND" in capsys.readouterr().out
    assert firehose.main([*given, "--secret-file", "/nowhere"], {"SWALLOW": "0"}) == 2
    assert "/nowhere" in capsys.readouterr().err

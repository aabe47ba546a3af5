"""The generators of crowds and storms against a scripted server: they find what the server does wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bench import crowd, dial, storm
from bench.groups import SetupError
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.anyio

ENV = {"AUTH_JWT_SECRET": "s" * 32}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


async def gather(server: ScriptedServer, tmp_path, *more: str):
    given = ["--connections", "12", "--at-once", "4", "--idle", "0.1", "--data-dir", str(tmp_path)]
    return await crowd.run(crowd.arguments([*given, "--url", server.url, *more]), ENV)


async def blow(server: ScriptedServer, tmp_path, *more: str):
    given = ["--connections", "4", "--group", "2", "--cursors", "2", "--behind", "3", "--data-dir", str(tmp_path)]
    return await storm.run(storm.arguments([*given, "--url", server.url, *more]), ENV)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(crowd, "PONG_SECONDS", 0.3)
    monkeypatch.setattr(storm, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(storm, "LONGEST_SECONDS", 1.0)


async def test_a_crowd_that_comes_stays_and_is_answered_is_sound(server, tmp_path):
    figures = await gather(server, tmp_path)
    assert figures["sound"]
    assert (figures["ready"], figures["present"], figures["pongs"]) == (12, 12, 12)
    assert figures["connects_per_second"] > 0
    assert len({frame["token"] for frame in server.heard_of("hello")}) == 12
    assert figures["bytes_each"] is None, "no edge of that folder runs here"
    assert "not on this machine" in crowd.render(figures)


async def test_connections_that_are_not_answered_are_missed(server, tmp_path):
    server.mute = True
    figures = await gather(server, tmp_path)
    assert (figures["pongs"], figures["sound"]) == (0, False)
    assert crowd.render(figures).endswith("NOT SOUND.")


async def test_a_crowd_that_is_let_in_nowhere_is_no_run(server, tmp_path):
    server.close_with = 4401
    with pytest.raises(SetupError, match="not connected"):
        await gather(server, tmp_path)


async def test_a_storm_that_catches_up_is_sound(server, tmp_path):
    figures = await blow(server, tmp_path, "--rounds", "2")
    assert figures["sound"]
    assert [(one["caught_up"], one["events"], one["faults"]) for one in figures["rounds"]] == [(4, 24, 0)] * 2
    assert all(0 < one["seconds"] < 1 for one in figures["rounds"])
    assert len(server.heard_of("send")) == 12
    assert len(server.heard_of("hello")) == 2 + 4 + 8  # writers, visitors, two storms
    assert "24 of 24 events" in storm.render(figures)
    assert "not all" in storm.render({**figures, "rounds": [{**figures["rounds"][0], "seconds": None}]})


async def prepared(server: ScriptedServer, tmp_path) -> storm.Storm:
    given = ["--connections", "4", "--group", "2", "--cursors", "2", "--behind", "3", "--data-dir", str(tmp_path)]
    found = storm.Storm(storm.arguments(given), [server.url], ENV["AUTH_JWT_SECRET"])
    await found.prepare()
    return found


async def test_a_replay_that_leaves_an_event_out_is_noticed(server, tmp_path):
    prepared_storm = await prepared(server, tmp_path)
    del next(iter(server.logs.values()))[2]
    figures = await prepared_storm.blow()
    assert not figures["sound"]
    assert figures["faults"] > 0


async def test_cursors_that_are_doubted_are_a_fault(server, tmp_path):
    prepared_storm = await prepared(server, tmp_path)
    server.epoch = "e2"
    figures = await prepared_storm.blow()
    assert (figures["caught_up"], figures["seconds"], figures["sound"]) == (0, None, False)
    assert figures["faults"] == 4


async def test_messages_that_are_refused_end_the_preparation(server, tmp_path):
    server.refusals.append({"code": "overloaded", "message": "Full."})
    with pytest.raises(SetupError, match="overloaded"):
        await blow(server, tmp_path)


@pytest.mark.parametrize(("program", "done"), [(crowd, "ready"), (storm, "rounds")])
def test_the_commands_print_write_and_exit_by_the_verdict(program, done, tmp_path, monkeypatch, capsys):
    async def served(given, env):
        async with ScriptedServer() as server:
            given.url, server.mute = [server.url], env["MUTE"] == "1"
            server.refusals.extend([{"code": "closed", "message": ""}] if env["MUTE"] == "1" else [])
            return await run(given, env)

    run = program.run
    monkeypatch.setattr(program, "run", served)
    given = ["--connections", "10", "--data-dir", str(tmp_path), "--json", str(tmp_path / "figures.json")]
    given += ["--idle", "0"] if program is crowd else ["--cursors", "1", "--behind", "1"]
    assert program.main(given, {**ENV, "MUTE": "0"}) == 0
    assert capsys.readouterr().out.endswith("Sound.\n")
    assert json.loads((tmp_path / "figures.json").read_bytes())[done]
    assert program.main(given, {**ENV, "MUTE": "1"}) == (1 if program is crowd else 2)
    assert program.main([*given, "--secret-file", "/nowhere"], {"MUTE": "0"}) == 2
    assert "/nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "wrong"),
    [(crowd, ["--connections", "0"]), (storm, ["--connections", "7"]), (storm, ["--rounds", "0"])],
)
def test_arguments_that_make_no_sense_are_refused(program, wrong, capsys):
    with pytest.raises(SystemExit):
        program.arguments(wrong)
    assert "--" in capsys.readouterr().err


def test_sockets_of_a_crowd_come_from_several_addresses_on_the_loopback_only():
    assert dial.source("http://127.0.0.1:8000", 5) == ("127.0.0.2", 0)
    assert dial.source("http://127.0.0.1:8000", 25_000) == ("127.0.0.3", 0)
    assert dial.source("https://chat.example", 5) is None
    assert dial.source("http://192.0.2.1", 5) is None


def test_more_sockets_than_may_be_opened_are_refused():
    with pytest.raises(SetupError, match=r"ulimit -Hn"):
        dial.allow_files(10**9)

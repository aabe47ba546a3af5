"""What the terminal shows."""

from __future__ import annotations

import io
from pathlib import Path

from deploy import words
from deploy.errors import LaunchError
from deploy.plan import Places, lay_out
from deploy.settings import LauncherSettings
from storage import demo_talk


def greeting(capsys, **given) -> str:
    settings = LauncherSettings(**given)
    places = Places(python="python", data_dir=Path("/data"), sockets=Path("/data/run"), jwt_secret="")
    words.greeting(lay_out(settings, places, {}), settings, Path("/data"))
    return capsys.readouterr().out


def test_the_two_people_of_the_greeting_share_the_conversation_that_it_opens():
    found = [talk for talk in demo_talk.TALKS if words.SHARED_TALK in talk.subject.lower()]
    assert len(found) == 1
    assert {demo_talk.CLIENT, demo_talk.AGENT} <= set(found[0].members)


def test_the_greeting_names_every_edge_and_the_demo(capsys):
    text = greeting(capsys, edges=2, port=9000)
    assert "http://127.0.0.1:9000  http://127.0.0.1:9001" in text
    assert "--url http://127.0.0.1:9000" in text
    assert "client@demo.example" in text


def test_the_greeting_says_where_metrics_are_if_they_are(capsys):
    assert "metrics   http://127.0.0.1:9100/metrics …, all in /data/metrics.json" in greeting(capsys, metrics_port=9100)
    assert "metrics" not in greeting(capsys)


def test_the_usual_address_needs_no_url(capsys):
    assert "--url" not in greeting(capsys)


def test_without_a_demo_the_first_account_is_explained(capsys):
    text = greeting(capsys, host="0.0.0.0")
    assert "demo.example" not in text
    assert "http://127.0.0.1:8000" in text
    assert "DATA_DIR=/data .venv/bin/python -m storage account add --role admin EMAIL" in text


def test_an_ipv6_address_is_written_as_browsers_want_it(capsys):
    assert "http://[::1]:8000" in greeting(capsys, host="::1")


def test_a_failure_shows_the_last_words_only_if_there_are_more_than_one(capsys):
    words.failure(LaunchError("edge ended", ("Traceback", "it broke")))
    assert capsys.readouterr().err.splitlines() == ["  | Traceback", "  | it broke", "parley: edge ended"]
    words.failure(LaunchError("edge ended", ("it broke",)))
    assert capsys.readouterr().err.splitlines() == ["parley: edge ended"]


def test_a_terminal_that_is_gone_is_no_reason_to_stop():
    closed = io.StringIO()
    closed.close()
    words.say("anybody?", stream=closed)

"""The web app's SDK against real processes: what it shows is the log, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from storage import embedded
from tests.fixtures.browsers import Browsers
from tests.fixtures.postgres import fresh_database
from tests.fixtures.system import Person, System, running_system

pytestmark = pytest.mark.anyio

ANN, CLARA = Person("Ann", "agent"), Person("Clara", "client")


@pytest.fixture(scope="module")
async def lasting(postgres: embedded.Server) -> AsyncIterator[System]:
    """One system for the tests that kill nothing, or only stop it for a while."""
    with fresh_database(postgres) as url:
        async with running_system(url) as system:
            yield system


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
async def test_two_people_talk_and_see_how_far_it_got(lasting: System, browsers: Browsers, encoding: str) -> None:
    talk = await lasting.conversation(ANN, CLARA)
    ann = await browsers.tab("ann", lasting, ANN, encoding=encoding)
    clara = await browsers.tab("clara", lasting, CLARA, encoding=encoding)
    for tab in (ann, clara):
        await tab.do("open", conversation=talk)
        await tab.live()
    await ann.do("typing", conversation=talk)
    await clara.until("state", lambda state: state["typing"] == {talk: [ANN.id]})
    await ann.do("send", conversation=talk, body="Good morning")
    await clara.shows(talk, "Good morning")
    assert (await clara.do("state"))["typing"] == {}
    seen = await ann.until("timeline", lambda shown: shown["deliveredTo"] == 2, conversation=talk)
    assert seen["readTo"] < 2
    await clara.do("read", conversation=talk)
    await ann.until("timeline", lambda shown: shown["readTo"] == 2, conversation=talk)
    await clara.do("react", conversation=talk, seq=2, emoji="👍", on=True)
    await ann.do("edit", conversation=talk, seq=2, body="Good morning to you")
    await clara.shows(talk, "Good morning to you")
    reacted = await ann.until(
        "timeline", lambda shown: bool(shown["entries"][1]["reactions"]) and shown["cursor"] == 4, conversation=talk
    )
    assert reacted["entries"][1]["reactions"] == [{"emoji": "👍", "accounts": [CLARA.id]}]
    assert reacted["entries"][1]["edited"]
    await ann.do("delete", conversation=talk, seq=2)
    await clara.shows(talk, None)
    presence = await ann.until("state", lambda state: CLARA.id in state["presence"])
    assert presence["presence"][CLARA.id]["state"] == "online"


async def test_what_is_said_while_the_edge_is_dead_goes_out_once_when_it_is_back(
    system: System, browsers: Browsers
) -> None:
    talk = await system.conversation(ANN, CLARA)
    ann = await browsers.tab("ann", system, ANN)
    clara = await browsers.tab("clara", system, CLARA)
    for tab in (ann, clara):
        await tab.do("open", conversation=talk)
        await tab.live()
    await ann.do("send", conversation=talk, body="one")
    await clara.shows(talk, "one")
    system.kill("edge")
    await ann.until("state", lambda state: state["connection"] != "live")
    for body in ("two", "three"):
        await ann.do("send", conversation=talk, body=body)
    shown = await ann.timeline(talk)
    assert [(one["body"], one["state"], one["kept"]) for one in shown["outgoing"]] == [
        ("two", "queued", True),
        ("three", "queued", True),
    ]
    ids = [one["id"] for one in shown["outgoing"]]
    system.start("edge")
    await system.ready()
    await clara.shows(talk, "one", "two", "three")
    await ann.shows(talk, "one", "two", "three")
    stored = [entry["id"] for entry in (await clara.timeline(talk))["entries"] if entry["kind"] == "message"]
    assert stored[1:] == ids


async def test_a_gap_of_a_dead_edge_is_repaired_without_doubles(system: System, browsers: Browsers) -> None:
    system.start("edge-2")
    await system.ready()
    talk = await system.conversation(ANN, CLARA)
    clara = await browsers.tab("clara", system, CLARA)
    await clara.do("open", conversation=talk)
    await clara.live()
    system.kill("edge")
    async with system.client(ANN, open_seconds=None) as other:
        await other.until(lambda: other.state == "live")
        for number in range(40):
            await other.send(talk, f"{number}")
    system.start("edge")
    await system.ready()
    await clara.shows(talk, *(f"{number}" for number in range(40)))
    entries = (await clara.timeline(talk))["entries"]
    assert [entry["seq"] for entry in entries] == list(range(1, 42))
    notices = (await clara.do("state"))["notices"]
    assert [one["body"] for one in notices] == [f"{number}" for number in range(40)]


async def test_what_a_closed_tab_had_not_sent_goes_out_from_the_next_one(system: System, browsers: Browsers) -> None:
    talk = await system.conversation(ANN, CLARA)
    ann = await browsers.tab("ann", system, ANN, browser="laptop")
    await ann.do("open", conversation=talk)
    await ann.live()
    await ann.do("send", conversation=talk, body="before")
    await ann.shows(talk, "before")
    await asyncio.sleep(1.2)  # history is stored within a second
    system.kill("edge")
    kept = [await ann.do("send", conversation=talk, body=body) for body in ("a", "b", "c")]
    await ann.until("timeline", lambda shown: len(shown["outgoing"]) == 3, conversation=talk)
    await asyncio.sleep(0.1)  # a command is stored within milliseconds, and before it is sent
    await ann.do("kill")
    again = await browsers.tab("again", system, ANN, browser="laptop")
    offline = await again.timeline(talk)
    assert [one["body"] for one in offline["entries"] if one["kind"] == "message"] == ["before"]
    assert [one["id"] for one in offline["outgoing"]] == kept
    system.start("edge")
    await system.ready()
    await again.shows(talk, "before", "a", "b", "c")
    assert (await again.do("state"))["unsent"] == 0


async def test_two_tabs_show_the_same_and_send_once_and_the_other_goes_on_when_one_dies(
    lasting: System, browsers: Browsers
) -> None:
    talk = await lasting.conversation(ANN, CLARA)
    clara = await browsers.tab("clara", lasting, CLARA)
    first = await browsers.tab("first", lasting, ANN, browser="laptop")
    await first.live()
    second = await browsers.tab("second", lasting, ANN, browser="laptop")
    for tab in (clara, first, second):
        await tab.do("open", conversation=talk)
        await tab.live()
    await second.do("send", conversation=talk, body="from the second")
    await first.do("send", conversation=talk, body="from the first")
    await clara.until("timeline", lambda shown: shown["cursor"] == 3, conversation=talk)
    said = await clara.bodies(talk)
    assert sorted(map(str, said)) == ["from the first", "from the second"]
    for tab in (first, second):
        await tab.shows(talk, *said)
    await clara.do("send", conversation=talk, body="hello")
    for tab in (first, second):
        state = await tab.until("state", lambda state: bool(state["notices"]))
        assert [(one["body"], one["primary"]) for one in state["notices"]] == [("hello", tab is first)]
    await first.do("kill")
    await second.do("send", conversation=talk, body="still here")
    await clara.shows(talk, *said, "hello", "still here")
    await second.shows(talk, *said, "hello", "still here")
    await second.live()


async def test_history_is_read_back_page_by_page(lasting: System, browsers: Browsers) -> None:
    talk = await lasting.conversation(ANN, CLARA)
    async with lasting.client(ANN) as other:
        for number in range(130):
            await other.send(talk, f"{number}")
        await other.react(talk, 2, "👍")
    clara = await browsers.tab("clara", lasting, CLARA)
    await clara.do("open", conversation=talk)
    shown = await clara.until("timeline", lambda shown: len(shown["entries"]) == 99, conversation=talk)
    assert (shown["floor"], shown["cursor"]) == (32, 132)
    assert await clara.do("older", conversation=talk, limit=100)
    shown = await clara.timeline(talk)
    assert (shown["floor"], len(shown["entries"])) == (0, 131)
    assert shown["entries"][1]["reactions"] == [{"emoji": "👍", "accounts": [ANN.id]}]
    assert not await clara.do("older", conversation=talk, limit=100)


async def test_a_refused_command_stays_with_its_reason_and_can_be_tried_again(
    lasting: System, browsers: Browsers
) -> None:
    talk = await lasting.conversation(ANN, CLARA)
    clara = await browsers.tab("clara", lasting, CLARA)
    await clara.do("open", conversation=talk)
    await clara.live()
    path = f"/api/v1/conversations/{talk}"
    status, _ = await lasting.http("PATCH", path, ANN, json={"status": "closed"})
    assert status == 200
    command = await clara.do("send", conversation=talk, body="too late?")
    shown = await clara.until("timeline", lambda shown: shown["outgoing"][0]["state"] == "refused", conversation=talk)
    assert shown["outgoing"][0]["refusal"]["code"] == "closed"
    await lasting.http("PATCH", path, ANN, json={"status": "open"})
    await clara.do("retry", conversation=talk, command=command)
    await clara.shows(talk, "too late?")


async def test_a_stopped_edge_is_left_when_it_answers_no_ping(lasting: System, browsers: Browsers) -> None:
    talk = await lasting.conversation(ANN, CLARA)
    clara = await browsers.tab("clara", lasting, CLARA)
    await clara.do("open", conversation=talk)
    await clara.live()
    lasting.processes["edge"].send_signal(signal.SIGSTOP)
    await clara.do("wake")
    await clara.until("state", lambda state: state["connection"] in ("offline", "connecting"))
    await clara.do("send", conversation=talk, body="to nobody yet")
    lasting.processes["edge"].send_signal(signal.SIGCONT)
    await clara.shows(talk, "to nobody yet")

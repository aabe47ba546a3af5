"""The terminal chat as people start it, in processes of their own, against a scripted server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.scripted_server import ACCOUNT, OTHER, ScriptedServer

pytestmark = pytest.mark.anyio

TALK = "11111111-1111-4111-8111-111111111111"
ASIDE = "22222222-2222-4222-8222-222222222222"
ROOT = Path(__file__).parents[2]


class Chat:
    """A running `python -m bench.chat` and everything that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.text = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(4096):
            self.text += chunk.decode()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def shows(self, text: str, seconds: float = 8.0) -> None:
        try:
            async with asyncio.timeout(seconds):
                while text not in self.text:  # noqa: ASYNC110 - a process prints, no event tells
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{text!r} is not in:\n{self.text}") from None

    async def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = await asyncio.wait_for(self.process.wait(), 15)
        await self._reading
        return code

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()
        await self._reading


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        server.logs[TALK] = []
        server.logs[ASIDE] = []
        await server.say(TALK, "welcome")
        yield server


@pytest.fixture
async def chat(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[Callable]:
    started = []

    async def start(*arguments: str) -> Chat:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.chat", "--as", "ada@example.org", "--url", server.url, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        )
        started.append(process)
        return Chat(process)

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_it_lists_opens_shows_history_and_talks(server, chat):
    talk = await chat()
    await talk.shows("signed in as Ada (client)")
    await talk.shows("Bob: welcome")
    assert " 1  Talk 1  (1 unread)" in talk.text
    assert "Talk 1 · with Bob" in talk.text
    talk.type("hello Bob")
    await talk.shows("You: hello Bob ✓")
    await server.say(TALK, "hello\x1b[2J Ada")
    await talk.shows("Bob: hello\N{REPLACEMENT CHARACTER}[2J Ada")
    await server.say(ASIDE, "psst")
    await talk.shows("— Bob in Talk 2: psst —")
    server.marks[(TALK, OTHER)] = {"read": 3, "delivered": 3}
    for command in ("/who", "/help", "/nonsense", "/open 7", "/open talk 2", "//slash", "", "/list"):
        talk.type(command)
    await talk.shows("You: /slash ✓")
    await talk.shows("*\N{SPACE}2  Talk 2")
    for text in (
        "Ada, client (you)",
        "Bob, agent, has read everything",
        "anything else is said",
        "no such command: /nonsense",
        "called '7'",
    ):
        assert text in talk.text
    assert talk.text.count("Bob: psst") == 1
    talk.type("/quit")
    assert await asyncio.wait_for(talk.process.wait(), 5) == 0
    assert (server.read(TALK), server.read(ASIDE)) == (3, 2)


async def test_it_tells_who_types_and_who_is_there(server, chat):
    talk = await chat()
    await talk.shows("Bob: welcome")
    async with asyncio.timeout(8):
        while not server.heard_of("watch"):  # noqa: ASYNC110 - the server tells nobody that it heard
            await asyncio.sleep(0.02)
    typing = {"type": "typing", "conversation": TALK, "account": OTHER, "on": True}
    await server.tell({"type": "presence", "account": OTHER, "state": "away", "last_seen": None})
    await talk.shows("— Bob is away —")
    await server.tell(typing)
    await server.tell(typing)
    await talk.shows("— Bob is typing —")
    talk.type("/who")
    await talk.shows("Bob, agent, away")
    await server.say(TALK, "here I am")
    await talk.shows("Bob: here I am")
    assert talk.text.count("Bob is typing") == 1
    await server.tell(typing)
    async with asyncio.timeout(8):
        while talk.text.count("Bob is typing") < 2:  # noqa: ASYNC110 - a process prints, no event tells
            await asyncio.sleep(0.02)


async def test_a_line_answers_changes_takes_back_and_reacts(server, chat):
    talk = await chat()
    await talk.shows("#1 Bob: welcome")
    for line in ("/reply 1 thanks", "/edit #2 many thanks", "/react 1 👍", "/unreact 1 👍", "/delete 2", "/edit 2"):
        talk.type(line)
    for shown in (
        "#2 You (to #1): thanks ✓",
        "· You changed #2: many thanks",
        "· You put 👍 to #1",
        "· You took 👍 from #1",
        "· You deleted #2",
        "— it goes like this: /edit N TEXT —",
    ):
        await talk.shows(shown)


async def test_it_tells_who_has_seen_what_one_said_also_if_the_receipt_was_missed(server, chat):
    talk = await chat()
    await talk.shows("Bob: welcome")
    talk.type("do you see this?")
    await talk.shows("see this? ✓")
    receipt = {"type": "receipt", "conversation": TALK, "account": OTHER}
    await server.tell({**receipt, "read": 1, "delivered": 2})
    await server.tell({**receipt, "read": 2, "delivered": 2})
    await talk.shows("— #2 seen by Bob —")
    talk.type("and this?")
    await talk.shows("and this? ✓")
    await server.stop()
    await talk.shows("connection lost")
    server.marks[(TALK, OTHER)] = {"read": 3, "delivered": 3}
    await server.start()
    await talk.shows("connection back", 20)
    await talk.shows("— #3 seen by Bob —")


async def test_a_closed_chat_comes_back_and_shows_in_order_what_it_missed(server, chat):
    talk = await chat()
    await talk.shows("Bob: welcome")
    assert await talk.end() == 0
    for n in range(10):
        await server.say(TALK, f"missed {n}")
    talk = await chat()
    await talk.shows("missed 9")
    _, _, after = talk.text.partition("— 10 messages while you were away —")
    assert [line[-8:] for line in after.splitlines() if "missed" in line] == [f"missed {n}" for n in range(10)]
    assert talk.text.count("welcome") == 1
    await talk.end()
    talk = await chat()
    await talk.shows("missed 9")
    assert "while you were away" not in talk.text


async def test_a_killed_chat_sends_what_it_could_not_under_the_same_id(server, chat, tmp_path):
    talk = await chat()
    await talk.shows("Bob: welcome")
    server.swallow_acks = 10
    server.omit = set(range(100))
    talk.type("one")
    talk.type("two")
    await talk.shows("… queued: two")
    await talk.kill()
    server.swallow_acks, server.omit = 0, set()
    talk = await chat()
    await talk.shows("2 messages unsent from last time")
    await talk.shows("You: two ✓")
    await talk.end()
    assert [event["body"] for event in server.logs[TALK]] == ["welcome", "one", "two"]
    (state,) = (tmp_path / "parley").iterdir()
    assert state.stat().st_mode & 0o777 == 0o600
    assert json.loads(state.read_bytes())["outbox"] == []


async def test_it_says_when_the_connection_is_lost_and_back_and_what_came_meanwhile(server, chat):
    talk = await chat()
    await talk.shows("Bob: welcome")
    await server.stop()
    await talk.shows("connection lost")
    talk.type("are you there?")
    talk.type("/list")
    await talk.shows("… queued: are you there?")
    await talk.shows("not now:")
    await server.say(TALK, "meanwhile")
    await server.start()
    await talk.shows("1 message meanwhile", 20)
    await talk.shows("You: are you there? ✓")
    assert talk.text.index("Bob: meanwhile") < talk.text.index("You: are you there? ✓")
    assert "connection back" in talk.text


async def test_a_refused_message_and_people_who_come_and_go_are_told(server, chat):
    talk = await chat("--conversation", "talk 2")
    await talk.shows("Talk 2 · with Bob")
    server.refusals.append({"code": "closed", "message": "This conversation is closed."})
    talk.type("no")
    await talk.shows("— not sent (This conversation is closed.) —")
    for seq, kind in enumerate(("created", "member_joined", "member_left", "novelty"), 1):
        event = {"seq": seq, "kind": kind, "actor": OTHER, "account": OTHER, "at": "2026-01-01T00:00:00.000Z"}
        server.logs[ASIDE].append({"type": "event", "conversation": ASIDE, **event})
        await server.tell(server.logs[ASIDE][-1])
    await server.say(ASIDE, None)
    await talk.shows("Bob: (deleted)")
    for text in ("Bob started this conversation", "Bob joined", "Bob left"):
        assert text in talk.text


async def test_a_token_that_ended_is_renewed_without_a_word(server, chat):
    server.expires_in = 1
    talk = await chat()
    await talk.shows("Bob: welcome")
    await server.connections[0].ws.close(code=4401)
    await server.say(TALK, "still here?")
    await talk.shows("Bob: still here?")
    assert "lost" not in talk.text
    assert "/api/v1/auth/refresh" in server.requests


async def test_a_password_that_no_longer_holds_signs_out(server, chat):
    server.expires_in = 1
    talk = await chat()
    await talk.shows("Bob: welcome")
    server.password = "changed"
    await server.connections[0].ws.close(code=4401)
    await talk.shows("signed out: unauthenticated")
    assert await asyncio.wait_for(talk.process.wait(), 5) == 0


async def test_a_wrong_password_ends_with_the_servers_words(chat):
    talk = await chat("--password", "wrong")
    assert await asyncio.wait_for(talk.process.wait(), 10) == 1
    await talk.shows("E-mail or password is wrong.")


async def test_it_opens_the_newest_that_is_shared_unless_none_is(server, chat, tmp_path):
    server.alone = {TALK}
    talk = await chat()
    await talk.shows("Talk 2 · with Bob")
    await talk.end()
    server.alone = {TALK, ASIDE}
    talk = await chat("--state", str(tmp_path / "new.json"))
    await talk.shows("Talk 1 · with nobody")
    await talk.end()


async def test_it_waits_for_a_server_and_for_conversations(server, chat):
    await server.stop()
    server.logs.clear()
    talk = await chat("--conversation", "nothing")
    await talk.shows("no server at")
    server.fail_http = 1
    await server.start()
    await talk.shows("you have no conversations yet")
    assert "no conversation is called 'nothing'" in talk.text
    talk.type("hello?")
    talk.type("/who")
    await talk.shows("open a conversation first")


async def test_a_broken_state_file_is_named(chat, tmp_path):
    state = tmp_path / "state.json"
    state.write_text("{")
    talk = await chat("--state", str(state))
    assert await asyncio.wait_for(talk.process.wait(), 10) == 1
    await talk.shows(f"{state} cannot be read")


async def test_what_a_pipe_says_is_stored_before_it_leaves(server, chat):
    talk = await chat()
    talk.type("first")
    talk.type("second")
    assert await talk.end() == 0
    assert [event["body"] for event in server.logs[TALK]] == ["welcome", "first", "second"]
    assert server.logs[TALK][1]["actor"] == ACCOUNT
    assert "You: second ✓" in talk.text


async def test_a_person_at_a_terminal_sees_lines_above_the_one_being_typed(server, tmp_path):
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.chat", "--as", "ada@example.org", "--url", server.url),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm"},
    )
    shown = b""

    def read() -> None:
        nonlocal shown
        shown += os.read(ours, 65_536)

    async def shows(text: str) -> None:
        async with asyncio.timeout(8):
            while text.encode() not in shown:  # noqa: ASYNC110 - a process prints, no event tells
                await asyncio.sleep(0.02)

    asyncio.get_running_loop().add_reader(ours, read)
    try:
        await shows("welcome")
        os.write(ours, b"half a li")
        await shows("half a li")
        async with asyncio.timeout(8):
            while not server.heard_of("typing"):  # noqa: ASYNC110 - the server tells nobody that it heard
                await asyncio.sleep(0.02)
        await server.say(TALK, "an interruption")
        await shows(": an interruption\r\n> half a li")
        os.write(ours, b"ne\n")
        await shows("half a line\x1b[2m ✓")
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
        os.close(theirs)

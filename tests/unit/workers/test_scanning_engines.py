"""What engines say is understood, and whatever is not understood is an error: never clean."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from workers.scanning.engines import clamd, http
from workers.scanning.engines.choice import chosen
from workers.scanning.engines.clamd import Clamd, understood
from workers.scanning.engines.contract import Judgement
from workers.scanning.engines.http import Service
from workers.scanning.engines.yara import Yara, compiled

pytestmark = pytest.mark.anyio

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def file(tmp_path) -> Path:
    """Something to scan, of several chunks."""
    (tmp_path / "file").write_bytes(b"Good morning" * 50_000)
    return tmp_path / "file"


@asynccontextmanager
async def daemon(tmp_path, talk: Talk) -> AsyncIterator[Clamd]:
    """Something that listens where clamd would."""
    server = await asyncio.start_unix_server(talk, str(tmp_path / "clamd.sock"))
    async with server:
        yield Clamd(str(tmp_path / "clamd.sock"))


async def whole(reader: asyncio.StreamReader) -> bytes:
    """What comes by INSTREAM."""
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    data = b""
    while length := struct.unpack(">L", await reader.readexactly(4))[0]:
        data += await reader.readexactly(length)
    return data


@pytest.mark.parametrize(
    ("answer", "judgement"),
    [
        ("stream: OK", Judgement("clean")),
        ("stream: Win.Test.EICAR_HDB-1 FOUND", Judgement("infected", signature="Win.Test.EICAR_HDB-1")),
        ("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", Judgement("rejected", reason="too_hard")),
        ("stream: Heuristics.Encrypted.PDF FOUND", Judgement("rejected", reason="encrypted")),
        ("INSTREAM size limit exceeded. ERROR", Judgement("rejected", reason="too_hard")),
        ("stream: Can't allocate memory ERROR", Judgement("error")),
        ("", Judgement("error")),
        ("OKAY", Judgement("error")),
        ("UNKNOWN COMMAND", Judgement("error")),
    ],
)
def test_what_clamd_answers_is_understood_or_an_error(answer, judgement):
    assert understood(answer)._replace(detail="") == judgement


async def test_clamd_gets_all_of_the_file(tmp_path, file):
    got: list[bytes] = []

    async def talk(reader, writer):
        got.append(await whole(reader))
        writer.write(b"stream: OK\0")
        writer.close()

    async with daemon(tmp_path, talk) as engine:
        assert (await engine.scan(file)).verdict == "clean"
    assert got == [file.read_bytes()]


async def test_a_clamd_that_closes_early_with_words_is_heard_and_without_is_an_error(tmp_path, file):
    async def too_large(reader, writer):
        await reader.read(100)
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()

    async def silent(reader, writer):
        await reader.read(100)
        writer.close()

    async with daemon(tmp_path, too_large) as engine:
        assert (await engine.scan(file)).reason == "too_hard"
    (tmp_path / "clamd.sock").unlink(missing_ok=True)
    async with daemon(tmp_path, silent) as engine:
        assert (await engine.scan(file)).verdict == "error"


async def test_a_clamd_that_cuts_off_twice_and_lives_does_not_take_so_much_and_once_was_a_restart(tmp_path, file):
    scans = 0

    def cutting(times: int) -> Talk:
        async def talk(reader, writer):
            nonlocal scans
            if await reader.readexactly(9) == b"zVERSION\0":
                writer.write(b"ClamAV 1\0")
            else:
                scans += 1
                if scans > times:
                    await reader.readexactly(1)
                    while length := struct.unpack(">L", await reader.readexactly(4))[0]:
                        await reader.readexactly(length)
                    writer.write(b"stream: OK\0")
            writer.close()

        return talk

    async with daemon(tmp_path, cutting(2)) as engine:
        assert (await engine.scan(file)).reason == "too_hard"
    (tmp_path / "clamd.sock").unlink(missing_ok=True)
    scans = 0
    async with daemon(tmp_path, cutting(1)) as engine:
        assert (await engine.scan(file)).verdict == "clean"


async def test_a_clamd_that_says_nothing_or_is_not_there_is_an_error(tmp_path, file, monkeypatch):
    monkeypatch.setattr(clamd, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(clamd, "CONNECT_SECONDS", 0.2)

    async def mute(reader, writer):
        await reader.read()
        writer.close()

    async with daemon(tmp_path, mute) as engine:
        assert (await engine.scan(file)).verdict == "error"
        assert not (await engine.condition()).works
    gone = Clamd(str(tmp_path / "nowhere.sock"))
    assert (await gone.scan(file)).verdict == "error"
    assert not (await gone.condition()).works
    assert (await Clamd("127.0.0.1:9").scan(file)).verdict == "error"


async def test_clamd_says_which_signatures_it_has(tmp_path):
    async def talk(reader, writer):
        assert await reader.readexactly(9) == b"zVERSION\0"
        writer.write(b"ClamAV 1.4.3/27500/Mon Nov 23 09:00:00 2026\0")
        writer.close()

    async with daemon(tmp_path, talk) as engine:
        assert await engine.condition() == (True, "clamd ClamAV 1.4.3/27500/Mon Nov 23 09:00:00 2026")


# A service over HTTP ------------------------------------------------------------


@asynccontextmanager
async def service(answer: Callable[[bytes, web.Request], web.StreamResponse]) -> AsyncIterator[Service]:
    """Something that answers over HTTP."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(await request.read(), request)

    app = web.Application(client_max_size=10 * 1024 * 1024)
    app.router.add_post("/scan", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield Service(f"http://127.0.0.1:{port}/scan", "the key")
    finally:
        await runner.cleanup()


async def test_a_service_gets_the_bytes_and_the_key_and_says_what_it_found(file):
    seen: list[tuple[bytes, str]] = []

    def answer(body: bytes, request: web.Request) -> web.StreamResponse:
        seen.append((body, request.headers["Authorization"]))
        return web.json_response({"infected": len(seen) > 1, "signature": "Worm.X", "version": "7", "more": 1})

    async with service(answer) as engine:
        assert (await engine.scan(file)).verdict == "clean"
        assert await engine.scan(file) == Judgement("infected", signature="Worm.X")
        assert await engine.condition() == (True, "http 7")
    assert seen == [(file.read_bytes(), "Bearer the key")] * 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda *_: web.json_response({"infected": False}, status=500),
        lambda *_: web.json_response({"clean": True}),
        lambda *_: web.json_response({"infected": "no"}),
        lambda *_: web.Response(text="OK"),
        lambda *_: web.Response(text=""),
        lambda *_: web.HTTPFound("/elsewhere"),
    ],
    ids=["an error", "another field", "another type", "no JSON", "nothing", "another place"],
)
async def test_whatever_else_a_service_answers_is_an_error(file, answer):
    async with service(answer) as engine:
        assert (await engine.scan(file)).verdict == "error"
        assert not (await engine.condition()).works


async def test_a_service_that_is_late_or_away_is_an_error(file, monkeypatch):
    monkeypatch.setattr(http, "SECONDS", 0.2)
    assert (await Service("http://127.0.0.1:9/scan", "").scan(file)).verdict == "error"
    server = await asyncio.start_server(lambda *_: asyncio.sleep(5), "127.0.0.1", 0)
    async with server:
        late = Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/scan", "")
        assert (await late.scan(file)).verdict == "error"
    assert aiohttp.ClientTimeout().total != 0.2


# Which one ---------------------------------------------------------------------


def test_the_settings_choose_the_engine():
    assert chosen("127.0.0.1:3310", "", "").name == "clamd"
    assert chosen("", "https://scan.example", "key").name == "http"
    assert chosen("", "", "").name == "yara-x"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (("127.0.0.1:3310", "https://scan.example", ""), "two scanners"),
        (("", "", "key"), "VIRUS_SCAN_URL"),
        (("", "scan.example", ""), "https://"),
    ],
)
def test_settings_that_name_two_or_none_are_refused(given, fault):
    with pytest.raises(ValueError, match=fault):
        chosen(*given)


async def test_our_own_rules_answer_always_and_say_what_they_are(file):
    working, version = await Yara().condition()
    assert working and version.startswith("yara-x ")
    assert (await Yara().scan(file)).verdict == "error"  # they are asked in a cell only


PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)
SAMPLES = [
    ("Windows_Program", PE, PE.replace(b"PE\0\0", b"NE\0\0")),
    ("Program_Inside", b"x This program cannot be run in DOS mode y", b"This program can be run"),
    ("Elf_Program", b"\x7fELF" + bytes(99), b"x\x7fELF" + bytes(99)),
    ("Script_Dropper", b"PowerShell -EncodedCommand x; Invoke-Expression", b"PowerShell is a shell"),
    ("Html_Smuggling", b"new Blob(x); createObjectURL; a.click(); atob(y)", b"new Blob(x); a.click()"),
    ("Dde_Field", b'DDEAUTO "cmd /k calc"', b"DDE and more"),
    ("Equation_Editor", b"Equation.3", b"Equation 3"),
]


@pytest.mark.parametrize(("rule", "sample", "near"), SAMPLES, ids=[sample[0] for sample in SAMPLES])
def test_a_rule_finds_what_it_is_for_and_not_what_is_near(rule, sample, near):
    def names(data: bytes) -> set[str]:
        return {found.identifier for found in compiled().scan(data).matching_rules}

    assert rule in names(sample)
    assert rule not in names(near)

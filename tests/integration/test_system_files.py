"""Files from end to end: uploaded to one process, scanned by another, told to everybody in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fixtures.system import Person, System, running_system

pytestmark = pytest.mark.anyio

EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-" + "TEST-FILE!$H+H*"


@pytest.fixture
async def system(database_url: str) -> AsyncIterator[System]:
    """One of each process, and a scanning worker."""
    async with running_system(database_url) as running:
        running.start("scanning")
        await running.settled(scanning=1)
        yield running


async def upload(system: System, who: Person, name: str, data: bytes) -> str:
    form = aiohttp.FormData()
    form.add_field("file", data, filename=name)
    status, file = await system.http("POST", "/api/v1/files", who, data=form)
    assert status == 201, file
    id: str = file["id"]
    return id


async def settled(system: System, who: Person, id: str, *states: str) -> dict[str, Any]:
    """The file once it is in one of these states."""
    async with asyncio.timeout(20):
        while True:
            _, file = await system.http("GET", f"/api/v1/files/{id}", who)
            if file["state"] in states:
                found: dict[str, Any] = file
                return found
            await asyncio.sleep(0.05)


async def downloaded(system: System, who: Person, id: str) -> bytes:
    _, address = await system.http("GET", f"/api/v1/files/{id}/url", who)
    async with aiohttp.ClientSession() as http, http.get(system.url + address["url"]) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_a_file_is_sent_scanned_told_and_read(system):
    ann, bob = Person("Ann", "agent"), Person("Bob", "agent")
    await system.http("GET", "/api/v1/me", bob)
    room = await system.conversation(ann, bob)
    heard: list[dict[str, Any]] = []
    async with system.client(bob, on_event=heard.append) as client:
        await client.caught_up()
        id = await upload(system, ann, "note.txt", b"Good morning")
        said = {"body": "see", "attachments": [id]}
        await system.http("POST", f"/api/v1/conversations/{room}/messages", ann, json=said)
        async with asyncio.timeout(20):
            await client.until(lambda: any(event["kind"] == "message" for event in heard))
            await client.until(lambda: client.conversations[room].cursor >= client.conversations[room].head >= 2)
            _, file = await system.http("GET", f"/api/v1/files/{id}", bob)
            while file["state"] == "scanning":
                _, file = await system.http("GET", f"/api/v1/files/{id}", bob)
                await asyncio.sleep(0.05)
            [held] = next(event for event in heard if event["kind"] == "message")["attachments"]
            if held["state"] == "scanning":  # said before the verdict, so the log tells it
                await client.until(lambda: heard[-1]["kind"] == "file_scanned")
                told = heard[-1]
                assert (told["file"], told["verdict"], told["revision"], told["actor"]) == (id, "clean", 1, ann.id)
    assert [event["seq"] for event in heard] == sorted(event["seq"] for event in heard)
    assert await downloaded(system, bob, id) == b"Good morning"


async def test_what_is_infected_is_blocked_and_in_quarantine(system):
    ann, bob, root = Person("Ann", "agent"), Person("Bob", "agent"), Person("Root", "admin")
    await system.http("GET", "/api/v1/me", bob)
    room = await system.conversation(ann, bob)
    id = await upload(system, ann, "invoice.txt", EICAR.encode())
    said = {"attachments": [id]}
    await system.http("POST", f"/api/v1/conversations/{room}/messages", ann, json=said)
    file = await settled(system, bob, id, "infected")
    assert "Eicar" in file["signature"]
    for who in (ann, bob, root):
        assert (await system.http("GET", f"/api/v1/files/{id}/url", who))[0] in (404, 409)
    _, held = await system.http("GET", "/api/v1/admin/files", root)
    assert [(item["id"], item["state"]) for item in held["items"]] == [(id, "infected")]
    assert held["items"][0]["engine"].startswith("yara-x")
    await system.http("POST", f"/api/v1/admin/files/{id}/release", root, json={"reason": "a test file"})
    await settled(system, bob, id, "clean")
    assert await downloaded(system, bob, id) == EICAR.encode()


async def test_what_waits_while_nothing_scans_is_served_to_nobody_and_scanned_later(system):
    ann = Person("Ann", "agent")
    system.kill("scanning")
    id = await upload(system, ann, "note.txt", b"Good morning")
    assert (await system.http("GET", f"/api/v1/files/{id}/url", ann))[0] == 409
    system.start("scanning")
    await settled(system, ann, id, "clean")
    assert (await system.http("GET", "/api/v1/scanner", ann))[1]["ready"] is True

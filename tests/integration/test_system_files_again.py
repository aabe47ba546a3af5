"""Files that are scanned again, and files in a bucket: from end to end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.scanner import ScanService
from tests.fixtures.stores import new_bucket
from tests.fixtures.system import ROOT, Person, System, running_system
from tests.integration.test_system_files import downloaded, settled, upload

pytestmark = pytest.mark.anyio


@pytest.fixture
async def system(database_url: str, scan_service: ScanService) -> AsyncIterator[System]:
    """One of each process; who scans asks the service."""
    async with running_system(database_url, VIRUS_SCAN_URL=scan_service.url) as running:
        running.start("scanning")
        await running.settled(scanning=1)
        yield running


def rescan(system: System) -> str:
    """The command, as an administrator types it."""
    env = {**os.environ, "DATABASE_URL": system.database_url, "DATA_DIR": str(system.folder)}
    command = [sys.executable, "-m", "workers.scanning", "rescan"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


async def test_a_file_that_is_found_infected_later_is_withdrawn_and_everybody_told(system, scan_service):
    ann, bob, root = Person("Ann", "agent"), Person("Bob", "agent"), Person("Root", "admin")
    await system.http("GET", "/api/v1/me", bob)
    room = await system.conversation(ann, bob)
    id = await upload(system, ann, "note.txt", b"Good morning")
    await system.http("POST", f"/api/v1/conversations/{room}/messages", ann, json={"attachments": [id]})
    await settled(system, bob, id, "clean")
    async with system.client(bob) as client:
        await client.caught_up()
        assert await downloaded(system, bob, id) == b"Good morning"
        scan_service.says = {"infected": True, "signature": "Worm.X"}
        assert await asyncio.to_thread(rescan, system) == "1 files are scanned again\n"
        file = await settled(system, bob, id, "infected")
        assert (file["revision"], file["signature"]) == (2, "Worm.X")
        assert (await system.http("GET", f"/api/v1/files/{id}/url", bob))[0] == 409
        async with asyncio.timeout(15):
            while True:
                _, page = await system.http("GET", f"/api/v1/conversations/{room}/events?after=1", bob)
                if page["items"][-1]["kind"] == "file_scanned" and page["items"][-1]["revision"] == 2:
                    break
                await asyncio.sleep(0.05)
            await client.until(lambda: client.conversations[room].cursor == page["head"])
    assert page["items"][-1]["verdict"] == "infected"
    _, held = await system.http("GET", "/api/v1/admin/files", root)
    assert [item["id"] for item in held["items"]] == [id]
    assert (await system.http("DELETE", f"/api/v1/admin/files/{id}", root))[0] == 204
    await settled(system, bob, id, "deleted")


async def test_files_lie_in_a_bucket_where_one_is_named(database_url, s3_server):
    ann = Person("Ann", "agent")
    data = os.urandom(1000).hex().encode() * 3000
    known = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with new_bucket(s3_server) as url:
        async with running_system(database_url, STORAGE_URL=url, **known) as system:
            system.start("scanning")
            await system.settled(scanning=1)
            id = await upload(system, ann, "note.txt", data)
            await settled(system, ann, id, "clean")
            assert await downloaded(system, ann, id) == data
            assert not (system.folder / "objects").exists()

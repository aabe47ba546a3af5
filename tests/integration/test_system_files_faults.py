"""Files while things break: no byte is served that was not scanned, nothing is orphaned, and everything ends well."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from storage.objects.folder import Folder
from storage.pool import Database
from tests.fixtures.scanner import ScanService
from tests.fixtures.system import Person, System, running_system
from tests.integration.test_system_files import downloaded, settled, upload
from workers.scanning.counters import Counters
from workers.scanning.upkeep import Upkeep

pytestmark = pytest.mark.anyio

SIZE = 3 * 1024 * 1024
MANY = os.urandom(1024).hex().encode() * (SIZE // 2048)
CHUNKS = "application/offset+octet-stream"


@pytest.fixture
async def system(database_url: str, scan_service: ScanService) -> AsyncIterator[System]:
    """One of each process; who scans asks the service."""
    async with running_system(
        database_url, VIRUS_SCAN_URL=scan_service.url, SCAN_LEASE_SECONDS="2", SCAN_RETRY_SECONDS="0.2"
    ) as running:
        running.start("scanning")
        await running.settled(scanning=1)
        yield running


def objects(system: System) -> Folder:
    return Folder(Path(system.folder) / "objects")


async def keys(system: System, area: str) -> list[str]:
    return [found.key async for found in objects(system).list(area)]


async def unserved(system: System, who: Person, id: str) -> None:
    """Nobody has it, and no row says where its bytes lie."""
    assert (await system.http("GET", f"/api/v1/files/{id}/url", who))[0] == 409


async def swept(system: System, db: Database) -> list[str]:
    """What is left in the store once everything is swept that no row names."""
    upkeep = Upkeep(db, objects(system), Counters(), lambda: "", rescan_days=0, rescan_batch=1)
    await upkeep.sweep_objects(older=-1.0)
    return [*await keys(system, "quarantine"), *await keys(system, "clean")]


async def test_a_scanner_that_is_killed_gives_its_file_back(system, scan_service, db):
    ann = Person("Ann", "agent")
    scan_service.gate.clear()
    id = await upload(system, ann, "note.txt", b"Good morning")
    async with asyncio.timeout(15):
        await scan_service.came.wait()
    system.kill("scanning")
    await unserved(system, ann, id)
    scan_service.gate.set()
    system.start("scanning-2")
    await settled(system, ann, id, "clean")
    assert await downloaded(system, ann, id) == b"Good morning"
    assert len(await swept(system, db)) == 1


async def test_a_scanner_that_fails_lets_the_file_wait_and_nobody_have_it(system, scan_service):
    ann, root = Person("Ann", "agent"), Person("Root", "admin")
    scan_service.status = 500
    id = await upload(system, ann, "note.txt", b"Good morning")
    async with asyncio.timeout(20):
        while True:
            _, held = await system.http("GET", "/api/v1/admin/files", root)
            if held["items"] and held["items"][0]["attempts"] >= 2:
                break
            await asyncio.sleep(0.05)
    assert "500" in held["items"][0]["last_error"]
    await unserved(system, ann, id)
    scan_service.status = 200
    await settled(system, ann, id, "clean")


async def test_a_file_that_a_service_finds_infected_is_blocked_under_its_name(system, scan_service):
    ann = Person("Ann", "agent")
    scan_service.says = {"infected": True, "signature": "Worm.X"}
    id = await upload(system, ann, "note.txt", b"Good morning")
    assert (await settled(system, ann, id, "infected"))["signature"] == "Worm.X"
    await unserved(system, ann, id)


async def test_an_upload_goes_on_at_another_edge_when_the_first_is_killed(system):
    ann = Person("Ann", "agent")
    system.start("edge-2")
    await system.ready()
    status, begun = await system.http("POST", "/api/v1/files", ann, headers=tus(SIZE))
    assert status == 201
    id = begun["id"]
    await patch(system, "edge", ann, id, 0, MANY[: 1024 * 1024])

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(1024 * 1024, SIZE, 64 * 1024):
            yield MANY[start : start + 64 * 1024]
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(patch(system, "edge", ann, id, 1024 * 1024, slowly()))
    await asyncio.sleep(0.5)
    system.kill("edge")
    with pytest.raises(aiohttp.ClientError):
        await sending
    at = await offset(system, "edge-2", ann, id)
    assert at == 1024 * 1024  # what a killed edge had not confirmed is sent again
    await patch(system, "edge-2", ann, id, at, MANY[at:])
    system.port = system.ports["edge-2"]
    await settled(system, ann, id, "clean")
    assert await downloaded(system, ann, id) == MANY


async def test_a_disk_that_is_full_refuses_an_upload_and_leaves_nothing(system, db):
    ann = Person("Ann", "agent")
    system.kill("edge")
    # A file-size limit is a full disk for whoever writes more, without one for the rest of the machine.
    plain = system.command
    system.command = lambda name, module: ["prlimit", "--fsize=1000000", *plain(name, module)]  # type: ignore[method-assign]  # of this one instance
    system.start("edge")
    await system.ready()
    status, begun = await system.http("POST", "/api/v1/files", ann, headers=tus(SIZE))
    assert status == 201
    refused = await patch(system, "edge", ann, begun["id"], 0, MANY, expect=503)
    assert refused["code"] == "unavailable"
    assert await offset(system, "edge", ann, begun["id"]) == 0
    assert await swept(system, db) == []


async def test_a_database_that_is_away_at_the_verdict_serves_nothing_and_orphans_nothing(system, scan_service, db):
    ann = Person("Ann", "agent")
    scan_service.gate.clear()
    id = await upload(system, ann, "note.txt", b"Good morning")
    async with asyncio.timeout(15):
        await scan_service.came.wait()
    name = system.database_url.rpartition("/")[2].partition("?")[0]
    elsewhere = system.database_url.replace(f"/{name}", "/postgres", 1)
    async with await psycopg.AsyncConnection.connect(elsewhere, autocommit=True) as admin:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        scan_service.gate.set()
        await asyncio.sleep(3.0)  # so long it is away: the verdict is known, and cannot be stored
        assert await keys(system, "quarantine") != []
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await system.ready()
    await settled(system, ann, id, "clean")
    assert await downloaded(system, ann, id) == b"Good morning"
    async with asyncio.timeout(10):
        while True:
            if len(await swept(system, db)) == 1:
                break
            await asyncio.sleep(0.2)


def tus(size: int) -> dict[str, str]:
    return {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": "filename bm90ZS50eHQ="}


async def patch(
    system: System, edge: str, who: Person, id: str, at: int, data: Any, expect: int = 204
) -> dict[str, Any]:
    """Bytes of an upload, to one edge; its answer, if it has one."""
    headers = {
        "Tus-Resumable": "1.0.0", "Upload-Offset": str(at), "Content-Type": CHUNKS,
        "Authorization": f"Bearer {who.token()}",
    }  # fmt: skip
    url = f"http://127.0.0.1:{system.ports[edge]}/api/v1/files/{id}"
    async with aiohttp.ClientSession() as http, http.patch(url, data=data, headers=headers) as answer:
        assert answer.status == expect, await answer.text()
        found: dict[str, Any] = await answer.json(content_type=None) if expect != 204 else {}
        return found


async def offset(system: System, edge: str, who: Person, id: str) -> int:
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {who.token()}"}
    url = f"http://127.0.0.1:{system.ports[edge]}/api/v1/files/{id}"
    async with aiohttp.ClientSession() as http, http.head(url, headers=headers) as answer:
        return int(answer.headers["Upload-Offset"])

"""A client of tus that is not ours uploads to ours, unchanged: whole, in pieces, broken off and taken up again."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.storage.filestorage import FileStorage

from tests.fixtures.postgres import fresh_database
from tests.fixtures.system import Person, System, running_system
from tests.integration.test_system_files import downloaded, settled

pytestmark = pytest.mark.anyio

TEXT = os.urandom(512).hex().encode() * 3000


@pytest.fixture(scope="module")
async def system(postgres) -> AsyncIterator[System]:
    """One of each process, and a scanning worker, for all of these."""
    with fresh_database(postgres) as url:
        async with running_system(url) as running:
            running.start("scanning")
            await running.settled(scanning=1)
            yield running


def client(system: System, who: Person) -> TusClient:
    return TusClient(f"{system.url}/api/v1/files", headers={"Authorization": f"Bearer {who.token()}"})


def uploader(system: System, who: Person, data: bytes = TEXT, **more: Any) -> Any:
    given = {"chunk_size": 512 * 1024, "metadata": {"filename": "tést note.txt"}, **more}
    return client(system, who).uploader(file_stream=io.BytesIO(data), **given)


def id_of(uploading: Any) -> str:
    found: str = uploading.url.rpartition("/")[2]
    return found


@pytest.mark.parametrize("chunk", [256 * 1024, 16 * 1024 * 1024], ids=["in pieces", "whole"])
async def test_an_upload_comes_as_it_was(system, chunk):
    ann = Person("Ann", "agent")
    uploading = uploader(system, ann, chunk_size=chunk)
    await asyncio.to_thread(uploading.upload)
    file = await settled(system, ann, id_of(uploading), "clean")
    assert (file["name"], file["size"]) == ("tést note.txt", len(TEXT))
    assert await downloaded(system, ann, id_of(uploading)) == TEXT


async def test_an_upload_that_was_broken_off_is_taken_up_where_it_stood(system, tmp_path: Path):
    ann = Person("Ann", "agent")
    (tmp_path / "note").write_bytes(TEXT)
    remembered = {"store_url": True, "url_storage": FileStorage(str(tmp_path / "uploads.json"))}
    given = {"file_path": str(tmp_path / "note"), "metadata": {"filename": "note.txt"}, "chunk_size": 512 * 1024}
    first = client(system, ann).uploader(**given, **remembered)
    await asyncio.to_thread(first.upload_chunk)
    later = client(system, ann).uploader(**given, **remembered)
    assert (id_of(later), later.offset) == (id_of(first), 512 * 1024)
    await asyncio.to_thread(later.upload)
    await settled(system, ann, id_of(later), "clean")
    assert await downloaded(system, ann, id_of(later)) == TEXT


async def test_a_refusal_is_understood_as_one(system):
    ann = Person("Ann", "agent")
    with pytest.raises(TusCommunicationError) as refused:
        await asyncio.to_thread(lambda: uploader(system, ann, metadata={"filename": "evil.exe"}).upload())
    assert refused.value.status_code == 422

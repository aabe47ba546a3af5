"""Every object store keeps the same promises: one suite for all of them, and what only a folder can break."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.objects.contract import NoObject, StoreFull, StoreUnavailable, written
from storage.objects.folder import Folder
from storage.objects.stores import open_store

pytestmark = pytest.mark.anyio

BIG = os.urandom(1024) * 12_345


async def pieces(*chunks: bytes):
    for chunk in chunks:
        yield chunk


async def cut(data: bytes, size: int = 100_000):
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def whole(store, key: str, *part: int) -> bytes:
    return b"".join([chunk async for chunk in store.get(key, *part)])


async def keys(store, prefix: str) -> set[str]:
    return {found.key async for found in store.list(prefix)}


async def test_what_was_put_is_there(store):
    assert await store.put("quarantine/a/1", pieces(b"abc", b"", b"def")) == 6
    assert await whole(store, "quarantine/a/1") == b"abcdef"
    assert await store.size("quarantine/a/1") == 6


async def test_a_large_object_comes_back_as_it_was(store):
    assert await store.put("clean/big", cut(BIG)) == len(BIG)
    assert await store.size("clean/big") == len(BIG)
    assert await whole(store, "clean/big") == BIG


async def test_an_empty_object_is_an_object(store):
    assert await store.put("clean/empty", pieces()) == 0
    assert (await store.size("clean/empty"), await whole(store, "clean/empty")) == (0, b"")


async def test_a_part_of_an_object_is_read_from_where_to_where(store):
    await store.put("clean/big", cut(BIG))
    assert await whole(store, "clean/big", 5) == BIG[5:]
    assert await whole(store, "clean/big", 1_000_000, 3_000_001) == BIG[1_000_000:3_000_001]
    assert await whole(store, "clean/big", len(BIG) - 3, len(BIG) + 10) == BIG[-3:]


async def test_putting_again_replaces(store):
    await store.put("clean/a", pieces(b"before"))
    await store.put("clean/a", pieces(b"now"))
    assert await whole(store, "clean/a") == b"now"


async def test_what_is_not_there_is_not_found(store):
    assert await store.size("clean/none") is None
    with pytest.raises(NoObject):
        await whole(store, "clean/none")


async def test_deleting_takes_away_what_is_there_and_minds_nothing_else(store):
    await store.put("clean/a/1", pieces(b"x"))
    await store.put("clean/a/2", pieces(b"y"))
    await store.delete(["clean/a/1", "clean/none"])
    assert await keys(store, "clean") == {"clean/a/2"}


async def test_a_list_holds_what_lies_below_and_nothing_beside(store):
    for key in ("quarantine/a/1", "quarantine/a/2", "quarantine/ab/3", "clean/a/1"):
        await store.put(key, pieces(b"1234"))
    assert await keys(store, "quarantine/a") == {"quarantine/a/1", "quarantine/a/2"}
    assert await keys(store, "quarantine") == {"quarantine/a/1", "quarantine/a/2", "quarantine/ab/3"}
    assert await keys(store, "nowhere") == set()
    [found] = [found async for found in store.list("clean")]
    assert found.size == 4
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=5)


@pytest.mark.parametrize("length", [10, 6_000_000], ids=["small", "large"])
async def test_a_source_that_breaks_off_leaves_nothing(store, length):
    async def breaking():
        yield bytes(length)
        raise EOFError("the sender is gone")

    with pytest.raises(EOFError, match="gone"):
        await store.put("quarantine/a/1", breaking())
    assert await store.size("quarantine/a/1") is None
    assert await keys(store, "quarantine") == set()


async def test_a_put_that_is_cancelled_leaves_nothing(store):
    begun = asyncio.Event()

    async def stuck():
        yield b"abc"
        begun.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put("quarantine/a/1", stuck()))
    await begun.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await store.size("quarantine/a/1") is None


@pytest.mark.parametrize("key", ["../a", "a/../b", "/a", "a//b", "", "A", ".a", "a/.b", "a/", "a\x00b", "a" * 301, "é"])
async def test_a_key_that_could_mean_another_place_is_refused(store, key):
    with pytest.raises(ValueError, match="no key"):
        await store.put(key, pieces(b"x"))
    with pytest.raises(ValueError, match="no key"):
        await store.size(key)


async def test_a_local_file_can_be_put(store, tmp_path):
    (tmp_path / "file").write_bytes(BIG)
    await store.put("clean/file", written(tmp_path / "file"))
    assert await whole(store, "clean/file") == BIG


# A folder ---------------------------------------------------------------------


async def test_a_folder_is_its_owners_alone(tmp_path):
    await Folder(tmp_path / "objects").put("clean/a/1", pieces(b"x"))
    root = tmp_path / "objects"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert set(modes.values()) == {0o700, 0o600}
    assert all((mode == 0o700) == path.is_dir() for path, mode in modes.items())


async def test_an_object_is_on_the_disk_before_it_has_a_name_and_named_before_it_is_confirmed(tmp_path, monkeypatch):
    done: list[str] = []
    sync, replace = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replaced(source, target, **options) -> None:
        done.append("name")
        replace(source, target)

    store = Folder(tmp_path / "objects")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    await store.put("clean/a/1", pieces(b"x"))
    assert done == ["file", "name", "folder", "folder", "folder"]


IN_A_SMALL_WORLD = """
import asyncio, resource, signal, sys
from pathlib import Path
from storage.objects.contract import StoreFull
from storage.objects.folder import Folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
async def much():
    for _ in range(50):
        yield bytes(7_000)
async def main():
    store = Folder(Path(sys.argv[1]))
    try:
        await store.put("quarantine/a/1", much())
    except StoreFull:
        print("full", await store.size("quarantine/a/1"), [*Path(sys.argv[1]).rglob(".*")])
asyncio.run(main())
"""


def test_a_disk_that_is_full_is_said_and_nothing_is_left(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", IN_A_SMALL_WORLD, tmp_path / "objects"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "full None []"


KILLED_IN_THE_MIDDLE = """
import asyncio, os, signal, sys
from pathlib import Path
from storage.objects.folder import Folder
async def dying():
    yield bytes(100_000)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(Folder(Path(sys.argv[1])).put("quarantine/a/1", dying()))
"""


async def test_who_is_killed_while_writing_leaves_no_object_and_the_rest_is_swept(tmp_path):
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_IN_THE_MIDDLE, tmp_path / "objects")
    assert await dying.wait() == -signal.SIGKILL
    store = Folder(tmp_path / "objects")
    assert await keys(store, "quarantine") == set()
    assert len([path for path in (tmp_path / "objects").rglob("*") if path.is_file()]) == 1
    assert await store.sweep(older=3600.0) == 0
    assert await store.sweep(older=-1.0) == 1
    assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


async def test_a_disk_that_refuses_is_said_to_be_away(tmp_path):
    store = Folder(tmp_path / "objects")
    await store.put("quarantine/a", pieces(b"x"))
    (tmp_path / "objects" / "clean").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable):
        await store.put("clean/a", pieces(b"x"))


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def test_many_open_files_are_not_kept(tmp_path):
    store = Folder(tmp_path / "objects")
    await store.put("clean/a", pieces(BIG))
    before = open_files()
    for _ in range(20):
        reading = store.get("clean/a")
        await anext(reading)
        await reading.aclose()
    assert open_files() <= before + 1


# Which store -------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "file://host/x", "file:relative", "folder", "s3://", "s3://b?colour=red", "s3://b?region"]
)
def test_an_address_of_no_store_is_refused(url, tmp_path):
    with pytest.raises(ValueError, match=r"STORAGE_URL|write s3://|bad query field"):
        open_store(url, tmp_path)


async def test_a_folder_may_be_named(tmp_path):
    await open_store(f"file://{tmp_path}/a%20folder", tmp_path).put("clean/a", pieces(b"x"))
    assert (tmp_path / "a folder" / "clean" / "a").is_file()


async def test_a_bucket_that_does_not_answer_is_away(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr("storage.objects.s3.ATTEMPTS", 0)
    away = open_store("s3://bucket/parley?endpoint=http://127.0.0.1:9&path_style=true", tmp_path)
    with pytest.raises(StoreUnavailable):
        await away.size("clean/a")


def test_full_and_away_are_told_apart():
    assert not issubclass(StoreFull, StoreUnavailable)

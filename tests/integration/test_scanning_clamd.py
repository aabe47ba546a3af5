"""The real clamd, with signatures of our own: what it finds, what it refuses, and what happens when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.good_files import good_files, package
from tests.fixtures.hostile_files import EICAR
from workers.scanning.engines.clamd import Clamd
from workers.scanning.findings import Finding, Limits
from workers.scanning.inspection import inspect

pytestmark = [pytest.mark.anyio, pytest.mark.long]

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
STREAM_BYTES = 12 * 1024 * 1024
OURS = b"this text is what our own signature knows"
CONFIG = """\
LocalSocket {folder}/clamd.sock
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
Foreground yes
LogFile {folder}/clamd.log
StreamMaxLength {stream}
AlertExceedsMax yes
MaxThreads 2
SelfCheck 0
"""


class Daemon:
    """A clamd that runs: its socket, and the process."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.engine = Clamd(str(folder / "clamd.sock"))
        self.process = process


@pytest.fixture
async def daemon(tmp_path) -> AsyncIterator[Daemon]:
    """clamd with two signatures, answering."""
    program = shutil.which("clamd", path=PATH)
    assert program is not None, "Debian's clamav-daemon is not installed; .ci/run installs it"
    signatures = tmp_path / "signatures"
    signatures.mkdir()
    digest = hashlib.md5(EICAR, usedforsecurity=False).hexdigest()
    (signatures / "ours.hdb").write_text(f"{digest}:{len(EICAR)}:Eicar-Test-Signature\n")
    (signatures / "ours.ndb").write_text(f"Parley.Test:0:*:{OURS.hex()}\nParley.Eicar:0:*:{EICAR[:40].hex()}\n")
    config = tmp_path / "clamd.conf"
    config.write_text(CONFIG.format(folder=tmp_path, stream=STREAM_BYTES))
    process = await asyncio.create_subprocess_exec(
        program, "--config-file", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    running = Daemon(tmp_path, process)
    async with asyncio.timeout(60):
        while True:
            if (await running.engine.condition()).works:
                break
            assert process.returncode is None, (tmp_path / "clamd.log").read_text()[-2000:]
            await asyncio.sleep(0.1)
    yield running
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


async def found(daemon: Daemon, folder: Path, name: str, content: bytes) -> Finding:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (folder / "file").write_bytes(content)
    return await inspect(folder / "file", name, daemon.engine, Limits(), out)


async def test_what_clamd_knows_is_found_raw_and_in_documents(daemon, tmp_path):
    for name, content in {
        "eicar.txt": EICAR,
        "eicar.docx": package("docx", {"word/a.txt": EICAR}),
        "eicar deep.docx": package("docx", {"word/a.xlsx": package("xlsx", {"xl/a.txt": EICAR})}),
        "ours.txt": b"and " + OURS,
    }.items():
        finding = await found(daemon, tmp_path, name, content)
        assert finding.verdict == "infected", (name, finding)
        assert "Eicar" in str(finding.signature) or "Parley" in str(finding.signature)
    version = (await daemon.engine.condition()).version
    assert version.startswith("clamd ClamAV ")


async def test_what_is_honest_is_clean(daemon, tmp_path):
    for name, content in good_files().items():
        finding = await found(daemon, tmp_path, name, content)
        assert finding.verdict == "clean", (name, finding)


async def test_what_is_longer_than_clamd_takes_is_rejected_and_never_clean(daemon, tmp_path):
    finding = await found(daemon, tmp_path, "long.txt", b"x" * (STREAM_BYTES + 1024 * 1024))
    assert (finding.verdict, finding.reason) == ("rejected", "too_hard")


async def test_a_clamd_that_dies_in_the_middle_is_an_error(daemon, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10_000_000)
    daemon.process.kill()
    await daemon.process.wait()
    assert (await found(daemon, tmp_path, "a.txt", b"x" * 10_000_000)).verdict == "error"

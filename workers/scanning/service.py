"""Files in, verdicts out: takes what is due, looks at it, makes the verdict true, and has every conversation told.

What is due stands in the table of files; a frame from an edge only says that now is a good time to look. A claim keeps
others away for as long as its lease is renewed, so that a worker that dies gives its file back.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import uniform
from typing import Protocol

import msgspec
import structlog

from broker.link.client import LinkError, Received
from broker.wire import payloads
from broker.wire.payloads import Id, Outcomes, Scan
from storage import scans
from storage.errors import StorageError
from storage.objects.contract import Store, StoreError
from storage.pool import Database
from storage.scans import Job, Verdict
from workers.scanning import promotion
from workers.scanning.counters import Counters
from workers.scanning.findings import Finding, Limits
from workers.scanning.inspection import inspect, reinspect, vouched_for
from workers.scanning.promotion import Incomplete
from workers.scanning.settings import ScanningSettings
from workers.scanning.telling import commands

log = structlog.get_logger()

LOOK_SECONDS = 2.0
"""How often a worker looks for what is due when nobody says so."""

ANNOUNCE_SECONDS = 5.0
DRAIN_SECONDS = 3.0


class Backbone(Protocol):
    """What a scanning worker needs of a `Link`."""

    @property
    def node(self) -> str:
        """The name of this node."""

    def send(self, role: str, key: str, payload: bytes) -> object:
        """To the owner of `key`; raises a `LinkError`."""


class Scanning:
    """One worker: `at_once` files at a time."""

    def __init__(self, db: Database, store: Store, settings: ScanningSettings, limits: Limits) -> None:
        self.counters = Counters()
        self._db = db
        self._store = store
        self._settings = settings
        self._limits = limits
        self._engine = settings.engine
        self._link: Backbone
        self._wake = asyncio.Event()
        self._stopping = False
        self.busy = 0
        self.works = True
        self.version = ""

    def attach(self, link: Backbone) -> None:
        """The link by which verdicts are told."""
        self._link = link

    def on_frame(self, received: Received) -> None:
        """A hint that a file is due, or what became of a verdict that was told."""
        try:
            payload = payloads.decode(received.payload)
        except msgspec.DecodeError:
            payload = None
        if isinstance(payload, Scan):
            self._wake.set()
        elif not isinstance(payload, Outcomes):
            self.counters.refused_frames += 1
            log.warning("frame.malformed", source=received.source)

    async def run(self, stop: asyncio.Event) -> None:
        """Scan until told to stop; then finish what is under way, as far as there is time."""
        await self._announce()
        log.info("scanning.started", node=self._link.node, engine=self.version)
        loops = [asyncio.create_task(self._serve(), name=f"scan-{place}") for place in range(self._settings.at_once)]
        others = [
            asyncio.create_task(self._repeat(self._announce, ANNOUNCE_SECONDS), name="announce"),
            asyncio.create_task(self._repeat(self._tell_late, LOOK_SECONDS), name="tell"),
        ]
        try:
            await stop.wait()
            self._stopping = True
            self._wake.set()
            await asyncio.wait(loops, timeout=DRAIN_SECONDS)
        finally:
            for task in (*loops, *others):
                task.cancel()
            await asyncio.gather(*loops, *others, return_exceptions=True)
            with contextlib.suppress(StorageError):
                await scans.withdraw(self._db, self._link.node)
            log.info("scanning.stopped", node=self._link.node, **msgspec.structs.asdict(self.counters))

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds * uniform(0.8, 1.2))  # noqa: S311 - spreads load, hides nothing
            with contextlib.suppress(StorageError):
                await work()

    async def _serve(self) -> None:
        """Take one file after the other; sleep while none is due."""
        while not self._stopping:
            try:
                job = await scans.claim(self._db, self._settings.lease_seconds)
            except StorageError as fault:
                log.warning("scanning.database_away", reason=str(fault))
                job = None
            if job is None:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS * uniform(0.5, 1.0)):  # noqa: S311 - spreads load
                        await self._wake.wait()
                continue
            self.busy += 1
            try:
                await self._under_lease(job)
            finally:
                self.busy -= 1

    async def _under_lease(self, job: Job) -> None:
        """Scan a file while its lease is renewed; if it is lost, what is under way ends, and changes nothing."""
        working = asyncio.create_task(self._scan(job), name=f"scan-{job.id}")
        renewing = asyncio.create_task(self._renew(job), name=f"lease-{job.id}")
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (renewing, working):
                task.cancel()
            await asyncio.gather(renewing, working, return_exceptions=True)
        if not working.cancelled() and (fault := working.exception()) is not None:
            log.error("scanning.fault", file=job.id, exc_info=fault)
            self.counters.errors += 1

    async def _renew(self, job: Job) -> None:
        """Until the lease cannot be renewed any more."""
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 4)
            try:
                if not await scans.renew(self._db, job, self._settings.lease_seconds):
                    log.warning("scanning.lease_lost", file=job.id)
                    return
            except StorageError:
                continue  # the verdict asks for the claim again: this is only courtesy

    async def _scan(self, job: Job) -> None:
        with tempfile.TemporaryDirectory(prefix="parley-scan-") as folder:
            path, out = Path(folder, "file"), Path(folder)
            try:
                sha256 = await promotion.fetched(self._store, job, path)
                found = await self._judged(job, path, out)
                if found.verdict == "error":
                    await self._put_off(job, found.detail)
                else:
                    await self._settle(job, found, path, out, sha256)
            except (StoreError, Incomplete) as fault:
                await self._put_off(job, str(fault))
            except StorageError as fault:
                # Whether the verdict was stored is unknown; the lease runs out, and somebody looks again.
                self.counters.errors += 1
                log.warning("scanning.not_stored", file=job.id, reason=str(fault))

    async def _judged(self, job: Job, path: Path, out: Path) -> Finding:
        if job.released and job.state != "clean":
            return await vouched_for(path, job.name, self._limits, out)
        if job.state == "clean":
            return await reinspect(path, job.name, self._engine, self._limits)
        return await inspect(path, job.name, self._engine, self._limits, out)

    async def _put_off(self, job: Job, fault: str) -> None:
        """It stays where it is, unread by anybody, and is tried again later and later."""
        self.counters.errors += 1
        pause = min(self._settings.retry_seconds * 2.0 ** min(job.attempts - 1, 30), self._settings.retry_most_seconds)
        log.warning("scanning.put_off", file=job.id, attempts=job.attempts, seconds=pause, reason=fault)
        with contextlib.suppress(StorageError):
            await scans.put_off(self._db, job, pause * uniform(0.8, 1.2), fault)  # noqa: S311 - spreads load

    async def _settle(self, job: Job, found: Finding, path: Path, out: Path, sha256: str) -> None:
        """Make the verdict true, then take away what no row names any more, then tell it."""
        engine = self.version or self._engine.name
        clean = found.verdict == "clean"
        if job.state == "clean" and clean:
            await scans.confirm(self._db, job, engine)
            self.counters.confirmed += 1
            return
        old = await promotion.below(self._store, job.home) if job.home is not None else job.parts
        home = await promotion.promoted(self._store, path, out, found.variants) if clean else None
        parts = await promotion.withdrawn(self._store, job, path) if job.state == "clean" else job.parts
        verdict = Verdict(
            state=found.verdict,
            engine=f"released; {engine}" if job.released else engine,
            reason=found.reason,
            signature=found.signature,
            sha256=sha256,
            width=found.width if clean else None,
            height=found.height if clean else None,
            home=home,
            variants=list(found.variants) if clean else [],
            parts=[] if clean else parts,
        )
        revision = await scans.judge(self._db, job, verdict)
        if revision is None:
            log.warning("scanning.claim_lost", file=job.id)
            await self._delete(await promotion.below(self._store, home) if home is not None else [])
            return
        self.counters.verdict(found.verdict)
        log.info("scanning.verdict", file=job.id, verdict=found.verdict, reason=found.reason, signature=found.signature)
        if clean or job.state == "clean":
            await self._delete(old)
        await self.tell(job.id)

    async def _delete(self, keys: list[str]) -> None:
        with contextlib.suppress(StoreError):  # what stays is swept
            await self._store.delete(keys)

    # Telling ------------------------------------------------------------------

    async def tell(self, file: Id) -> None:
        """Ask persistence for a `file_scanned` in each conversation that does not know the file's verdict.

        A hint, which is repeated until the log has it.
        """
        for command in commands(await scans.untold(self._db, file)):
            try:
                self._link.send("persistence", command.conversation, payloads.encode(payloads.Commands((command,))))
                self.counters.told += 1
            except LinkError:
                self.counters.unsent += 1

    async def _tell_late(self) -> None:
        for file in await scans.untold_files(self._db):
            await self.tell(file)

    async def _announce(self) -> None:
        """Say what scans here, and whether it answers."""
        self.works, self.version = await self._engine.condition()
        await scans.announce(self._db, self._link.node, self._engine.name, self.version, self.works)

"""What scanning workers do now and then: files are scanned again, verdicts are told late, what nobody holds goes."""

from __future__ import annotations

from uuid import uuid4

import pytest

from storage import scans
from storage.scans import Verdict
from tests.fixtures.http import Site, Someone
from tests.fixtures.uploads import PDF, begin, judged, push, say, uploaded
from workers.scanning.counters import Counters
from workers.scanning.upkeep import Upkeep

pytest_plugins = ["tests.fixtures.http"]
pytestmark = pytest.mark.anyio

DAY = 86_400


def upkeep(site: Site, version: str = "test 1", **more: float) -> Upkeep:
    given = {"rescan_days": 7.0, "rescan_batch": 10, **more}
    return Upkeep(site.db, site.store, Counters(), lambda: version, **given)  # type: ignore[arg-type]  # as given


async def keys(site: Site) -> list[str]:
    return [found.key for area in ("quarantine", "clean") async for found in site.store.list(area)]


async def due(site: Site, id: str) -> bool:
    return bool(await site.db.fetch("SELECT 1 FROM files WHERE id = %s AND due_at IS NOT NULL", [id]))


async def aged(site: Site, id: str, column: str, seconds: float) -> None:
    await site.db.fetch(
        f"UPDATE files SET {column} = {column} - make_interval(secs => %s) WHERE id = %s", [seconds, id]
    )


async def test_uploads_that_were_never_ended_and_files_that_were_never_sent_are_swept(site):
    ann = Someone("Ann", "agent")
    unfinished = (await begin(site, ann)).json()["id"]
    await push(site, ann, unfinished, 0, PDF[:100])
    unsent, sent, young = [await uploaded(site, ann) for _ in range(3)]
    await judged(site, unsent)
    await say(site, ann, await site.conversation(ann), sent)
    for id in (unfinished, unsent, sent):
        await aged(site, id, "expires_at", 3 * DAY)
    counters = Counters()
    await Upkeep(site.db, site.store, counters, lambda: "", rescan_days=0, rescan_batch=1).sweep_files()
    assert counters.swept_files == 2
    rows = await site.db.fetch("SELECT id, state FROM files")
    assert {id for id, state in rows if state == "deleted"} == {unfinished, unsent}
    assert {key.split("/")[1] for key in await keys(site)} == {sent, young}


async def test_objects_that_no_row_names_are_swept_once_they_are_old(site):
    ann = Someone("Ann", "agent")
    held, clean = await uploaded(site, ann), await uploaded(site, ann)
    await judged(site, clean)

    async def bytes_of_nobody():
        yield b"x"

    orphans = [f"quarantine/{uuid4()}/000000000000-a", f"quarantine/{held}/000000000000-b", f"clean/{uuid4()}/original"]
    orphans.append("clean/odd")
    named = set(await keys(site))
    for key in orphans:
        await site.store.put(key, bytes_of_nobody())
    await upkeep(site).sweep_objects(older=3600.0)
    assert set(await keys(site)) == named | set(orphans)
    await upkeep(site).sweep_objects(older=-1.0)
    assert set(await keys(site)) == named


async def test_what_other_signatures_judged_is_scanned_again_and_what_somebody_vouched_for_is_not(site):
    ann = Someone("Ann", "agent")
    old, vouched = await uploaded(site, ann), await uploaded(site, ann)
    await judged(site, old)
    await judged(site, vouched)
    await site.db.fetch("UPDATE files SET released_by = %s WHERE id = %s", [ann.id, vouched])
    await upkeep(site, version="test 1").rescan()
    assert not await due(site, old)
    await upkeep(site, version="").rescan()  # nobody answers, so nobody knows what the signatures are
    assert not await due(site, old)
    await upkeep(site, version="test 2").rescan()
    assert await due(site, old)
    assert not await due(site, vouched)


async def test_what_was_judged_long_ago_is_scanned_again_a_few_at_a_time(site):
    ann = Someone("Ann", "agent")
    files = [await uploaded(site, ann) for _ in range(3)]
    for id in files:
        await judged(site, id)
        await aged(site, id, "scanned_at", 8 * DAY)
    await upkeep(site, rescan_days=0).rescan()
    assert [await due(site, id) for id in files] == [False] * 3
    await upkeep(site, rescan_batch=2).rescan()
    assert [await due(site, id) for id in files] == [True, True, False]


async def test_a_claim_is_one_workers_until_its_lease_ends_and_only_its_holder_judges(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann)
    first = await scans.claim(site.db, 60.0)
    assert first is not None and first.id == id
    assert await scans.claim(site.db, 60.0) is None
    assert await scans.renew(site.db, first, 0.0)
    second = await scans.claim(site.db, 60.0)
    assert second is not None and second.attempts == 2
    assert not await scans.renew(site.db, first, 60.0)
    assert not await scans.put_off(site.db, first, 1.0, "late")
    assert not await scans.confirm(site.db, first, "late")
    assert await scans.judge(site.db, first, Verdict(state="rejected", engine="late", reason="macros")) is None
    assert await scans.judge(site.db, second, Verdict(state="rejected", engine="test", reason="macros")) == 1


async def test_files_that_people_wait_for_come_before_those_that_were_scanned(site):
    ann = Someone("Ann", "agent")
    old = await uploaded(site, ann)
    await judged(site, old)
    await scans.rescan(site.db, older=-1.0, engine=None, most=10)
    new = await uploaded(site, ann)
    claimed = [await scans.claim(site.db, 60.0) for _ in range(2)]
    assert [job.id for job in claimed if job is not None] == [new, old]


async def test_a_verdict_that_was_not_told_is_found_and_one_that_was_is_not(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann)
    room = await site.conversation(ann)
    await say(site, ann, room, id)
    await judged(site, id)
    [untold] = await scans.untold(site.db, id)
    assert (untold.conversation, untold.owner, untold.revision, untold.state) == (room, ann.id, 1, "clean")
    assert await scans.untold_files(site.db) == []  # told in this moment, it may be on its way
    await aged(site, id, "scanned_at", 5)
    assert await scans.untold_files(site.db) == [id]

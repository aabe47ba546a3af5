"""The checker proves itself: bugs that messaging systems die of, planted one at a time, are each caught.

A run without the bug but with the same accidents is sound (`test_accidents`), so it is the bug that is caught.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from bench.fold import Fold
from bench.outbox import Outbox
from bench.session import Session
from tests.faults.load import Mix, RecordingOutbox
from tests.faults.run import Run, running, under_load

pytestmark = [pytest.mark.anyio, pytest.mark.long]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """With a bug in it a system may never come to rest: what is wrong by then is enough."""
    monkeypatch.setattr("tests.faults.run.QUIET_SECONDS", 10.0)
    monkeypatch.setattr("tests.faults.run.STALE_SECONDS", 5.0)
    monkeypatch.setattr("tests.faults.load.RETRY_SECONDS", 5.0)


TALK = Mix(edit=0, delete=0, react=0)
MOVING = Mix(send=60, edit=0, delete=0, react=0, membership=200)


async def nothing(run: Run) -> None:
    await asyncio.sleep(0)


def restarting(*names: str, every: float, times: int):
    """A plan: each of these processes is killed and started again, in turn."""

    async def plan(run: Run) -> None:
        for _ in range(times):
            for name in names:
                await asyncio.sleep(every)
                await run.system.restart(name)

    return plan


async def test_ack_before_commit(database_url):
    plants = {"persistence": ["acks_before_commit=0.3"]}
    async with running(database_url, seed=1, plants=plants) as run:
        plan = restarting("persistence", "persistence-2", every=0.8, times=3)
        verdict = await under_load(run, plan, seconds=6, mix=TALK)
    assert verdict.faults["lost"], verdict.counts


async def test_dedup_off(database_url):
    async with running(database_url, bug="dedup off", seed=2, plants={"persistence": ["swallows_answers=0.2"]}) as run:
        verdict = await under_load(run, nothing, seconds=3, mix=TALK)
    assert verdict.faults["duplicated"], verdict.counts


async def test_one_frame_in_a_thousand_dropped_with_repair_off(database_url, monkeypatch):
    monkeypatch.setattr(Session, "_repairs", lambda self, now: [])
    plants = {"fanout": ["repairs_nothing", "drops_deliveries=1000"], "edge": ["repairs_nothing"]}
    async with running(database_url, seed=3, plants=plants) as run:
        verdict = await under_load(run, nothing, seconds=8, rate=400, mix=TALK)
    assert verdict.faults["stale"], verdict.counts


async def test_seq_by_identity_column(database_url):
    async with running(database_url, bug="seq by identity", seed=4) as run:
        verdict = await under_load(run, nothing, seconds=2, mix=TALK)
    assert verdict.faults["misordered"], verdict.counts


async def test_order_by_clock(database_url):
    plants = {"persistence": ["orders_by_clock"]}
    async with running(database_url, seed=5, clients=10, rooms=2, plants=plants) as run:
        verdict = await under_load(run, nothing, seconds=4, rate=600, mix=TALK)
    assert any("sent before it" in fault for fault in verdict.faults["misordered"]), verdict.counts


async def test_caught_up_over_a_gap(database_url, monkeypatch):
    caught_up = Session._caught_up

    def trusting(self, frame, now):
        fold: Fold = self.folds.open(frame["conversation"])
        fold._held.clear()
        fold.cursor = max(fold.cursor, frame["seq"])
        return caught_up(self, frame, now)

    monkeypatch.setattr(Session, "_caught_up", trusting)
    async with running(database_url, seed=6, plants={"edge": ["says_caught_up_over_a_gap"]}) as run:
        verdict = await under_load(run, restarting("edge", "edge-2", every=1.5, times=1), seconds=5, mix=TALK)
    assert verdict.faults["diverged"], verdict.counts


async def test_resend_under_a_new_id(database_url, monkeypatch):
    due = RecordingOutbox.due

    def forgetful(self: Outbox, now):
        for entry in self:
            if entry.attempts and entry.sent_at is None:
                entry.frame = {**entry.frame, "id": str(uuid4())}
        return due(self, now)

    monkeypatch.setattr(RecordingOutbox, "due", forgetful)
    async with running(database_url, seed=7, plants={"persistence": ["swallows_answers=0.1"]}) as run:
        verdict = await under_load(run, restarting("edge", "edge-2", every=1.0, times=1), seconds=4, mix=TALK)
    assert any("nobody had" in fault for fault in verdict.faults["duplicated"]), verdict.counts


async def test_membership_not_checked_on_replay(database_url):
    async with running(database_url, seed=8, rooms=6, plants={"edge": ["replays_to_anybody"]}) as run:
        plan = restarting("edge", "edge-2", every=1.0, times=3)
        verdict = await under_load(run, plan, seconds=8, mix=MOVING)
    assert verdict.faults["unentitled"], verdict.counts


async def test_authorise_before_looking_up_ids(database_url):
    async with running(
        database_url, bug="authorise before ids", seed=9, rooms=6, plants={"persistence": ["swallows_answers=0.4"]}
    ) as run:
        verdict = await under_load(run, nothing, seconds=5, mix=MOVING)
    assert verdict.faults["aborted"], verdict.counts


async def test_append_without_the_lock(database_url):
    async with running(database_url, bug="no lock", seed=10, rooms=2, plants={"edge": ["asks_every_worker"]}) as run:
        verdict = await under_load(run, nothing, seconds=4, mix=TALK)
    assert not verdict.sound, verdict.counts


async def test_feed_followed_by_time(database_url):
    plants = {
        "persistence": ["tells_fanout_nothing", "commits_late=1"],
        "fanout": ["follows_the_feed_by_time"],
    }
    async with running(database_url, seed=11, rooms=40, plants=plants) as run:
        verdict = await under_load(run, nothing, seconds=8, rate=30, mix=TALK)
    assert verdict.faults["stale"], verdict.counts

"""Members who are removed while events fly or while they are away, and clocks that are wrong: no count moves."""

from __future__ import annotations

import asyncio
import time
from random import Random

import pytest

from bench.tokens import mint
from tests.faults.load import Mix, Talker
from tests.faults.run import Run, running, under_load
from tests.fixtures.system import SECRET, Person

pytestmark = [pytest.mark.anyio, pytest.mark.long]

TALK = Mix(membership=0)
HOUR = 3600.0


async def removed(run: Run, talker: Talker, random: Random) -> str | None:
    """Take this person out of one of its conversations, by somebody of its staff; which one."""
    for room in random.sample(talker.rooms, len(talker.rooms)):
        staff = [one for one in run.talkers if one.person.role == "agent" and room in one.rooms and one is not talker]
        if staff and await staff[0].change_members("DELETE", room, talker.person):
            return room
    return None


def heard_later(run: Run, removals: dict[str, set[str]]) -> int:
    """How many events of a conversation were stored behind the removals of these: what could have reached them."""
    later = 0
    for room, accounts in removals.items():
        log = run.history.logs[room]
        for event in log:
            if event.kind == "member_left" and event.account in accounts:
                later += len(log) - event.seq
    return later


@pytest.mark.parametrize("where", ["in the flight of events", "offline"])
async def test_nothing_reaches_who_was_removed(database_url, where, record_property):
    async def plan(run: Run) -> None:
        random = Random(50)
        await asyncio.sleep(1)
        clients = [talker for talker in run.talkers if talker.person.role == "client"]
        for talker in random.sample(clients, 25):
            if where == "offline":
                await talker.hang_up()
            room = await removed(run, talker, random)
            if room is not None:
                removals.setdefault(room, set()).add(talker.person.id)
            if where == "offline":
                away.append(talker)
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        await asyncio.gather(*(talker.come_back() for talker in away))
        await asyncio.sleep(2)

    away: list[Talker] = []
    removals: dict[str, set[str]] = {}
    async with running(database_url, seed=50, rooms=20) as run:
        verdict = await under_load(run, plan, seconds=8, rate=400, mix=TALK)
        gone = [talker for talker in run.talkers for room in removals if talker.person.id in removals[room]]
        shown = [t.name for t in gone for room in removals if t.person.id in removals[room] and room in t.rooms]
    assert verdict.sound, verdict.faults
    later = heard_later(run, removals)
    record_property("removed", f"{sum(map(len, removals.values()))} people, {later} events behind their removals")
    assert len(gone) >= 20
    assert later >= 500
    assert not shown


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
async def test_a_machine_whose_clock_is_wrong_changes_neither_order_nor_dedup(
    database_url, off, monkeypatch, record_property
):
    """One of each process, a fifth of all answers lost. The host's tokens are old, and last: else they were refused."""

    def token(self: Person) -> str:
        with monkeypatch.context() as past:
            now = time.time()
            past.setattr("bench.tokens.time.time", lambda: now - 1.5 * HOUR)
            return mint(
                SECRET,
                self.id,
                name=self.name,
                email=f"{self.name}@host.example",
                role=self.role,
                seconds=3 * HOUR,
            )

    async def plan(run: Run) -> None:
        for name in ("edge", "persistence-2", "edge-2", "persistence"):
            await asyncio.sleep(1.5)
            await run.system.restart(name)

    monkeypatch.setattr(Person, "token", token)
    wrong = [f"is_off_by={off}"]
    lossy = "swallows_answers=0.2"
    plants = {
        "broker-2": wrong,
        "fanout-2": wrong,
        "edge-2": wrong,
        "persistence-2": [*wrong, lossy],
        "persistence": [lossy],
    }
    async with running(database_url, seed=51, plants=plants) as run:
        verdict = await under_load(run, plan, seconds=9)
        resent = sum(len(op.sends) > 1 for op in run.history.operations.values())
    assert verdict.sound, verdict.faults
    record_property("clock", f"{verdict.acked} acked, {resent} sent again")
    assert verdict.acked > 700

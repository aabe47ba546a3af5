"""Expired sessions are forgotten now and then, whatever the database did the last time."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from edge.upkeep import PRUNE_SECONDS, pause, prune_for_ever
from storage.errors import Unavailable

pytestmark = pytest.mark.anyio


def test_edges_that_started_together_drift_apart():
    pauses = [pause(Random(seed)) for seed in range(100)]
    assert PRUNE_SECONDS / 2 <= min(pauses) < max(pauses) <= PRUNE_SECONDS * 1.5
    assert len(set(pauses)) == 100


async def test_a_database_that_is_away_is_asked_again():
    answers = iter([Unavailable(), 0, 3])
    asked = asyncio.Event()

    async def prune() -> int:
        answer = next(answers, None)
        if answer is None:
            asked.set()
            return 0
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    task = asyncio.create_task(prune_for_ever(prune, Random(1), seconds=0.001))
    await asyncio.wait_for(asked.wait(), 5)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

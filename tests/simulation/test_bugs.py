"""The simulation proves itself: each bug that is planted is found."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.test_schedules import simulate

MOST = 1000
FOUND_BY = {
    "rights before ids": 185,
    "membership not checked on replay": 512,
    "caught up over a gap": 798,
    "a missed announcement goes unnoticed": 256,
    "the client skips gaps": 154,
    "a resend leaves out the first of a batch": 180,
    "nobody announces before reading": 1240,
    "acknowledged before the commit": 127,
}
"""Where to begin: the first schedule that found it when this was written. The others are found by the first ten."""


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_planted_bug_is_found(name):
    code, said = simulate("--bug", name, "--first", str(FOUND_BY.get(name, 0)), "--count", str(MOST))
    assert code == 0, said
    assert "is found by schedule" in said

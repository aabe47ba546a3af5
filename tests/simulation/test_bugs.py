"""The simulation proves itself: each bug that is planted is found."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.test_schedules import simulate

MOST = 300
MOST_OF_RARE = 4000
RARE = frozenset(
    {
        "rights before ids",
        "membership not checked on replay",
        "caught up over a gap",
        "a missed announcement goes unnoticed",
        "the client skips gaps",
        "a resend leaves out the first of a batch",
    }
)
"""What takes several things at once, and shows in one schedule of a hundred, or of a thousand."""


@pytest.mark.parametrize("name", sorted(BUGS.keys() - RARE))
def test_a_planted_bug_is_found(name):
    code, said = simulate("--bug", name, "--count", str(MOST))
    assert code == 0, said
    assert "is found by schedule" in said


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(RARE))
def test_a_planted_bug_that_shows_seldom_is_found(name):
    code, said = simulate("--bug", name, "--count", str(MOST_OF_RARE))
    assert code == 0, said
    assert "is found by schedule" in said

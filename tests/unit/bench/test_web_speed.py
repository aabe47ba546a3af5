"""The table of the web app's speed, and the texts that it is measured with."""

from __future__ import annotations

import pytest

from bench.web import GOALS, body, main, table


def test_a_figure_stands_beside_its_goal_and_says_whether_it_is_met() -> None:
    told = table({"drawn_ms": 12.345, "scroll_ratio": 1.5})
    assert "| own message on screen after Enter (p95) | ≤ 50 ms | 12.35 ms | yes |" in told
    assert "≤ 1.2 times | 1.5 times | **no** |" in told
    assert len(told.splitlines()) == 4


def test_goals_are_told_once_each() -> None:
    assert len({goal.figure for goal in GOALS}) == len(GOALS)


def test_texts_are_of_every_length_and_differ() -> None:
    bodies = [body(number) for number in range(200)]
    assert len(set(bodies)) == 200
    assert min(map(len, bodies)) < 12
    assert max(map(len, bodies)) > 250


def test_an_unknown_part_is_refused_before_anything_starts() -> None:
    with pytest.raises(SystemExit):
        main(["--only", "load,nothing"], {})

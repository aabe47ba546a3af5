"""The speed table: goals, medians, verdicts, and how they are shown."""

from __future__ import annotations

import json
import math

import pytest

from bench import table
from bench.groups import SetupError
from bench.rows import ROWS, Goal, Result, Row, Run

ROW = Row("even", "1,000 msg/s", (Goal("p99", 15), Goal("rate", 900, "msg/s", at_least=True)), lambda rig: [])


def result(*figures: tuple[float, float], sound: bool = True) -> Result:
    details = {
        "delivery_curve": [[0.0, 1.0], [1.0, 9.0]],
        "delivery_course": [{"at": 0.5, "measured": 9, "p50": 1.0, "p99": 2.0, "max": 3.0}],
    }
    return Result(ROW, [Run({"p99": p99, "rate": rate}, sound, 1.5, details) for p99, rate in figures])


def test_each_figure_is_the_median_of_its_runs():
    assert result((9, 1000), (50, 800), (12, 950)).figures == {"p99": 12, "rate": 950}


@pytest.mark.parametrize(
    ("figures", "sound", "met"),
    [((15, 900), True, True), ((15.1, 900), True, False), ((15, 899), True, False), ((15, 900), False, False)],
)
def test_a_row_is_met_when_every_goal_is_and_nothing_was_wrong(figures, sound, met):
    assert result(figures, sound=sound).met is met


def test_no_figure_meets_no_goal():
    assert not Goal("p99", 15).met(math.nan)
    assert not Goal("rate", 15, at_least=True).met(math.nan)


def test_the_table_is_markdown_and_says_what_is_not_met():
    shown = table.text([result((9, 1000), (9, 1000)), result((99, 1000), sound=False)]).splitlines()
    assert [cell.strip() for cell in shown[0].split("|")[1:-1]] == list(table.HEADS)
    assert set(shown[1]) == {"|", "-"}
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown[2:]]
    assert cells[0] == [
        "1,000 msg/s",
        "p99 ≤ 15 ms, rate ≥ 900 msg/s",
        "p99 9 ms, rate 1,000 msg/s",
        "1.5 to 1.5",
        "yes",
    ]
    assert cells[1][2].endswith("(NOT SOUND)")
    assert cells[1][3:] == ["1.5", "**no**"]
    assert len({len(line) for line in shown}) == 1


def test_the_page_has_the_pictures_of_rows_with_latencies():
    html = table.html([result((9, 1000)), Result(ROW, [Run({"p99": 1, "rate": 1}, True, 0.0)])], "here")
    assert html.count("<svg") == 2
    assert html.count("<h2>") == 1


def test_the_rows_are_those_that_the_command_knows():
    given = table.arguments(["--rows", "crowd,even", "--quick"])
    assert [row.key for row in given.rows] == ["crowd", "even"]
    assert given.runs == 1
    assert table.arguments([]).runs == 3
    assert [row.key for row in table.arguments([]).rows] == [row.key for row in ROWS]


def test_a_row_that_is_not_there_is_refused(capsys):
    with pytest.raises(SystemExit):
        table.arguments(["--rows", "even,odd"])
    assert "no such row: odd" in capsys.readouterr().err


@pytest.mark.parametrize(("p99", "status"), [(9.0, 0), (99.0, 1)])
def test_the_command_prints_keeps_and_exits_by_the_goals(p99, status, tmp_path, monkeypatch, capsys):
    row = Row("even", "a load", (Goal("p99", 15),), lambda rig: [Run({"p99": p99}, True, 0.5) for _ in range(rig.runs)])
    monkeypatch.setattr(table, "ROWS", (row,))
    assert table.main(["--results", str(tmp_path)], {}) == status
    assert "| a load |" in capsys.readouterr().out
    (data,) = tmp_path.glob("*.json")
    kept = json.loads(data.read_bytes())
    assert kept["rows"][0]["figures"] == {"p99": p99}
    assert len(kept["rows"][0]["runs"]) == 3
    assert [path.stem for path in tmp_path.glob("*.html")] == [data.stem]


def test_what_cannot_be_measured_is_said(monkeypatch, capsys, tmp_path):
    def measure(rig):
        raise SetupError("The instance does not start: no room.")

    monkeypatch.setattr(table, "ROWS", (Row("even", "a load", (), measure),))
    assert table.main(["--results", str(tmp_path)], {}) == 2
    assert "no room" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

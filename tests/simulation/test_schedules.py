"""A thousand schedules, and that a schedule is what its seed says. The ten thousand are CI's (`.ci/run`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SCHEDULES = 1000


def simulate(*arguments: str) -> tuple[int, str]:
    """`python -m tests.simulation`: its exit code and what it printed. Coverage is not measured."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.simulation", *arguments],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            "PYTHONHASHSEED": "0",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_thousand_schedules_keep_every_promise():
    code, said = simulate("--count", str(SCHEDULES), "--json")
    assert code == 0, said
    sums: dict[str, Any] = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert sums["schedules"] >= SCHEDULES
    assert sums["failed"] == []
    assert sums["fewest"]["steps"] >= 500
    assert sums["fewest"]["faults"] >= 3
    assert min(sums["faults"].values()) > 0
    assert sums["acked"] > 10 * SCHEDULES


def test_a_seed_gives_the_same_schedule_step_by_step():
    first, second = simulate("--seed", "7"), simulate("--seed", "7")
    assert first == second
    assert "step by step the same" in first[1]


def test_a_failing_schedule_is_named_by_its_seed():
    code, said = simulate("--bug", "ids forgotten", "--count", "50")
    assert code == 0, said
    assert "is found by schedule" in said
    assert "duplicated: " in said

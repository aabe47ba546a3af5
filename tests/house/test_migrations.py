"""Migrations come in pairs, one number each, forward and back."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.house.tree import ROOT

NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.(up|down)\.sql")


def faults(names: Iterable[str]) -> list[str]:
    """What is wrong with a folder of these files."""
    found, pairs = [], {}
    for name in sorted(names):
        match = NAME.fullmatch(name)
        if match is None:
            found.append(f"{name} is not named NNNN_what.up.sql or .down.sql")
        else:
            pairs.setdefault(match[1], []).append((match[2], match[3]))
    for number, halves in pairs.items():
        if len({what for what, _ in halves}) != 1 or sorted(way for _, way in halves) != ["down", "up"]:
            found.append(f"{number} is not one pair of up and down: {halves}")
    if sorted(pairs) != [f"{number:04d}" for number in range(1, len(pairs) + 1)]:
        found.append(f"the numbers are not 0001, 0002, …: {sorted(pairs)}")
    return found


def test_every_migration_goes_forward_and_back():
    names = [path.name for path in (ROOT / "storage" / "migrations").glob("*.sql")]
    assert names
    assert not faults(names)


@pytest.mark.parametrize(
    "names",
    [
        ["0001_log.up.sql"],
        ["0001_log.up.sql", "0001_lag.down.sql"],
        ["0002_log.up.sql", "0002_log.down.sql"],
        ["0001_log.up.sql", "0001_log.down.sql", "0001_b.up.sql", "0001_b.down.sql"],
        ["1_log.sql"],
    ],
)
def test_a_planted_fault_is_found(names):
    assert faults(names)

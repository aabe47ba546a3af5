"""docs/backbone.md says what the code does: frames, reasons, limits, and the example byte by byte."""

from __future__ import annotations

import re

import pytest

from broker.wire import limits
from broker.wire.envelope import REASONS, Op, pack
from tests.house.tree import ROOT

LIMITS = {name: value for name, value in vars(limits).items() if name.isupper()}
EXAMPLE = pack(1000, 990, 135, 0, [(int(Op.TO_KEY), 7, "persistence", "k1", 5000, b"payload")])


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docs" / "backbone.md").read_text()


def rows(text: str, head: str) -> list[tuple[str, str]]:
    """First and second cell of every row of the table under that head."""
    table = text.split(f"\n{head}", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)` \| ([^|]*?) \|", table, re.MULTILINE)


def test_every_frame_is_explained_with_its_number(text):
    assert rows(text, "| frame |") == [(op.name, str(int(op))) for op in Op]


def test_every_reason_is_explained(text):
    assert {reason for reason, _ in rows(text, "| reason |")} == REASONS


def test_every_limit_is_told_with_its_value(text):
    assert dict(rows(text, "| limit |")) == {name: str(value) for name, value in LIMITS.items()}


def test_the_example_is_what_is_sent(text):
    assert EXAMPLE.hex(" ") in text

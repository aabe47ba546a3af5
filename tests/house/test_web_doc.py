"""docs/web.md claims nothing without a test or a picture that exists."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT

DOCUMENT = (ROOT / "docs/web.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| (.+) \|$", DOCUMENT.partition("what shows it")[2], re.MULTILINE)[1:]
EVIDENCE = re.compile(r"`([^`:]+)(?:::([^`]+))?`")


@pytest.mark.parametrize(("what", "shown"), ROWS, ids=[what for what, _ in ROWS])
def test_what_the_web_app_does_is_shown_by_something_or_said_to_be_missing(what: str, shown: str):
    found = EVIDENCE.findall(shown)
    assert found or shown.startswith("not yet"), f"nothing shows: {what}"
    for path, name in found:
        assert (ROOT / path).is_file(), path
        if name:
            text = (ROOT / path).read_text()
            written = f"def {name}(" if path.endswith(".py") else f"it('{name}"
            assert written in text, f"{path} has no test {name!r}"


def test_the_table_is_read():
    assert len(ROWS) > 25
    assert all(what != "---" for what, _ in ROWS)

"""SQL by name."""

from __future__ import annotations

import pytest

from storage.statements import FOLDER, statements


def test_a_file_is_split_at_its_names(tmp_path):
    (tmp_path / "x.sql").write_text("-- name: one\n-- What it promises.\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")
    assert statements("x", tmp_path) == {"one": "-- What it promises.\nSELECT 1", "two": "SELECT 2"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [("SELECT 0;\n-- name: one\nSELECT 1;\n", "before"), ("-- name: a\nSELECT 1;\n" * 2, "twice")],
)
def test_a_file_that_would_hide_a_statement_is_refused(tmp_path, text, fault):
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(ValueError, match=fault):
        statements("x", tmp_path)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_every_statement_of_ours_says_what_it_promises(path):
    for name, text in statements(path.stem).items():
        assert text.startswith("--"), f"{path.name}: {name} has no comment"

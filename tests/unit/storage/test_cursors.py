"""Cursors of lists: opaque, exact, and refused when they are none of ours."""

from __future__ import annotations

from uuid import UUID

import pytest

from storage.cursors import after_name, decoded, encoded, following
from storage.errors import Invalid

ID = "0123abcd-0123-4567-89ab-0123456789ab"


@pytest.mark.parametrize("name", ["", "Bo", "é 'quoted' \"twice\"", "line\nbreak", "🙂"])
def test_a_cursor_names_the_place_it_was_made_of(name):
    assert decoded(encoded(name, ID), str, UUID) == (name, UUID(ID))
    assert set(encoded(name, ID)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "%",
        encoded(),
        encoded("a"),
        encoded("a", "b"),
        encoded("a", ID, "c"),
        encoded("\0", ID),
        "e30",
        "MQ",
    ],
)
def test_what_is_none_of_ours_is_refused(cursor):
    with pytest.raises(Invalid) as fault:
        decoded(cursor, str, UUID)
    assert fault.value.field == "after"


def test_the_last_page_has_no_next():
    rows = [("a", 1), ("b", 2), ("c", 3)]
    assert following(rows, 3, 0, 1) is None
    cursor = following(rows, 2, 0, 1)
    assert cursor is not None
    assert decoded(cursor, str, int) == ("b", 2)


def test_a_list_by_name_begins_before_every_name():
    assert after_name(None) == {"after_name": "", "after_id": str(UUID(int=0))}
    assert after_name(encoded("bo", ID)) == {"after_name": "bo", "after_id": ID}

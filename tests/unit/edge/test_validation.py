"""Faults of msgspec taken apart, and the one spelling of an id."""

from __future__ import annotations

import msgspec
import pytest

from edge.validation import canonical_id, explained

ID = "0123abcd-0123-4567-89ab-0123456789ab"


class Inner(msgspec.Struct):
    number: int


class Outer(msgspec.Struct):
    name: str
    inner: Inner | None = None
    many: list[Inner] = []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (b"[]", None),
        (b"{}", "name"),
        (b'{"name":1}', "name"),
        (b'{"name":"x","inner":{}}', "inner"),
        (b'{"name":"x","inner":{"number":"y"}}', "inner"),
        (b'{"name":"x","many":[{"number":1},{"number":"y"}]}', "many"),
    ],
)
def test_the_outermost_field_is_named(given: bytes, field: str | None):
    with pytest.raises(msgspec.ValidationError) as fault:
        msgspec.json.decode(given, type=Outer)
    what, found = explained(fault.value)
    assert found == field
    assert what
    assert "$" not in what


def test_an_id_has_one_spelling():
    assert canonical_id(ID) == canonical_id(ID.upper()) == ID


@pytest.mark.parametrize(
    "text", ["", "x", ID[:-1], ID + "0", ID + "\n", " " + ID, f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}",
             ID.replace("0123456789ab", "0123_56789ab"), ID.replace("0", "\u0660"), ID.replace("-", "\u2010")]
)  # fmt: skip
def test_what_python_would_take_for_a_uuid_is_none(text: str):
    assert canonical_id(text) is None

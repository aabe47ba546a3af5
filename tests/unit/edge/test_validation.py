"""Faults of msgspec taken apart, and the one spelling of an id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import pytest

from edge.socket.frames import AnyId
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


class Limited(msgspec.Struct):
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)] = "x"
    code: Annotated[str, msgspec.Meta(min_length=3, max_length=3)] = "abc"
    seq: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    members: Annotated[tuple[AnyId, ...], msgspec.Meta(max_length=1)] = ()
    heads: Annotated[dict[AnyId, int], msgspec.Meta(max_length=1)] = {}
    word: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "a"
    role: Literal["client", "agent"] = "client"
    on: bool | None = None
    inner: Inner | None = None
    at: datetime | None = None


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""


OTHER = ID.replace("0", "1")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"body": "x" * 10_001}, "`body` has at most 10000 characters."),
        ({"body": ""}, "`body` may not be empty."),
        ({"code": "ab"}, "`code` has at least 3 characters."),
        ({"seq": 0}, "`seq` is at least 1."),
        ({"seq": 10}, "`seq` is at most 9."),
        ({"seq": "1"}, "`seq` must be a whole number, not a text."),
        ({"seq": 1.5}, "`seq` must be a whole number, not a number."),
        ({"members": [ID, OTHER]}, "`members` has at most 1 entry."),
        ({"members": ["x"]}, "An entry of `members` must be a UUID, like 0f6f3a3b-7d21-4e0c-8a43-6f1c1c0e9d0b."),
        ({"members": [1]}, "An entry of `members` must be a text, not a whole number."),
        ({"members": {}}, "`members` must be a list, not a map."),
        ({"heads": {"x": 1}}, "A key of `heads` must be a UUID, like 0f6f3a3b-7d21-4e0c-8a43-6f1c1c0e9d0b."),
        ({"heads": {ID: 1, OTHER: 1}}, "`heads` has at most 1 entry."),
        ({"heads": {ID: None}}, "An entry of `heads` must be a whole number, not null."),
        ({"word": "A"}, "`word` is not written as it must be."),
        ({"role": "emperor"}, "`role` cannot be 'emperor'."),
        ({"on": 1}, "`on` must be true or false or null, not a whole number."),
        ({"inner": {}}, "`inner` lacks `number`."),
        ({"at": "yesterday"}, "`at` is not valid."),
        ([], "It must be a map, not a list."),
    ],
)
def test_a_fault_is_said_in_words_for_a_person(given: object, words: str):
    with pytest.raises(msgspec.ValidationError) as fault:
        msgspec.json.decode(msgspec.json.encode(given), type=Limited)
    assert explained(fault.value)[0] == words


def test_what_is_missing_or_not_known_is_named():
    with pytest.raises(msgspec.ValidationError) as missing:
        msgspec.json.decode(b"{}", type=Outer)
    assert explained(missing.value) == ("`name` is missing.", "name")
    with pytest.raises(msgspec.ValidationError) as unknown:
        msgspec.json.decode(b'{"nme":1}', type=Closed)
    assert explained(unknown.value) == ("It knows no field `nme`.", None)


def test_an_id_has_one_spelling():
    assert canonical_id(ID) == canonical_id(ID.upper()) == ID


@pytest.mark.parametrize(
    "text", ["", "x", ID[:-1], ID + "0", ID + "\n", " " + ID, f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}",
             ID.replace("0123456789ab", "0123_56789ab"), ID.replace("0", "\u0660"), ID.replace("-", "\u2010")]
)  # fmt: skip
def test_what_python_would_take_for_a_uuid_is_none(text: str):
    assert canonical_id(text) is None

"""The OpenAPI document: valid, complete, and with examples that are what they illustrate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from edge.api import TABLE
from edge.api.openapi import TAGS
from edge.problems import STATUS
from tests.fixtures.described import check_answer, document, of_component, validator

OPERATIONS = [(method, path, operation) for path, methods in TABLE.items() for method, operation in methods.items()]


def media(node: Any) -> Iterator[dict[str, Any]]:
    """Every media type of the document: a schema with its examples."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield node
        for part in node.values():
            yield from media(part)
    elif isinstance(node, list):
        for part in node:
            yield from media(part)


def test_the_document_is_one():
    validate(document())


def test_every_operation_is_in_it_under_a_heading_that_is_explained():
    paths = document()["paths"]
    for method, path, operation in OPERATIONS:
        described = paths[path][method.lower()]
        assert described["summary"] == operation.summary
        assert set(described["tags"]) <= TAGS.keys()
        assert described["security"] == ([] if operation.by == "anyone" else [{"token": []}])
    assert {tag for methods in paths.values() for one in methods.values() if "tags" in one for tag in one["tags"]} == (
        TAGS.keys()
    )


def test_no_two_operations_share_an_id():
    ids = [one["operationId"] for methods in document()["paths"].values() for one in methods.values() if "tags" in one]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def test_every_code_of_http_is_explained_where_it_may_come():
    refusals = document()["components"]["responses"]
    told = {code for name in refusals for code in name.split(".")[1:]}
    assert told == STATUS.keys() - {"method_not_allowed"}


def test_every_example_is_what_it_illustrates():
    components = document()["components"]["schemas"]
    examples = list(media(document()))
    assert len(examples) > len(OPERATIONS)
    for one in examples:
        for name, example in one["examples"].items():
            errors = list(validator(one["schema"], components).iter_errors(example["value"]))
            assert not errors, (name, errors)
    for name, component in components.items():
        for example in component.get("examples", []):
            errors = list(of_component(name).iter_errors(example))
            assert not errors, (name, errors)


@pytest.mark.parametrize(
    "kind",
    sorted({one.takes for *_, one in OPERATIONS if one.takes is not None}, key=lambda kind: kind.__name__),
    ids=lambda kind: kind.__name__,
)
def test_what_a_request_shows_as_example_is_taken(kind: type[msgspec.Struct]):
    assert msgspec.convert(kind.EXAMPLE, kind)  # type: ignore[attr-defined]  # tests/house says that it has one


ME = b'{"id":"9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b","name":"x","email":"y","role":"client"}'
REFUSED = b'{"type":"urn:parley:problem:closed","title":"x","status":409,"code":"closed","detail":"x"}'


def test_an_answer_that_the_document_tells_of_passes():
    check_answer("GET", "/api/v1/me", 200, "application/json", ME)
    check_answer("POST", "/api/v1/conversations/x/messages", 409, "application/problem+json", REFUSED)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "application/json", ME.replace(b'"role"', b'"rank":1,"role"')),
        (200, "application/json", ME.replace(b"client", b"guest")),
        (200, "application/json", ME.replace(b"9a1f", b"9A1F")),
        (200, "text/plain", ME),
        (200, "application/json", b""),
        (201, "application/json", ME),
        (409, "application/problem+json", REFUSED),
    ],
)
def test_an_answer_that_the_document_does_not_tell_of_is_noticed(status: int, content_type: str, body: bytes):
    with pytest.raises(AssertionError):
        check_answer("GET", "/api/v1/me", status, content_type, body)

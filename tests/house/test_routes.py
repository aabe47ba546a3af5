"""Every route says what it is, and docs/protocol.md has it; every route of docs/protocol.md is there."""

from __future__ import annotations

import re

import pytest

from edge.api import API, TABLE
from edge.api.operations import PATH_PARAMETERS, Operation, parameters_in
from edge.codes import MESSAGES
from tests.house.tree import ROOT

ROUTES = [(method, path, operation) for path, methods in TABLE.items() for method, operation in methods.items()]
WRITTEN = re.compile(r"^(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) +(/[^\s?]*)", re.MULTILINE)
AT_THE_ROOT = re.compile(r"`(GET) (/[^\s?`]*)`")

each = pytest.mark.parametrize(
    ("method", "path", "operation"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES]
)


def documented() -> set[tuple[str, str]]:
    """Method and path of every route in docs/protocol.md."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    http = text.partition("## HTTP")[2].partition("\n## ")[0]
    return {(method, API + path) for method, path in WRITTEN.findall(http)} | set(AT_THE_ROOT.findall(http))


def test_the_routes_of_the_protocol_are_those_of_the_table():
    assert {(method, path) for method, path, _ in ROUTES} == documented()


@each
def test_a_route_says_in_a_sentence_what_it_does(method: str, path: str, operation: Operation):
    assert operation.summary.endswith((".", ":")) or operation.summary[-1:].isalnum()


@each
def test_what_a_route_takes_and_answers_has_words_and_an_example(method: str, path: str, operation: Operation):
    for kind in operation.structs:
        assert kind.__doc__
        assert getattr(kind, "EXAMPLE", None), f"{kind.__name__} has no EXAMPLE"


@each
def test_a_routes_parameters_and_codes_are_known(method: str, path: str, operation: Operation):
    assert set(parameters_in(path)) <= PATH_PARAMETERS.keys()
    assert operation.codes(path) <= MESSAGES.keys()
    assert operation.gives

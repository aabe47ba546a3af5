"""Every code that a client may meet is explained in docs/protocol.md."""

from __future__ import annotations

import ast
import re

import pytest

from edge.codes import MESSAGES
from tests.house.tree import ROOT, modules

CLOSE = range(4400, 4600)  # the range of ours: 4000 to 4999 are free for applications (RFC 6455, 7.4.2)
SPEAKERS = ("edge", "storage", "workers")
QUOTED = re.compile(r"`([a-z][a-z_]+)`")


def error_codes(source: str) -> set[str]:
    """What a module names as a code: `code = "x"`, `code="x"`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "code":
            found |= _text(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "code" for target in targets):
                found |= _text(node.value)
    return found


def _text(node: ast.expr | None) -> set[str]:
    named = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    return {node.value} if named else set()  # type: ignore[union-attr]  # `named` says that it is a constant


def close_codes(source: str) -> set[int]:
    """Numbers in a module that close a WebSocket."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value in CLOSE
    }


def sources() -> list[str]:
    """The text of every module that speaks to clients, itself or through another."""
    return [path.read_text() for module, path in modules() if module.split(".")[0] in SPEAKERS]


@pytest.fixture(scope="module")
def protocol() -> str:
    return (ROOT / "docs" / "protocol.md").read_text()


def test_every_error_code_is_explained(protocol):
    used = set(MESSAGES).union(*(error_codes(source) for source in sources()))
    assert not used - set(QUOTED.findall(protocol))


def test_every_error_code_has_words_for_a_person():
    used = set[str]().union(*(error_codes(source) for source in sources()))
    assert not used - MESSAGES.keys()


def test_every_close_code_is_explained(protocol):
    used = set[int]().union(*(close_codes(source) for source in sources()))
    assert used
    assert not {code for code in used if str(code) not in protocol}


def test_a_planted_code_is_found():
    source = 'class Odd(Exception):\n    code = "odd"\nrefuse(code="odder")\nclose(4499)\n'
    assert error_codes(source) == {"odd", "odder"}
    assert close_codes(source) == {4499}

"""What every file of ours is like: named after what it holds, short, introduced, and free of a machine's traces."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import files, modules, shown

LONGEST = 400
DRAWERS = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}

# Written in pieces, so that this file does not hold what it forbids.
REGISTRIES = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js.org", "registry.yarnpkg" + ".com"]
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|home/\w+|Users/\w+)/[\w.-]")

EXCEPTION = re.compile(r"#\s*(?:ruff:\s*)?noqa\b|#\s*type:\s*ignore\b|#\s*pragma:\s*no (?:cover|branch)\b")
REASONED = re.compile(
    r"#\s*(?:(?:ruff:\s*)?noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w, -]+\]|pragma:\s*no (?:cover|branch))"
    r"\s*(?:#|—|-|:)\s*\S.{5,}"
)


def drawer_in(path: Path) -> bool:
    """Is a part of the path a drawer, where anything could lie?"""
    return any(part in DRAWERS for part in path.with_suffix("").parts)


def unexplained(text: str) -> list[str]:
    """Lines that switch a check off without a code or without a reason."""
    return [line.strip() for line in text.splitlines() if EXCEPTION.search(line) and not REASONED.search(line)]


def traces(text: str) -> list[str]:
    """Lines that name a package registry, or a path that exists on one machine only."""
    return [
        line.strip()
        for line in text.splitlines()
        if any(host in line for host in REGISTRIES) or MACHINE_PATH.search(line)
    ]


def test_no_module_is_a_drawer():
    found = [shown(path) for _, path in modules() if drawer_in(Path(shown(path)))]
    assert not found, f"name a module after the noun that it holds: {found}"


def test_no_file_is_longer_than_four_hundred_lines():
    suffixes = (".py", ".sql", ".ts", ".vue", ".css")
    found = {shown(path): length for path in files(*suffixes) if (length := _length(path)) > LONGEST}
    assert not found, f"a file that wants to be longer usually holds two nouns: {found}"


def _length(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_every_module_says_what_it_is_for():
    found = []
    for module, path in modules():
        tree = ast.parse(path.read_text())
        if tree.body and not ast.get_docstring(tree):
            found.append(module)
    assert not found, f"modules without a docstring: {found}"


def test_every_exception_to_a_check_has_a_code_and_a_reason():
    here = Path(__file__)
    texts = {shown(path): path.read_text() for path in files(".py") if path != here}
    found = [f"{name}: {line}" for name, text in texts.items() for line in unexplained(text)]
    assert not found, "\n".join(found)


def test_no_file_names_a_registry_or_a_path_of_one_machine():
    texts = {shown(path): path.read_text() for path in files() if path.name != "LICENSE"}
    found = [f"{name}: {line}" for name, text in texts.items() for line in traces(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["edge/utils.py", "broker/common/x.py", "storage/manager.py", "tests/helpers/a.py"])
def test_a_planted_drawer_is_found(name):
    assert drawer_in(Path(name))


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # " + "noqa",
        "x = 1  # " + "noqa: S603",
        "x = 1  # " + "type: ignore",
        "x = 1  # " + "type: ignore[arg-type]",
        "x = 1  # " + "type: ignore  # because I say so",
        "x = 1  # " + "pragma: no cover",
    ],
)
def test_a_planted_exception_without_a_reason_is_found(line):
    assert unexplained(line)


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # " + "noqa: S603 — our own binary",
        "x = 1  # " + "noqa: S603, S607 - our own binary",
        "x = 1  # " + "type: ignore[arg-type]  # any ASGI application",
        "x = 1  # " + "pragma: no cover — only on a kernel without pidfd",
    ],
)
def test_an_exception_with_its_reason_is_left_alone(line):
    assert not unexplained(line)


@pytest.mark.parametrize(
    "line", ["index = https://" + REGISTRIES[0] + "/simple", "cd /" + "work/main", 'open("/' + 'home/ann/x")']
)
def test_a_planted_trace_is_found(line):
    assert traces(line)


@pytest.mark.parametrize(
    "line", ["GET /api/v1/me", "https://example.org/home/page", "broker/wo" + "rk/x", "/tmp/parley-1"]
)
def test_an_ordinary_path_is_no_trace(line):
    assert not traces(line)

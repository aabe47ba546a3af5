"""Every setting has its row in docs/settings.md, with its true default, and every row has its setting."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import msgspec
import pytest

from tests.house.tree import ROOT, modules, shown

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)
READ = re.compile(r"\benv(?:iron)?(?:\.get\(|\[)\"([A-Z][A-Z0-9_]+)\"")
NOT_SETTINGS = {"PATH", "HOME", "USER", "COLUMNS", "LINES", "XDG_STATE_HOME", "PARLEY_PASSWORD", "CHROMIUM"}
"""Names of the terminal, of the chat client, which is a guest of the public protocol, and of what tests the web app."""


def structs() -> list[tuple[str, type[msgspec.Struct], str, frozenset[str]]]:
    """Every struct of settings with its module, prefix and shared names."""
    found = []
    for module, _ in modules():
        if module.endswith(".settings") and not module.startswith("tests."):
            loaded = importlib.import_module(module)
            for _, kind in inspect.getmembers(loaded, inspect.isclass):
                if issubclass(kind, msgspec.Struct) and kind.__module__ == module:
                    found.append((module, kind, loaded.PREFIX, getattr(loaded, "SHARED", frozenset())))
    return found


def defaults() -> dict[str, set[str]]:
    """The name of every setting, with its default as the structs that read it have it."""
    found: dict[str, set[str]] = {}
    for _, kind, prefix, shared in structs():
        for field in msgspec.structs.fields(kind):
            name = field.name.upper() if field.name in shared else prefix + field.name.upper()
            found.setdefault(name, set()).add(written(field.default))
    return found


def written(default: Any) -> str:
    """A default as the table writes it."""
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None or default == "" or default == ():
        return "unset"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def rows(text: str) -> dict[str, str]:
    """Name and default of every row."""
    return {name: default.strip() for name, default, _ in ROW.findall(text)}


def faults(text: str, known: dict[str, set[str]]) -> list[str]:
    """Where the text and the structs differ."""
    told = rows(text)
    found = [f"{name} has no row" for name in sorted(known.keys() - told.keys())]
    found += [f"{name} is no setting" for name in sorted(told.keys() - known.keys())]
    for name in sorted(known.keys() & told.keys()):
        if known[name] != {told[name]}:
            found.append(f"{name}: the text says {told[name]}, the code {' or '.join(sorted(known[name]))}")
    return found


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docs" / "settings.md").read_text()


def test_the_table_of_settings_is_true(text):
    assert not faults(text, defaults()), "\n".join(faults(text, defaults()))


def test_every_name_has_one_row(text):
    names = [name for name, _, _ in ROW.findall(text)]
    assert len(names) == len(set(names))


def test_every_struct_is_frozen_and_refuses_unknown_fields():
    for module, kind, _, _ in structs():
        config = kind.__struct_config__
        assert config.frozen, module
        assert config.forbid_unknown_fields, module


def test_no_code_reads_a_name_that_the_table_does_not_have(text):
    known = rows(text).keys() | NOT_SETTINGS
    found = [
        f"{shown(path)}: {name}"
        for module, path in modules()
        if not module.startswith("tests.")
        for name in READ.findall(path.read_text())
        if name not in known
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    ["", "| `PORT` | `9` | where |", "| `PORT` | `8000` | where |\n| `PART` | unset | what |"],
    ids=["no row", "another default", "a row without a setting"],
)
def test_a_planted_difference_is_found(text):
    assert len(faults(text, {"PORT": {"`8000`"}})) == 1

"""The locks: hashed, alike where they overlap, and holding what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.house.tree import ROOT

PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+?)(?: ;[^\\]*)? \\$", re.MULTILINE)
WISH = re.compile(r"^[A-Za-z0-9._-]+")


def pins(name: str) -> dict[str, str]:
    """Package and version of every line of a lock."""
    return dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text()))


def wishes() -> dict[str, set[str]]:
    """What pyproject.toml asks for, by lock."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = read["project"], read["dependency-groups"]
    run = {_plain(wish) for wish in project["dependencies"]}
    run |= {_plain(wish) for wish in project["optional-dependencies"]["chat"]}
    extras = {_plain(wish) for extra in project["optional-dependencies"].values() for wish in extra}
    return {"run": run, "all": run | extras, "node": {_plain(wish) for wish in groups["node"]}}


def _plain(wish: str) -> str:
    match = WISH.match(wish)
    assert match
    return match[0].lower().replace("_", "-")


@pytest.mark.parametrize("name", ["run", "all", "node"])
def test_a_lock_holds_what_is_asked_for_with_a_hash_for_every_pin(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text) if "==" in entry]
    assert len(entries) == len(pins(name))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert wishes()[name] <= pins(name).keys(), "run `make lock`"


def test_one_environment_serves_both_locks():
    """`make test` builds upon what `make run` installed; two versions of a package would undo each other."""
    both = pins("all")
    assert {name: both.get(name) for name in pins("run")} == pins("run")

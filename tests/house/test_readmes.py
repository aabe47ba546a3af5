"""What the texts point to exists: files, make targets, and the commands that they tell a reader to type."""

from __future__ import annotations

import importlib.util
import re

import pytest

from tests.house.tree import ROOT, files, shown

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]+)")
MODULE = re.compile(r"python3? -m ([a-z_]+(?:\.[a-z_]+)*)")
OUR_PACKAGES = ("broker", "storage", "workers", "edge", "bench", "deploy")

TEXTS = [path for path in files(".md") if "design" not in path.parts]


def targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", TEXTS, ids=shown)
def test_every_link_leads_somewhere(path):
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("path", TEXTS, ids=shown)
def test_every_command_exists(path):
    code = " ".join(re.findall(r"`[^`]+`|```.*?```", path.read_text(), re.DOTALL))
    assert set(TARGET.findall(code)) <= targets()
    for module in MODULE.findall(code):
        if module.split(".")[0] in OUR_PACKAGES:
            assert importlib.util.find_spec(module), module


def test_make_help_tells_of_every_target_that_people_type():
    told = set(re.findall(r"^([a-z-]+):[^#\n]*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "check", "lock", "clean", "help"} <= told

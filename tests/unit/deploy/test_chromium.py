"""Which Chromium the web app is tested in."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import chromium
from deploy.errors import LaunchError


def program(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which the machine has programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


def test_the_one_that_is_named_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(machine, "chromium")
    named = program(machine, "mine")
    monkeypatch.setenv("CHROMIUM", named)
    assert chromium.find() == chromium.Chromium(named)


def test_a_name_of_nothing_is_told_and_no_other_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(machine, "chromium")
    monkeypatch.setenv("CHROMIUM", str(machine / "nothing"))
    with pytest.raises(LaunchError, match="which is no program"):
        chromium.find()


def test_then_the_machines_own_in_the_order_of_their_names(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chrome = program(machine, "google-chrome")
    assert chromium.find() == chromium.Chromium(chrome)
    own = program(machine, "chromium")
    assert chromium.main() == 0
    assert capsys.readouterr().out == f"{own}\n"


def test_else_the_one_of_npm_with_its_libraries(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chromium, "FOLDER", machine / "installed")
    monkeypatch.setattr(chromium, "on_this_machine", lambda: None)
    broken = program(machine, "node")
    Path(broken).write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setattr(chromium, "from_wheel", lambda: chromium.Node("Node", machine, (broken,)))
    assert chromium.main() == 1
    assert "could not be installed" in capsys.readouterr().err
    Path(broken).write_text("#!/bin/sh\nexit 0\n")
    expected = chromium.Chromium(str(machine / "installed/chromium"), str(machine / "installed/al2023/lib"))
    assert chromium.find() == expected
    assert (machine / "installed/package-lock.json").is_file()
    Path(broken).unlink()
    assert chromium.find() == expected, "what is installed is not installed again"

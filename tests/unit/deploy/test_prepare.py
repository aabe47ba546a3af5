"""Making `.venv`: what is missing is named, what is there is not made twice."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import prepare


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository with two locks of nothing, where steps are written down instead of run."""
    (tmp_path / "requirements").mkdir()
    for level in ("run", "all"):
        (tmp_path / "requirements" / f"{level}.txt").write_text(f"# {level}\n")
    steps: list[list[str]] = []
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    monkeypatch.setattr(prepare, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(prepare, "STAMP", tmp_path / ".venv" / "stamp.json")

    def run(command: list[str], fault: str) -> None:
        steps.append(command)
        (tmp_path / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(prepare, "run", run)
    return steps


def installs(steps: list[list[str]]) -> list[str]:
    return [Path(step[-1]).stem for step in steps if "install" in step]


def test_the_second_run_does_nothing(place):
    assert prepare.main(["run"]) == 0
    assert installs(place) == ["run"]
    assert prepare.main(["run"]) == 0
    assert len(place) == 2, "venv and pip, once"


def test_the_packages_of_tests_are_added_to_those_of_a_run_but_not_the_other_way_round(place):
    prepare.main(["run"])
    prepare.main(["all"])
    prepare.main(["run"])
    assert installs(place) == ["run", "all"]
    assert sum("venv" in step for step in place) == 1


def test_a_changed_lock_is_installed(place):
    prepare.main(["run"])
    (prepare.ROOT / "requirements" / "run.txt").write_text("# newer\n")
    prepare.main(["run"])
    assert installs(place) == ["run", "run"]


def test_an_environment_of_another_place_or_python_is_made_anew(place):
    """A virtual environment holds absolute paths: a copied clone must not run the other one's code."""
    prepare.main(["run"])
    prepare.STAMP.write_text(json.dumps(json.loads(prepare.STAMP.read_text()) | {"place": "/elsewhere/.venv"}))
    prepare.main(["run"])
    assert sum("venv" in step for step in place) == 2


def test_an_interrupted_installation_is_begun_again(place):
    prepare.main(["run"])
    prepare.STAMP.write_text("{")
    prepare.main(["run"])
    assert installs(place) == ["run", "run"]


def test_a_step_that_fails_ends_with_its_meaning_and_leaves_no_stamp(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    with pytest.raises(prepare.MissingError, match="venv failed"):
        prepare.run([sys.executable, "-c", "raise SystemExit(1)"], "venv failed")


@pytest.mark.parametrize(
    ("machine", "named"),
    [
        (("Darwin", "arm64", (3, 12)), "Linux on x86-64"),
        (("Linux", "aarch64", (3, 12)), "aarch64"),
        (("Linux", "x86_64", (3, 9)), "apt-get install python3 python3-venv"),
    ],
)
def test_a_machine_that_cannot_run_it_is_told_why(machine, named):
    with pytest.raises(prepare.MissingError, match=named):
        prepare.require_machine(*machine)


def test_a_python_without_venv_is_told_the_debian_package(tmp_path):
    """Debian's python3 has no ensurepip until python3-venv is installed."""
    (tmp_path / "ensurepip.py").write_text("raise ImportError('as on a bare Debian')\n")
    (tmp_path / "deploy").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").touch()
    (tmp_path / "deploy" / "prepare.py").write_text(Path(prepare.__file__).read_text())
    done = subprocess.run(
        [sys.executable, str(tmp_path / "deploy" / "prepare.py"), "run"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".venv").exists()


def test_the_file_is_read_by_pythons_older_than_ours():
    """It must get as far as saying that the Python is too old."""
    ast.parse(Path(prepare.__file__).read_text(), feature_version=(3, 7))

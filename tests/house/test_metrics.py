"""Every metric has its row in docs/metrics.md, and every row has its metric; `test_system_metrics` scrapes them."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

import pytest

from tests.house.tree import ROOT, modules

ROW = re.compile(r"^\| `(parley_[a-z_]+)` \| (counter|gauge|histogram) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
NAME = re.compile(r"parley_[a-z]+_[a-z_]+")
TELLERS = ("metrics", "lag")
SECTIONS = {
    "Of every process": ("broker", "persistence", "fanout", "scanning", "edge"),
    "Edge": ("edge",),
    "Persistence worker": ("persistence",),
    "Fanout worker": ("fanout",),
    "Scanning worker": ("scanning",),
    "Broker": ("broker",),
    "Link of edges and workers to brokers": ("persistence", "fanout", "scanning", "edge"),
    "Database of edges and workers": ("persistence", "fanout", "scanning", "edge"),
}
"""Which processes tell what a section lists."""


class Row(NamedTuple):
    """A metric: its name as Prometheus keeps it, its kind, the labels beside those of a histogram."""

    name: str
    kind: str
    labels: frozenset[str]


def rows(text: str) -> list[Row]:
    """Every row of every table."""
    return [Row(name, kind, frozenset(re.findall(r"`([a-z]+)`", labels))) for name, kind, labels in ROW.findall(text)]


def of_docs() -> dict[str, list[Row]]:
    """What each kind of process tells, by the document."""
    _, *parts = SECTION.split((ROOT / "docs" / "metrics.md").read_text())
    found: dict[str, list[Row]] = {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        for kind in SECTIONS.get(title, ()):
            found.setdefault(kind, []).extend(rows(text))
    return found


def named(source: str) -> set[str]:
    """The names of metrics in a module."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and NAME.fullmatch(value)}


def faults(text: str, names: set[str]) -> list[str]:
    """Where the text and the code differ."""
    told = rows(text)
    known = {row.name for row in told}
    found = [f"{name} has no row" for name in sorted(names - known)]
    found += [f"{name} is no metric" for name in sorted(known - names)]
    found += [f"{name} has two rows" for name in sorted(known) if [row.name for row in told].count(name) > 1]
    for row in told:
        if row.name.endswith("_total") != (row.kind == "counter"):
            found.append(f"{row.name}: a counter, and nothing else, ends in _total")
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(text)}
    return found + [f"{name} is spoken of and is no metric" for name in sorted(used - known)]


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docs" / "metrics.md").read_text()


def test_the_tables_of_metrics_are_true(text):
    tellers = [path for module, path in modules() if module.rpartition(".")[2] in TELLERS]
    names = set[str]().union(*(named(path.read_text()) for path in tellers))
    assert names
    assert not faults(text, names), "\n".join(faults(text, names))


def test_every_table_belongs_to_a_process(text):
    assert {row for told in of_docs().values() for row in told} == set(rows(text))


def test_metrics_are_named_where_they_are_told_and_nowhere_else():
    elsewhere = [
        module
        for module, path in modules()
        if module.rpartition(".")[2] not in TELLERS and not module.startswith("tests.") and named(path.read_text())
    ]
    assert not elsewhere


GOOD = "| `parley_edge_frames_total` | counter | `code`, `kind` | what |\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD.replace("frames", "frame"),
        GOOD + GOOD,
        GOOD.replace("counter", "gauge"),
        GOOD + "rate(parley_edge_frame_total[5m])",
    ],
    ids=["no row", "another name", "two rows", "another kind", "an alert on nothing"],
)
def test_a_planted_difference_is_found(text):
    assert faults(text, {"parley_edge_frames_total"})


def test_a_true_row_is_left_alone():
    assert not faults(GOOD + "rate(parley_edge_frames_total[5m])", {"parley_edge_frames_total"})
    assert rows(GOOD) == [Row("parley_edge_frames_total", "counter", frozenset({"code", "kind"}))]

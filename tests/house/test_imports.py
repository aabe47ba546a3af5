"""Who may import whom. The table is the architecture; this test keeps it true."""

from __future__ import annotations

import ast

import pytest

from tests.house.tree import PACKAGES, modules

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "broker.wire": (),
    "broker.flow": ("broker.wire",),
    "broker.routing": ("broker.wire", "broker.flow"),
    "broker.node": (),
    "broker.link": ("broker.wire", "broker.flow", "broker.node"),
    "broker": ("broker",),
    "storage": ("storage",),
    "workers": ("broker.wire", "broker.node", "broker.link", "storage"),
    "edge": ("broker.wire", "broker.node", "broker.link", "storage"),
    "bench": (),
    "deploy": ("broker", "storage"),
    "tests": PACKAGES,
}
"""Besides itself, what an area may import of ours; the longest name that fits a module is its area."""

PURE = ("broker.wire", "broker.flow", "broker.routing")
"""Areas without I/O and without a clock: time and input are handed in, which is what lets tests simulate faults."""

NOT_PURE = {
    *("asyncio", "socket", "select", "selectors", "ssl", "subprocess", "threading", "multiprocessing", "os"),
    *("time", "datetime", "random", "secrets", "pathlib", "zmq", "psycopg", "uvloop", "structlog", "logging"),
}


def imported(module: str, source: str, *, is_package: bool = False) -> set[str]:
    """Every module that `source` imports, relative ones made absolute, `from a import b` as `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                home = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package or None]
                base = ".".join([*home, *([base] if base else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def under(name: str, area: str) -> bool:
    """Is `name` the area, or in it?"""
    return name == area or name.startswith(area + ".")


def area_of(module: str) -> str:
    """The area whose rule holds for a module."""
    return max((area for area in MAY_IMPORT if under(module, area)), key=len)


def faults(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What a module imports and may not."""
    area = area_of(module)
    found = []
    for name in sorted(imported(module, source, is_package=is_package)):
        ours = name.split(".")[0] in PACKAGES
        if ours and not any(under(name, allowed) for allowed in (area, *MAY_IMPORT[area])):
            found.append(f"{module} imports {name}")
        if area in PURE and name.split(".")[0] in NOT_PURE:
            found.append(f"{module} is pure, yet imports {name}")
    return found


def test_every_module_imports_only_what_its_area_may():
    found = [
        fault
        for module, path in modules()
        for fault in faults(module, path.read_text(), is_package=path.name == "__init__.py")
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("broker.wire.envelope", "from broker.node import clock"),
        ("broker.wire.envelope", "import time"),
        ("broker.routing.router", "import zmq"),
        ("broker.routing.router", "from ..link import client"),
        ("broker.node.logs", "from broker.wire import payloads"),
        ("broker.link.client", "from broker.routing.roster import Roster"),
        ("broker.loop", "from storage import pool"),
        ("storage.log", "import broker.wire.payloads"),
        ("workers.fanout.service", "from edge import codes"),
        ("workers.fanout.service", "from broker.routing.router import Router"),
        ("edge.app", "from workers.settings import WorkerSettings"),
        ("edge.app", "if True:\n    import workers"),
        ("edge.app", "from broker import routing"),
        ("bench.client", "from broker.wire import payloads"),
        ("deploy.run", "from edge.settings import EdgeSettings"),
        ("deploy.run", "import tests.house"),
    ],
)
def test_a_planted_import_is_found(module, line):
    assert faults(module, line)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("broker.routing.router", "from broker.wire.envelope import Batch"),
        ("broker.routing.router", "from .roster import Roster"),
        ("broker.__main__", "from broker.routing.router import Router"),
        ("edge.app", "from broker.link.client import Link"),
        ("workers.fanout.service", "from storage import feed"),
        ("edge.app", "import asyncio"),
        ("tests.unit.test_x", "import edge.app"),
    ],
)
def test_an_import_that_the_table_allows_is_left_alone(module, line):
    assert not faults(module, line)

"""What every test has: asyncio on uvloop, as in production, and fixtures by subject."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest

# How long an example takes, or the making of it, says nothing where three files share two cores.
hypothesis.settings.register_profile("parley", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("parley")

pytest_plugins = [
    "tests.fixtures.backbone",
    "tests.fixtures.frames",
    "tests.fixtures.postgres",
    "tests.fixtures.system",
    "tests.fixtures.browsers",
    "tests.fixtures.pages",
    "tests.fixtures.stores",
    "tests.fixtures.scanner",
]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The event loop of production."""
    return "asyncio", {"use_uvloop": True}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers first: their file is the longest, and begun last it would keep everybody waiting."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/web/"))

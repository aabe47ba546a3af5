"""The core of the web app in every engine that the machine has; Chromium is always there."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.fixtures.pages import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.long]  # `make test` has the same and more in Chromium

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WEBKIT = shutil.which("WebKitWebDriver") and shutil.which("Xvfb")
ENGINES: dict[str, dict[str, Any]] = (
    {"chrome": {}}
    | ({"firefox": {"engine": "firefox", "chromium": FIREFOX, "libraries": ""}} if FIREFOX else {})
    | ({"webkit": {"engine": "webkit"}} if WEBKIT else {})
)


@pytest.mark.parametrize("engine", ENGINES)
async def test_two_people_sign_in_talk_edit_reload_and_sign_out(stage: Stage, engine: str) -> None:
    await stage.play("core", **ENGINES[engine])
    assert stage.violations() == 0

"""Schemathesis makes requests from the OpenAPI document, right and wrong: the edge answers as the document says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.api import TABLE
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio

EXAMPLES = 8
CONFIG = """\
[checks]
# An id that is well formed names nothing here most of the time, and JSON that fits may still break a rule: both are
# refused as the document says, which positive_data_acceptance would take for a fault.
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "413", "422", "503"]
"""


@pytest.mark.parametrize("role", ["client", "agent", "admin"])
async def test_no_request_gets_an_answer_that_the_document_does_not_tell_of(system: System, role: str, tmp_path: Path):
    person = Person("Ann", role)
    await system.conversation(Person("Bob", "agent"), person)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    arguments = [
        "--config-file", str(tmp_path / "schemathesis.toml"),
        "run", f"{system.url}/api/openapi.json",
        "--header", f"Authorization: Bearer {person.token()}",
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(EXAMPLES),
        "--generation-deterministic",
        "--exclude-path", "/api/v1/auth/logout",
        "--request-timeout", "10",
        "--no-color",
    ]  # fmt: skip
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "schemathesis.cli", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stdout[-60_000:] + ran.stderr[-2_000:]
    assert f"Tested: {sum(map(len, TABLE.values())) - 1}\n" in ran.stdout, (
        "all but logout, which would end the run's token"
    )

"""Schemathesis makes requests from the OpenAPI document, right and wrong: the edge answers as the document says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import psycopg
import pytest

from edge.api import TABLE
from tests.fixtures.system import ROOT, Person, System

pytestmark = pytest.mark.anyio

EXAMPLES = 8
ENOUGH = 12
"""Conversations: some are archived or left on the way."""
CONFIG = """\
[checks]
# An id that is well formed names nothing here most of the time, and JSON that fits may still break a rule: both are
# refused as the document says, which positive_data_acceptance would take for a fault. So is who reports or signs in
# too often.
positive_data_acceptance.expected-statuses = [
  "2xx", "400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503",
]
# What says no version of tus, or comes as another media type, is refused for that first.
negative_data_rejection.expected-statuses = ["4xx", "503"]
"""


@pytest.mark.parametrize("role", ["client", "agent", "admin"])
async def test_no_request_gets_an_answer_that_the_document_does_not_tell_of(system: System, role: str, tmp_path: Path):
    person = Person("Ann", role)
    real, answered = await what_there_is(system, person), tmp_path / "answered"
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
        env={
            **os.environ,
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.fixtures.real_ids",
            "REAL_IDS": json.dumps(real),
            "ANSWERED": str(answered),
        },
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stdout[-60_000:] + ran.stderr[-2_000:]
    assert f"Tested: {sum(map(len, TABLE.values())) - 1}\n" in ran.stdout, (
        "all but logout, which would end the run's token"
    )
    assert not only_missing(answered.read_text()), "with ids that exist an answer is not always 404"


async def what_there_is(system: System, person: Person) -> dict[str, list[str]]:
    """Conversations, projects and accounts that this person has to do with, and the seqs of messages."""
    bob, dora = Person("Bob", "agent"), Person("Dora", "client")
    for one in (person, dora):
        await system.http("GET", "/api/v1/me", one)
    conversations, projects = [], []
    for _ in range(ENOUGH):
        conversations.append(await system.conversation(bob, person, dora))
        for author in (person, bob):
            path = f"/api/v1/conversations/{conversations[-1]}/messages"
            assert (await system.http("POST", path, author, json={"body": "Good morning"}))[0] == 201
    for _ in range(2):
        projects.append((await system.http("POST", "/api/v1/projects", bob, json={"name": "Bridge"}))[1]["id"])
        path = f"/api/v1/projects/{projects[-1]}/members/{person.id}"
        assert (await system.http("PUT", path, bob))[0] == 204
    files = [await a_file(system, person, conversations[0]) for _ in range(ENOUGH)]
    quarantine = [await a_file(system, person, conversations[0], refused=True) for _ in range(ENOUGH)]
    # Not the person's own account: suspended, it would hear nothing but 401 from then on.
    return {
        "conversations": conversations,
        "projects": projects,
        "accounts": [bob.id, dora.id],
        "seqs": ["2", "3"],
        "files": files,
        "quarantine": quarantine,
    }


async def a_file(system: System, person: Person, conversation: str, *, refused: bool = False) -> str:
    """A file of this person, whole, which perhaps a scan refused."""
    form = aiohttp.FormData()
    form.add_field("file", b"Good morning", filename="note.txt")
    status, file = await system.http("POST", "/api/v1/files", person, data=form)
    assert status == 201, file
    if refused:
        async with await psycopg.AsyncConnection.connect(system.database_url, autocommit=True) as connection:
            await connection.execute(
                "UPDATE files SET state = 'rejected', reason = 'damaged', revision = 1, due_at = NULL WHERE id = %s",
                [file["id"]],
            )
    found: str = file["id"]
    return found


def only_missing(answered: str) -> set[str]:
    """The operations that name an id and were answered nothing but 404."""
    statuses: dict[str, set[str]] = {}
    for line in answered.splitlines():
        operation, _, status = line.rpartition(" ")
        statuses.setdefault(operation, set()).add(status)
    return {operation for operation, seen in statuses.items() if "{" in operation and seen <= {"404", "405"}}

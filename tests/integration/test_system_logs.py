"""What a busy and troubled system writes into its logs: JSON, line by line, and nothing that people wrote or keep."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
import pytest

from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import SECRET, Person, System

pytestmark = pytest.mark.anyio

BODY, SUBJECT, PASSWORD, FORGED = "canary-body-7f3a", "canary-subject-7f3a", "canary-password-7f3a", "canary-token-7f3a"


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of every log; one that is no JSON fails."""
    return [json.loads(line) for log in sorted(folder.glob("*.log")) for line in log.read_text().splitlines()]


async def talk(system: System, ann: Person, bob: Person, conversation: str) -> None:
    """What goes well: both encodings, HTTP, and a client that leaves."""
    path = f"/api/v1/conversations/{conversation}/messages"
    for binary in (True, False):
        async with raw_socket(system.url, token=ann.token(), binary=binary) as socket:
            await socket.hear_type("ready")
            await socket.say({"type": "send", "id": str(uuid4()), "conversation": conversation, "body": BODY})
            await socket.hear_type("ack")
    assert (await system.http("POST", path, bob, json={"body": BODY}))[0] == 201


async def trouble(system: System, ann: Person, conversation: str) -> None:
    """What goes wrong, by a client's doing."""
    credentials = {"email": "canary-mail-7f3a@parley.example", "password": PASSWORD}
    assert (await system.http("POST", "/api/v1/auth/login", None, json=credentials))[0] == 401
    assert (await system.http("POST", "/api/v1/auth/refresh", None, json={"refresh_token": FORGED}))[0] == 401
    assert (await system.http("GET", f"/api/v1/me?token={FORGED}", None))[0] == 401
    assert (await system.http("GET", "/api/v1/me", None, headers={"Authorization": f"Bearer {FORGED}"}))[0] == 401
    async with raw_socket(system.url, token=FORGED) as socket:
        assert await socket.closed() == 4401
    for junk in (b"\xc1" + BODY.encode(), {"type": "send", "id": BODY, "conversation": BODY, "body": {BODY: BODY}}):
        async with raw_socket(system.url, token=ann.token()) as socket:
            await socket.hear_type("ready")
            await socket.say(junk, wrong=True)
            assert (await socket.hear_type("error"))["code"] in ("bad_frame", "invalid")
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{system.url}/ws?token={FORGED}") as socket:
        await socket.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    writer.write(f"{FORGED}\r\n\r\n".encode())
    await reader.read()
    writer.close()


async def outage(system: System, database_url: str, ann: Person, conversation: str) -> None:
    """What goes wrong behind the edge: the database's connections cut, workers and a broker killed, mid-talk."""
    client = system.client(ann)
    async with client:
        sending = [asyncio.create_task(client.send(conversation, BODY)) for _ in range(20)]
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for name in ("persistence", "fanout", "broker"):
            await system.restart(name)
        system.kill("persistence", signal.SIGTERM)
        system.start("persistence")
        assert all(ack.seq for ack in await asyncio.wait_for(asyncio.gather(*sending), 60))


async def test_the_logs_of_a_troubled_run_hold_ids_and_no_secrets(system: System, database_url: str):
    ann, bob = Person("Canary-ann-7f3a", "agent"), Person("Bob", "client")
    conversation = await system.conversation(ann, bob, subject=SUBJECT)
    await talk(system, ann, bob, conversation)
    await trouble(system, ann, conversation)
    await outage(system, database_url, ann, conversation)
    system.stop()

    written = lines(system.folder)
    for line in written:
        assert {"event", "level", "timestamp", "process", "pid"} <= line.keys(), line
    text = json.dumps(written).lower()
    assert "canary" not in text
    assert SECRET not in text
    assert "eyj" not in text, "a JWT begins so"
    events = {line["event"] for line in written}
    assert {"socket.opened", "socket.closed", "broker.started", "persistence.stopped"} <= events
    opened = [line for line in written if line["event"] == "socket.opened"]
    assert all(line["session"] and line["account"] == ann.id for line in opened)
    assert "Invalid HTTP request received." in events, "what uvicorn says is a line like ours"

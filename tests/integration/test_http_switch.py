"""Messaging switched off: what writes hear over HTTP, that reads go on, and that what is stored gets its answer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from edge import refusal
from edge.api import TABLE
from edge.switch import place
from storage.errors import Unavailable
from tests.fixtures.http import Site, Someone, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

WRITES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("POST", "conversations"): {"subject": "Harbour Bridge"},
    ("PATCH", "conversations/{id}"): {"subject": "Harbour"},
    ("DELETE", "conversations/{id}"): None,
    ("POST", "conversations/{id}/messages"): {"body": "hello"},
    ("PATCH", "conversations/{id}/messages/{seq}"): {"body": "hello again"},
    ("DELETE", "conversations/{id}/messages/{seq}"): None,
    ("PUT", "conversations/{id}/messages/{seq}/reactions/{emoji}"): None,
    ("DELETE", "conversations/{id}/messages/{seq}/reactions/{emoji}"): None,
    ("PUT", "conversations/{id}/members/{account}"): None,
    ("DELETE", "conversations/{id}/members/{account}"): None,
}
"""Every route by which something enters a log, with a body that it takes."""

MARKERS = {("PUT", "conversations/{id}/read")}
"""What changes nothing but how far one has read, which is reading."""


def inside(percentage: int) -> Someone:
    """A client inside at that percentage and not below."""
    return next(one for one in iter(lambda: Someone("Bob"), None) if place(one.id) == percentage - 1)


def test_every_write_to_conversations_is_in_the_list():
    told = {
        (method, path.removeprefix("/api/v1/"))
        for path, handlers in TABLE.items()
        for method in handlers
        if path.startswith("/api/v1/conversations") and method != "GET"
    }
    assert told == WRITES.keys() | MARKERS


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_write_is_refused_for_now_and_nothing_is_asked_of_the_log(
    site: Site, agent: Someone, client: Someone, method: str, path: str
):
    conversation = await site.conversation(agent, client)
    asked = len(site.commands.asked)
    site.switch.enabled = False
    where = path.format(id=conversation, account=client.id, seq=1, emoji="x")
    answer = await site.call(method, where, agent, json=WRITES[method, path])
    body = problem(answer, 503, "disabled")
    assert body["retry_after"] == 30.0
    assert answer.headers["retry-after"] == "30"
    assert len(site.commands.asked) == asked


async def test_reads_go_on(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    site.switch.enabled = False
    for path in ("me", "conversations", f"conversations/{conversation}", f"conversations/{conversation}/events"):
        assert (await site.call("GET", path, agent)).status_code == 200
    assert (await site.call("PUT", f"conversations/{conversation}/read", agent, json={"seq": 1})).status_code == 204


async def test_what_is_stored_gets_its_answer_whatever_was_switched_since(site: Site, agent: Someone):
    headers, begun = {"Idempotency-Key": str(uuid4())}, {"Idempotency-Key": str(uuid4())}
    began = await site.call("POST", "conversations", agent, json={"subject": "Harbour Bridge"}, headers=begun)
    path = f"conversations/{began.json()['id']}/messages"
    first = await site.call("POST", path, agent, json={"body": "hello"}, headers=headers)
    assert first.status_code == 201
    site.switch.enabled = False

    again = await site.call("POST", path, agent, json={"body": "hello"}, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    renewed = await site.call("POST", "conversations", agent, json={"subject": "Harbour Bridge"}, headers=begun)
    assert (renewed.status_code, renewed.json()["id"]) == (200, began.json()["id"])
    other = await site.call("POST", path, agent, json={"body": "something else"}, headers=headers)
    problem(other, 409, "id_conflict")
    another = await site.call("POST", path, Someone("Eve", "agent"), json={"body": "hello"}, headers=headers)
    problem(another, 503, "disabled")


async def test_a_log_that_cannot_be_asked_or_is_asked_too_much_is_no_reason_to_say_more(
    site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch
):
    conversation = await site.conversation(agent)
    site.switch.enabled = False
    asked = 0

    async def gone(*given: object) -> None:
        nonlocal asked
        asked += 1
        raise Unavailable

    monkeypatch.setattr(refusal.commands, "find", gone)
    path = f"conversations/{conversation}/messages"
    problem(await site.call("POST", path, agent, json={"body": "hello"}), 503, "disabled")
    monkeypatch.setattr(refusal, "ASKING_MOST", 0)
    problem(await site.call("POST", path, agent, json={"body": "hello"}), 503, "disabled")
    assert asked == 1


async def test_a_client_outside_is_refused_and_staff_and_clients_inside_are_not(site: Site, agent: Someone):
    early, late = inside(20), inside(60)
    conversation = await site.conversation(agent, early, late)
    path = f"conversations/{conversation}/messages"

    async def statuses() -> list[int]:
        return [(await site.call("POST", path, who, json={"body": "x"})).status_code for who in (agent, early, late)]

    site.switch.percentage = 0
    assert await statuses() == [201, 503, 503]
    site.switch.percentage = 20
    assert await statuses() == [201, 201, 503]
    site.switch.percentage = 60
    assert await statuses() == [201, 201, 201]


async def test_an_invalid_command_is_told_so_first(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    site.switch.enabled = False
    answer = await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": ""})
    problem(answer, 422, "invalid", "body")

"""Conversations, messages and members over HTTP, in the real log."""

from __future__ import annotations

from uuid import uuid4

import pytest

from broker.wire.payloads import Outcome
from storage import projects
from tests.fixtures.http import Site, Someone, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

MISSING = "00000000-0000-4000-8000-000000000000"


def key(value: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": value or str(uuid4())}


async def test_a_conversation_has_the_shape_that_others_rely_on(site: Site, agent: Someone, client: Someone):
    await site.call("GET", "me", client)
    answer = await site.call("POST", "conversations", agent, json={"subject": "Bridge", "members": [client.id.upper()]})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["subject"], body["project"], body["status"], body["head"]) == ("Bridge", None, "open", 1)
    members = sorted(body["members"], key=lambda member: member["role"])
    assert members == [
        {"account": agent.id, "name": "Ann", "role": "agent", "read": 0, "delivered": 0},
        {"account": client.id, "name": "Bob", "role": "client", "read": 0, "delivered": 0},
    ]
    shown = await site.call("GET", f"conversations/{body['id'].upper()}", client)
    assert shown.status_code == 200
    assert shown.json()["members"] == body["members"]


async def test_the_same_key_begins_one_conversation(site: Site, agent: Someone):
    wish = {"subject": "Once", "members": []}
    first = await site.call("POST", "conversations", agent, json=wish, headers=key("A" * 8 + MISSING[8:]))
    again = await site.call("POST", "conversations", agent, json=wish, headers=key("a" * 8 + MISSING[8:]))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = {"subject": "Twice", "members": []}
    problem(
        await site.call("POST", "conversations", agent, json=other, headers=key("a" * 8 + MISSING[8:])),
        409,
        "id_conflict",
    )


async def test_a_key_belongs_to_its_account(site: Site, agent: Someone):
    other = Someone("Olga", "agent")
    same = key()
    wish = {"subject": "Mine", "members": []}
    ids = {
        (await site.call("POST", "conversations", who, json=wish, headers=same)).json()["id"] for who in (agent, other)
    }
    assert len(ids) == 2


async def test_without_a_key_every_request_begins_another(site: Site, agent: Someone):
    wish = {"subject": "Again", "members": []}
    ids = {(await site.call("POST", "conversations", agent, json=wish)).json()["id"] for _ in range(2)}
    assert len(ids) == 2


async def test_a_replay_by_one_who_left_is_answered_without_the_members(site: Site, agent: Someone, client: Someone):
    await site.call("GET", "me", client)
    same, wish = key(), {"subject": "Left", "members": [client.id]}
    begun = (await site.call("POST", "conversations", agent, json=wish, headers=same)).json()
    assert (await site.call("DELETE", f"conversations/{begun['id']}/members/{agent.id}", agent)).status_code == 204
    again = await site.call("POST", "conversations", agent, json=wish, headers=same)
    assert again.status_code == 200
    assert again.json() == {"id": begun["id"], "subject": "Left", "project": None, "head": 1, "members": []}


async def test_a_client_begins_one_in_an_own_project_only(site: Site, agent: Someone, client: Someone):
    for someone in (agent, client):
        await site.call("GET", "me", someone)
    project = await projects.add(site.db, "Harbour")
    wish = {"subject": "Help", "members": [agent.id], "project": project.id}
    problem(await site.call("POST", "conversations", client, json=wish), 404, "not_found", "project")
    await projects.add_member(site.db, project.id, client.id)
    begun = await site.call("POST", "conversations", client, json=wish)
    assert begun.status_code == 201, begun.text
    assert begun.json()["project"] == project.id


async def test_an_account_that_only_the_host_knows_may_be_invited_by_staff(site: Site, agent: Someone):
    nobody_yet = str(uuid4())
    answer = await site.call("POST", "conversations", agent, json={"subject": "Hello", "members": [nobody_yet]})
    assert nobody_yet in {member["account"] for member in answer.json()["members"]}


async def test_messages_are_stored_once_for_each_key(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    path, same = f"conversations/{conversation.upper()}/messages", key()
    first = await site.call("POST", path, agent, json={"body": "hello"}, headers=same)
    again = await site.call("POST", path, agent, json={"body": "hello"}, headers=same)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json() == {
        "id": same["Idempotency-Key"], "conversation": conversation, "seq": 2, "at": first.json()["at"]
    }  # fmt: skip
    problem(await site.call("POST", path, agent, json={"body": "other"}, headers=same), 409, "id_conflict")


async def test_events_are_the_maps_of_the_socket(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    said = await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": "a", "unknown": 1})
    reply = {"body": "b", "reply_to": 2, "mentions": [agent.id], "attachments": []}
    assert (await site.call("POST", f"conversations/{conversation}/messages", agent, json=reply)).status_code == 201
    page = (await site.call("GET", f"conversations/{conversation}/events", agent)).json()
    assert (page["epoch"], page["head"], page["next"]) == (site.db.epoch, 3, None)
    created, message, answered = page["items"]
    assert (created["kind"], created["seq"], created["subject"]) == ("created", 1, "Harbour Bridge")
    assert message == {
        "type": "event", "conversation": conversation, "seq": 2, "kind": "message", "actor": agent.id,
        "at": said.json()["at"], "id": said.json()["id"], "body": "a", "attachments": [],
    }  # fmt: skip
    assert (answered["reply_to"], answered["body"]) == (2, "b")


async def test_events_come_by_page_in_both_directions(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    for n in range(6):
        await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": f"{n}"})

    async def page(**query: int) -> tuple[list[int], int | None]:
        answer = await site.call("GET", f"conversations/{conversation}/events", agent, params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["head"] == 7
        return [event["seq"] for event in body["items"]], body["next"]

    assert await page(after=0, limit=4) == ([1, 2, 3, 4], 4)
    assert await page(after=4, limit=4) == ([5, 6, 7], None)
    assert await page(after=7) == ([], None)
    assert await page(before=8, limit=3) == ([5, 6, 7], 5)
    assert await page(before=5, limit=10) == ([1, 2, 3, 4], None)
    assert await page(before=1) == ([], None)


async def test_members_come_and_go(site: Site, agent: Someone, client: Someone):
    conversation = await site.conversation(agent)
    await site.call("GET", "me", client)
    seat = f"conversations/{conversation}/members/{client.id.upper()}"
    problem(await site.call("GET", f"conversations/{conversation}", client), 404, "not_found")
    joined = await site.call("PUT", seat, agent)
    assert (joined.status_code, joined.content) == (204, b"")
    assert (await site.call("GET", f"conversations/{conversation}", client)).status_code == 200
    assert (await site.call("DELETE", seat, client)).status_code == 204
    problem(await site.call("GET", f"conversations/{conversation}/events", client), 404, "not_found")
    problem(await site.call("DELETE", f"conversations/{conversation}/members/{agent.id}", client), 404, "not_found")


async def test_a_client_adds_nobody(site: Site, agent: Someone, client: Someone, stranger: Someone):
    conversation = await site.conversation(agent, client)
    await site.call("GET", "me", stranger)
    problem(await site.call("PUT", f"conversations/{conversation}/members/{stranger.id}", client), 403, "forbidden")


async def test_the_list_has_the_last_message_and_what_is_unread(site: Site, agent: Someone, client: Someone):
    older = await site.conversation(agent, client)
    newer = await site.conversation(agent, client)
    for body in ("one", "two"):
        await site.call("POST", f"conversations/{older}/messages", agent, json={"body": body})
    page = (await site.call("GET", "conversations", client, params={"limit": 1})).json()
    (item,) = page["items"]
    assert (item["id"], item["head"], item["read"], item["unread"]) == (older, 3, 0, 2)
    assert item["last_message"]["body"] == "two"
    assert sorted(item["members"]) == sorted([agent.id, client.id])
    rest = (await site.call("GET", "conversations", client, params={"after": page["next"]})).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([newer], None)


async def test_the_marker_of_what_is_read_only_moves_forward(site: Site, agent: Someone, client: Someone):
    conversation = await site.conversation(agent, client)
    for body in ("one", "two"):
        await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": body})
    for seq, read, unread in ((2, 2, 1), (1, 2, 1), (99, 3, 0)):
        assert (
            await site.call("PUT", f"conversations/{conversation}/read", client, json={"seq": seq})
        ).status_code == 204
        shown = (await site.call("GET", f"conversations/{conversation}", client)).json()
        assert (shown["read"], shown["unread"]) == (read, unread)


FOREIGN = [
    ("GET", "conversations/{id}", None),
    ("GET", "conversations/{id}/events", None),
    ("GET", "conversations/{id}/events?before=5", None),
    ("PUT", "conversations/{id}/read", {"seq": 1}),
    ("POST", "conversations/{id}/messages", {"body": "let me in"}),
    ("PUT", "conversations/{id}/members/{me}", None),
    ("DELETE", "conversations/{id}/members/{me}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), FOREIGN)
async def test_foreign_and_missing_look_the_same(site: Site, agent: Someone, stranger: Someone, method, path, body):
    conversation = await site.conversation(agent)
    answers = [
        problem(await site.call(method, path.format(id=id, me=stranger.id), stranger, json=body), 404, "not_found")
        for id in (conversation, MISSING, "nonsense", "{" + conversation + "}", conversation.replace("-", "_"))
    ]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("code", "status"),
    [("forbidden", 403), ("closed", 409), ("overloaded", 503), ("unavailable", 503), ("disabled", 503)],
)
async def test_what_persistence_refuses_is_told_with_its_code(site: Site, agent: Someone, code: str, status: int):
    conversation = await site.conversation(agent)
    site.commands.refusal = Outcome(0, code, retry_after=2.5 if code == "overloaded" else None)
    answer = await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": "x"})
    body = problem(answer, status, code)
    if status == 503:
        assert answer.headers["retry-after"] == ("3" if code == "overloaded" else "1")
        assert body["retry_after"] == (2.5 if code == "overloaded" else 1.0)


async def test_a_field_that_persistence_refuses_is_named(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    answer = await site.call(
        "POST", f"conversations/{conversation}/messages", agent, json={"body": "x", "reply_to": 99}
    )
    problem(answer, 422, "invalid", "reply_to")

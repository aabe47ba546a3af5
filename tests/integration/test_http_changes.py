"""Edits, deletions, reactions, names and states over HTTP, in the real log."""

from __future__ import annotations

import pytest

from tests.fixtures.http import Site, Someone, problem
from tests.integration.test_http_conversations import MISSING, key

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]


@pytest.fixture
async def room(site: Site, agent: Someone, client: Someone) -> str:
    """A conversation of the two, in which the client said something at 2."""
    await site.call("GET", "me", client)
    made = await site.call("POST", "conversations", agent, json={"subject": "Bridge", "members": [client.id]})
    path = f"conversations/{made.json()['id']}"
    assert (await site.call("POST", f"{path}/messages", client, json={"body": "first"})).status_code == 201
    return path


async def test_an_edit_changes_the_text_and_staff_see_what_it_was(site: Site, agent: Someone, client: Someone, room):
    for body in ("second", "third"):
        answer = await site.call("PATCH", f"{room}/messages/2", client, json={"body": body})
        assert answer.status_code == 200
    events = (await site.call("GET", f"{room}/events", client)).json()["items"]
    assert [event.get("body") for event in events] == [None, "third", "second", "third"]
    assert events[1]["edited_at"] == answer.json()["at"]
    history = (await site.call("GET", f"{room}/messages/2/history", agent)).json()
    assert [item["body"] for item in history["items"]] == ["first", "second", "third"]
    problem(await site.call("GET", f"{room}/messages/2/history", client), 403, "forbidden")
    problem(await site.call("GET", f"{room}/messages/3/history", agent), 404, "not_found")


async def test_a_message_that_was_never_edited_has_one_text(site: Site, agent: Someone, room):
    history = (await site.call("GET", f"{room}/messages/2/history", agent)).json()
    assert [item["body"] for item in history["items"]] == ["first"]


async def test_a_deletion_leaves_no_text_anywhere(site: Site, agent: Someone, client: Someone, room):
    await site.call("PATCH", f"{room}/messages/2", client, json={"body": "second"})
    assert (await site.call("DELETE", f"{room}/messages/2", client)).json()["seq"] == 4
    events = (await site.call("GET", f"{room}/events", client)).json()["items"]
    assert [event["kind"] for event in events] == ["created", "message", "edited", "deleted"]
    assert (events[1]["body"], events[2]["body"]) == ("", "")
    assert (await site.call("GET", f"{room}/messages/2/history", agent)).json() == {"seq": 2, "items": []}
    problem(await site.call("PATCH", f"{room}/messages/2", client, json={"body": "again"}), 404, "not_found", "seq")


async def test_a_reaction_is_put_and_taken(site: Site, agent: Someone, room):
    assert (await site.call("PUT", f"{room}/messages/2/reactions/👍", agent)).json()["seq"] == 3
    assert (await site.call("DELETE", f"{room}/messages/2/reactions/%F0%9F%91%8D", agent)).json()["seq"] == 4
    events = (await site.call("GET", f"{room}/events?after=2", agent)).json()["items"]
    assert [(event["emoji"], event["on"]) for event in events] == [("👍", True), ("👍", False)]


@pytest.mark.parametrize("emoji", ["a%20b", "%09", "x" * 65, "%00"])
async def test_what_is_no_emoji_is_refused(site: Site, agent: Someone, room, emoji):
    problem(await site.call("PUT", f"{room}/messages/2/reactions/{emoji}", agent), 422, "invalid", "emoji")


async def test_the_same_key_changes_once(site: Site, client: Someone, room):
    same = key()
    first = await site.call("PATCH", f"{room}/messages/2", client, json={"body": "b"}, headers=same)
    again = await site.call("PATCH", f"{room}/messages/2", client, json={"body": "b"}, headers=same)
    assert first.json() == again.json()
    other = await site.call("PATCH", f"{room}/messages/2", client, json={"body": "c"}, headers=same)
    problem(other, 409, "id_conflict")


async def test_only_the_author_edits_and_deletes(site: Site, agent: Someone, room):
    problem(await site.call("PATCH", f"{room}/messages/2", agent, json={"body": "mine"}), 403, "forbidden")
    problem(await site.call("DELETE", f"{room}/messages/2", agent), 403, "forbidden")


@pytest.mark.parametrize("seq", ["0", "x", "1" * 17, "-1"])
async def test_what_is_no_seq_is_not_found(site: Site, agent: Someone, room, seq):
    problem(await site.call("DELETE", f"{room}/messages/{seq}", agent), 404, "not_found", "seq")


async def test_staff_renames_closes_opens_and_archives(site: Site, agent: Someone, client: Someone, room):
    renamed = await site.call("PATCH", room, agent, json={"subject": "Harbour"})
    assert (renamed.status_code, renamed.json()["subject"]) == (200, "Harbour")
    assert (await site.call("PATCH", room, agent, json={"status": "closed"})).json()["status"] == "closed"
    problem(await site.call("POST", f"{room}/messages", client, json={"body": "hello?"}), 409, "closed")
    assert (await site.call("PUT", f"{room}/read", client, json={"seq": 2})).status_code == 204
    assert (await site.call("PATCH", room, agent, json={"status": "open"})).json()["status"] == "open"
    assert (await site.call("DELETE", room, agent)).status_code == 204
    assert (await site.call("GET", "conversations", client)).json()["items"] == []
    assert (await site.call("GET", room, client)).json()["status"] == "archived"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "status"),
        ({"subject": "a", "status": "open"}, "status"),
        ({"status": "gone"}, "status"),
        ({"subject": " "}, "subject"),
    ],
)
async def test_a_change_names_one_thing(site: Site, agent: Someone, room, wish, field):
    problem(await site.call("PATCH", room, agent, json=wish), 422, "invalid", field)


async def test_clients_change_no_conversation(site: Site, client: Someone, room):
    problem(await site.call("PATCH", room, client, json={"subject": "Mine"}), 403, "forbidden")
    problem(await site.call("DELETE", room, client), 403, "forbidden")


async def test_what_is_foreign_is_not_found(site: Site, room):
    stranger = Someone("Olga", "agent")
    for method, path, body in (
        ("PATCH", room, {"subject": "Mine"}),
        ("DELETE", room, None),
        ("PATCH", f"{room}/messages/2", {"body": "mine"}),
        ("DELETE", f"{room}/messages/2", None),
        ("GET", f"{room}/messages/2/history", None),
        ("PUT", f"{room}/messages/2/reactions/x", None),
        ("PATCH", f"conversations/{MISSING}", {"subject": "Mine"}),
    ):
        problem(await site.call(method, path, stranger, **({"json": body} if body else {})), 404, "not_found")

"""Files in the log: what the append itself decides about attachments and verdicts, under its locks."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.fingerprint import fingerprint
from broker.wire.payloads import Command
from storage import log
from storage.log import NewEvent, Stored
from storage.scans import Untold
from tests.fixtures.http import Site, Someone
from tests.fixtures.uploads import judged, message, say, uploaded
from workers.persistence.events import logged, new_event
from workers.scanning.telling import commands

pytest_plugins = ["tests.fixtures.http"]
pytestmark = pytest.mark.anyio


def verdict(room: str, owner: str, file: str, revision: int, state: str = "clean") -> NewEvent:
    """What a scanning worker asks persistence for."""
    [command] = commands([Untold(room, owner, file, revision, state, None, None, 4, 3, True)])
    return new_event(command, fingerprint(command.act))


async def appended(site: Site, *events: NewEvent) -> list[Stored]:
    return await log.append(site.db, events)


async def last(site: Site, who: Someone, room: str) -> dict[str, Any]:
    page = (await site.call("GET", f"conversations/{room}/events?before=1000&limit=1", who)).json()
    found: dict[str, Any] = page["items"][0]
    return found


async def test_a_verdict_is_told_once_for_each_revision_and_lifts_nothing_in_the_list(site):
    ann = Someone("Ann", "agent")
    room = await site.conversation(ann)
    id = await uploaded(site, ann)
    await say(site, ann, room, id)
    (before,) = (await site.db.fetch("SELECT last_at FROM conversations WHERE id = %s", [room]))[0]
    await judged(site, id)
    first, again = [(await appended(site, verdict(room, ann.id, id, 1)))[0] for _ in range(2)]
    assert (first.code, first.seq, first.replayed) == ("", 3, False)
    assert (again.code, again.seq, again.replayed) == ("", 3, True)
    event = await last(site, ann, room)
    assert (event["kind"], event["file"], event["verdict"], event["revision"]) == ("file_scanned", id, "clean", 1)
    assert (event["width"], event["height"], event["previews"], event["actor"]) == (4, 3, True, ann.id)
    assert (await site.db.fetch("SELECT last_at FROM conversations WHERE id = %s", [room]))[0][0] == before


async def test_a_verdict_that_is_not_the_files_or_not_this_conversations_is_refused(site):
    ann = Someone("Ann", "agent")
    room, other = await site.conversation(ann), await site.conversation(ann)
    id, loose = await uploaded(site, ann), await uploaded(site, ann)
    await say(site, ann, room, id)
    await judged(site, id)
    for event in (
        verdict(room, ann.id, id, 2),
        verdict(other, ann.id, id, 1),
        verdict(room, ann.id, loose, 1),
        verdict(room, ann.id, room, 1),
    ):
        assert ((await appended(site, event))[0].code, (await appended(site, event))[0].field) == ("not_found", "file")


async def test_a_verdict_is_told_in_a_closed_conversation_and_by_who_left(site):
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    room = await site.conversation(ann, bob)
    id = await uploaded(site, ann)
    await say(site, ann, room, id)
    await site.call("PATCH", f"conversations/{room}", bob, json={"status": "closed"})
    await judged(site, id)
    assert (await appended(site, verdict(room, ann.id, id, 1)))[0].code == ""


async def test_a_message_that_comes_after_the_verdict_needs_no_event(site):
    ann = Someone("Ann", "agent")
    room = await site.conversation(ann)
    id = await uploaded(site, ann)
    await judged(site, id)
    seq = await say(site, ann, room, id)
    [held] = (await message(site, ann, room, seq))["attachments"]
    assert (held["state"], held["revision"]) == ("clean", 1)
    assert (await appended(site, verdict(room, ann.id, id, 1)))[0].code == "not_found"


async def test_messages_of_one_batch_bring_their_files_in_their_order(site):
    ann = Someone("Ann", "agent")
    room = await site.conversation(ann)
    files = [await uploaded(site, ann, name) for name in ("a.txt", "b.txt", "c.txt")]
    from broker.wire.payloads import Message

    said = [
        Command(0, room, ann.id, f"5d3c8a44-21c7-4f6e-9a8b-3f0c2f1d7e{at:02}", Message("", None, (), tuple(held)))
        for at, held in enumerate((files, files[::-1], files[:1]))
    ]
    events = [new_event(command, fingerprint(command.act)) for command in said]
    stored = await appended(site, *events)
    assert [one.code for one in stored] == ["", "", ""]
    names = [[file["name"] for file in one.attachments or ()] for one in stored]
    assert names == [["a.txt", "b.txt", "c.txt"], ["c.txt", "b.txt", "a.txt"], ["a.txt"]]
    live = logged(events[0], stored[0])
    assert live is not None
    read = await message(site, ann, room, stored[0].seq)
    assert [file["name"] for file in read["attachments"]] == names[0]
    assert (await site.db.fetch("SELECT uses FROM files WHERE id = %s", [files[0]]))[0][0] == 3


async def test_an_event_whose_files_could_not_be_read_is_left_to_the_log(site):
    stored = Stored("", 2, "2026-11-23T09:00:00.000Z", False, None, None)
    event = NewEvent("talk", "ann", "id", "message", b"", "", {"attachments": ["file"]})
    assert logged(event, stored) is None

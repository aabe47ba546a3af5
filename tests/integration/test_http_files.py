"""Files over HTTP: who may have one, from when on and for how long; and what administrators do with the refused."""

from __future__ import annotations

from uuid import uuid4

import pytest

from storage import scans
from tests.fixtures.http import Site, Someone, edge_settings, problem
from tests.fixtures.uploads import PDF, address, begin, judged, message, say, uploaded

pytest_plugins = ["tests.fixtures.http"]
pytestmark = pytest.mark.anyio


# In messages -------------------------------------------------------------------


async def test_a_message_with_a_file_does_not_wait_for_the_scan_and_nobody_has_the_file_before(site):
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    room = await site.conversation(ann, bob)
    id = await uploaded(site, ann)
    seq = await say(site, ann, room, id)
    [held] = (await message(site, bob, room, seq))["attachments"]
    assert (held["id"], held["state"], held["revision"], held["previews"]) == (id, "scanning", 0, False)
    for who in (ann, bob):
        problem(await site.call("GET", f"files/{id}/url", who), 409, "conflict")


async def test_once_clean_members_have_it_and_nobody_else(site):
    ann, bob, eve = Someone("Ann", "agent"), Someone("Bob", "agent"), Someone("Eve", "admin")
    room = await site.conversation(ann, bob)
    id = await uploaded(site, ann)
    seq = await say(site, ann, room, id, body="see")
    await judged(site, id)
    [held] = (await message(site, bob, room, seq))["attachments"]
    assert (held["state"], held["revision"]) == ("clean", 1)
    for who in (ann, bob):
        got = await site.http.get(await address(site, who, id))
        assert (got.status_code, got.content) == (200, PDF)
    await site.call("GET", "me", eve)
    problem(await site.call("GET", f"files/{id}/url", eve), 404, "not_found")


async def test_what_is_served_can_do_nothing_on_a_page(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann, 'pl"an é.pdf')
    await judged(site, id)
    headers = (await site.http.get(await address(site, ann, id))).headers
    assert headers["content-type"] == "application/pdf"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].endswith("sandbox")
    assert headers["content-disposition"] == "attachment; filename=\"pl_an e.pdf\"; filename*=UTF-8''pl_an%20%C3%A9.pdf"
    assert headers["cache-control"].startswith("private, max-age=")


async def test_only_pictures_that_were_drawn_anew_are_shown_in_place(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann, "a.png", b"not looked at")
    await judged(site, id, variants=["shown", "large", "small"], width=4, height=3)
    shown = await site.http.get(await address(site, ann, id, "small"))
    assert (shown.headers["content-type"], shown.headers["content-disposition"].partition(";")[0]) == (
        "image/webp", "inline",
    )  # fmt: skip
    original = await site.http.get(await address(site, ann, id))
    assert original.headers["content-disposition"].startswith("attachment")
    other = await uploaded(site, ann)
    await judged(site, other)
    problem(await site.call("GET", f"files/{other}/url?variant=small", ann), 404, "not_found")
    problem(await site.call("GET", f"files/{other}/url?variant=huge", ann), 422, "invalid", "variant")


async def test_parts_of_a_file_are_served(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann)
    await judged(site, id)
    url = await address(site, ann, id)
    whole = await site.http.get(url)
    part = await site.http.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, PDF[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(PDF)}"
    assert (await site.http.get(url, headers={"Range": "bytes=-6"})).content == PDF[-6:]
    assert (await site.http.get(url, headers={"Range": "bytes=1-2,4-5"})).status_code == 200
    beyond = await site.http.get(url, headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(PDF)}")
    tag = whole.headers["etag"]
    assert (await site.http.get(url, headers={"If-None-Match": tag})).status_code == 304
    assert (await site.http.get(url, headers={"Range": "bytes=0-1", "If-Range": tag})).status_code == 206
    assert (await site.http.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})).status_code == 200
    head = await site.http.head(url)
    assert (head.headers["content-length"], head.content) == (str(len(PDF)), b"")


async def test_an_address_is_good_for_what_it_was_made_for_and_no_longer(site, monkeypatch):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann, "a.png", b"not looked at")
    await judged(site, id, variants=["shown", "large", "small"], width=4, height=3)
    url = await address(site, ann, id, "small")
    assert url == await address(site, ann, id, "small")
    problem(await site.http.get(url.replace("/small", "/original")), 403, "forbidden")
    problem(await site.http.get(url.replace(id, str(uuid4()))), 403, "forbidden")
    problem(await site.http.get(url[:-1] + ("0" if url[-1] != "0" else "1")), 403, "forbidden")
    problem(await site.http.get(url.partition("?")[0]), 422, "invalid", "for")
    expires = int(url.partition("expires=")[2].partition("&")[0])
    problem(await site.http.get(url.replace(str(expires), str(expires + 1))), 403, "forbidden")
    monkeypatch.setattr("edge.api.served.time.time", lambda: expires + 1.0)
    problem(await site.http.get(url), 403, "forbidden")


async def test_who_was_removed_has_nothing_of_an_address_from_before(site):
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    room = await site.conversation(ann, bob)
    id = await uploaded(site, ann)
    await say(site, ann, room, id)
    await judged(site, id)
    url = await address(site, bob, id)
    assert (await site.http.get(url)).status_code == 200
    await site.call("DELETE", f"conversations/{room}/members/{bob.id}", ann)
    problem(await site.http.get(url), 404, "not_found")


async def test_a_file_that_is_found_infected_later_is_served_no_more(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann)
    await judged(site, id)
    url = await address(site, ann, id)
    assert await scans.rescan(site.db, older=-1.0, engine=None, most=10) == 1
    await judged(site, id, "infected", signature="Eicar")
    problem(await site.http.get(url), 404, "not_found")
    problem(await site.call("GET", f"files/{id}/url", ann), 409, "conflict")


async def test_files_of_others_and_unfinished_ones_cannot_be_sent(site):
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    room = await site.conversation(ann, bob)
    unfinished = (await begin(site, ann)).json()["id"]
    foreign = await uploaded(site, bob)
    gone = await uploaded(site, ann)
    await site.call("DELETE", f"files/{gone}", ann)
    for id in (unfinished, foreign, gone, str(uuid4())):
        said = {"body": "see", "attachments": [id]}
        answer = await site.call("POST", f"conversations/{room}/messages", ann, json=said)
        problem(answer, 422, "invalid", "attachments")


async def test_a_message_said_twice_holds_its_files_once(site):
    ann = Someone("Ann", "agent")
    room = await site.conversation(ann)
    id = await uploaded(site, ann)
    key = {"Idempotency-Key": str(uuid4())}
    said = {"attachments": [id]}
    answers = [await site.call("POST", f"conversations/{room}/messages", ann, json=said, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert (await site.db.fetch("SELECT uses FROM files WHERE id = %s", [id]))[0][0] == 1
    assert (await site.db.fetch("SELECT count(*) FROM attachments"))[0][0] == 1


async def test_a_message_that_is_taken_back_lets_its_files_go(site):
    ann = Someone("Ann", "agent")
    room = await site.conversation(ann)
    id = await uploaded(site, ann)
    seq = await say(site, ann, room, id)
    problem(await site.call("DELETE", f"files/{id}", ann), 409, "conflict")
    assert (await site.call("DELETE", f"conversations/{room}/messages/{seq}", ann)).status_code == 200
    assert (await message(site, ann, room, seq))["attachments"] == []
    assert (await site.call("GET", f"conversations/{room}/files", ann)).json()["items"] == []
    assert (await site.call("DELETE", f"files/{id}", ann)).status_code == 204


async def test_the_files_of_a_conversation_are_listed_newest_first_by_kind_for_members(site):
    ann, eve = Someone("Ann", "agent"), Someone("Eve", "agent")
    room = await site.conversation(ann)
    names = ["a.pdf", "b.png", "c.txt", "d.jpg"]
    for name in names:
        await say(site, ann, room, await uploaded(site, ann, name))

    async def listed(query: str = "") -> list[str]:
        found = (await site.call("GET", f"conversations/{room}/files?{query}", ann)).json()
        return [item["file"]["name"] for item in found["items"]]

    assert await listed() == names[::-1]
    assert await listed("type=image") == ["d.jpg", "b.png"]
    assert await listed("type=text") == ["c.txt"]
    assert await listed("type=document") == ["a.pdf"]
    page = (await site.call("GET", f"conversations/{room}/files?limit=3", ann)).json()
    assert await listed(f"limit=3&after={page['next']}") == ["a.pdf"]
    await site.call("GET", "me", eve)
    problem(await site.call("GET", f"conversations/{room}/files", eve), 404, "not_found")
    problem(await site.call("GET", f"conversations/{room}/files?after=x", ann), 422, "invalid", "after")


# Quarantine ----------------------------------------------------------------------


async def test_administrators_see_what_was_refused_and_release_or_delete_it(site):
    ann, root = Someone("Ann", "agent"), Someone("Root", "admin")
    room = await site.conversation(ann)
    bad, worse = await uploaded(site, ann, "a.txt"), await uploaded(site, ann, "b.txt")
    await say(site, ann, room, bad, worse)
    await judged(site, bad, "infected", signature="Eicar")
    await judged(site, worse, "rejected", reason="macros")
    items = (await site.call("GET", "admin/files", root)).json()["items"]
    assert [(item["name"], item["state"], item["signature"], item["reason"]) for item in items] == [
        ("b.txt", "rejected", None, "macros"),
        ("a.txt", "infected", "Eicar", None),
    ]
    assert items[0]["uploaded_by"] == {"id": ann.id, "name": "Ann"}
    assert items[0]["conversations"] == [{"id": room, "subject": "Harbour Bridge"}]
    assert items[0]["engine"] == "test 1"
    only = (await site.call("GET", "admin/files?state=infected", root)).json()["items"]
    assert [item["id"] for item in only] == [bad]
    released = await site.call("POST", f"admin/files/{worse}/release", root, json={"reason": "our template"})
    assert (released.status_code, released.json()["releasing"]) == (200, True)
    job = await scans.claim(site.db, 60.0, worse)
    assert job is not None and job.released
    assert (await site.call("DELETE", f"admin/files/{bad}", root)).status_code == 204
    assert (await site.call("GET", f"files/{bad}", ann)).json()["state"] == "deleted"
    notes = (await site.call("GET", "admin/audit", root)).json()["items"]
    assert [(note["action"], note["target"]) for note in notes] == [("file_deleted", bad), ("file_released", worse)]
    assert notes[1]["detail"]["reason"] == "our template"


async def test_only_what_is_in_quarantine_is_released_or_deleted_and_only_by_administrators(site):
    ann, root = Someone("Ann", "agent"), Someone("Root", "admin")
    id = await uploaded(site, ann)
    await judged(site, id)
    problem(await site.call("POST", f"admin/files/{id}/release", root, json={"reason": "x"}), 404, "not_found")
    problem(await site.call("DELETE", f"admin/files/{id}", root), 404, "not_found")
    problem(await site.call("POST", f"admin/files/{id}/release", root, json={"reason": " "}), 422, "invalid", "reason")
    problem(await site.call("GET", "admin/files", ann), 403, "forbidden")


async def test_what_scans_is_said_and_that_nothing_does(site):
    ann = Someone("Ann", "agent")
    none = (await site.call("GET", "scanner", ann)).json()
    assert none == {"engine": None, "version": "", "ready": False}
    await scans.announce(site.db, "scanning-1", "yara-x", "yara-x 1.23", True)
    assert (await site.call("GET", "scanner", ann)).json() == {
        "engine": "yara-x", "version": "yara-x 1.23", "ready": True,
    }  # fmt: skip
    await scans.withdraw(site.db, "scanning-1")
    assert (await site.call("GET", "scanner", ann)).json()["engine"] is None


async def test_files_may_come_from_another_host_and_then_from_no_other(site):
    other = Site(edge_settings(rate_limit=0.0, files_origin="https://files.example"), site.db, site.edge.revocations)
    ann = Someone("Ann", "agent")
    id = await uploaded(other, ann)
    await judged(other, id)
    url = await address(other, ann, id)
    assert url.startswith("https://files.example/files/")
    path = url.removeprefix("https://files.example")
    problem(await other.http.get(path), 404, "not_found")
    got = await other.http.get(path, headers={"Host": "files.example"})
    assert (got.status_code, got.headers["access-control-allow-origin"]) == (200, "*")

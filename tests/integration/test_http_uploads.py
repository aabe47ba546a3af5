"""Uploads over HTTP, by tus and as forms: what is taken, what is refused, and that nothing is left of what was not."""

from __future__ import annotations

from uuid import uuid4

import pytest
from starlette.requests import ClientDisconnect

from storage import files
from tests.fixtures.http import Site, Someone, edge_settings, problem
from tests.fixtures.uploads import CHUNKS, PDF, begin, metadata, push, uploaded

pytest_plugins = ["tests.fixtures.http"]
pytestmark = pytest.mark.anyio


# Uploads by tus ---------------------------------------------------------------


async def test_what_of_tus_is_spoken_is_said(site):
    answer = await site.call("OPTIONS", "files")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) >= {"creation", "expiration", "termination"}
    assert answer.headers["tus-max-size"] == "10485760"


async def test_an_upload_grows_part_by_part_and_is_then_to_be_scanned(site):
    ann = Someone("Ann", "agent")
    begun = await begin(site, ann)
    assert begun.status_code == 201
    where = begun.headers["location"]
    id = where.rpartition("/")[2]
    assert where == f"/api/v1/files/{id}"
    assert (begun.headers["upload-offset"], begun.json()["state"]) == ("0", "uploading")
    assert begun.headers["upload-expires"].endswith(" GMT")
    first = await push(site, ann, id, 0, PDF[:100])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "100")
    head = await site.call("HEAD", f"files/{id}", ann, headers={"Tus-Resumable": "1.0.0"})
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("100", str(len(PDF)))
    assert head.headers["cache-control"] == "no-store"
    assert site.scans == []
    last = await push(site, ann, id, 100, PDF[100:])
    assert last.headers["upload-offset"] == str(len(PDF))
    assert site.scans == [id]
    shown = (await site.call("GET", f"files/{id}", ann)).json()
    assert (shown["state"], shown["offset"], shown["type"], shown["name"]) == (
        "scanning", len(PDF), "application/pdf", "plan.pdf",
    )  # fmt: skip


async def test_bytes_from_anywhere_but_where_it_stands_are_refused(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]
    await push(site, ann, id, 0, PDF[:100])
    for offset in (0, 99, 101):
        refused = await push(site, ann, id, offset, PDF[offset:])
        problem(refused, 409, "conflict", "Upload-Offset")
        assert refused.headers["tus-resumable"] == "1.0.0"
    assert (await site.call("GET", f"files/{id}", ann)).json()["offset"] == 100


async def test_more_bytes_than_were_announced_are_refused_and_not_kept(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann, size=50)).json()["id"]
    problem(await push(site, ann, id, 0, PDF), 413, "too_large")
    assert (await site.call("GET", f"files/{id}", ann)).json()["offset"] == 0
    assert [found async for found in site.store.list("quarantine")] == []


async def test_what_came_before_a_connection_broke_is_kept(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]

    async def breaking():
        yield PDF[:300]
        raise ClientDisconnect

    file = await files.own(site.db, ann.id, id)
    grown = await site.edge.intake.go_on(file, breaking())
    assert (grown.received, grown.state) == (300, "uploading")
    assert (await push(site, ann, id, 300, PDF[300:])).status_code == 204


async def test_the_first_bytes_may_come_with_the_beginning(site):
    ann = Someone("Ann", "agent")
    said = {
        "Tus-Resumable": "1.0.0", "Upload-Length": str(len(PDF)), "Upload-Metadata": metadata("a.pdf"),
        "Content-Type": CHUNKS,
    }  # fmt: skip
    answer = await site.call("POST", "files", ann, headers=said, content=PDF[:500])
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "500")


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
async def test_another_version_of_tus_is_not_spoken(site, version):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]
    said = {"Upload-Offset": "0", "Content-Type": CHUNKS, **({"Tus-Resumable": version} if version else {})}
    refused = await site.call("PATCH", f"files/{id}", ann, headers=said, content=PDF)
    problem(refused, 412, "unsupported_version")
    assert refused.headers["tus-version"] == "1.0.0"


async def test_bytes_of_another_media_type_are_refused(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]
    said = {"Content-Type": "text/plain"}
    problem(await push(site, ann, id, 0, PDF, **said), 415, "unsupported_type")


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Upload-Length": ""}, "Upload-Length"),
        ({"Upload-Length": "-1"}, "Upload-Length"),
        ({"Upload-Length": "0"}, "Upload-Length"),
        ({"Upload-Length": "1e3"}, "Upload-Length"),
        ({"Upload-Length": "5", "Upload-Defer-Length": "1"}, "Upload-Defer-Length"),
        ({"Upload-Metadata": "filename *"}, "Upload-Metadata"),
        ({"Upload-Metadata": "filename YQ==,filename YQ=="}, "Upload-Metadata"),
        ({"Upload-Metadata": "filename /w=="}, "Upload-Metadata"),
        ({"Upload-Metadata": "x" * 20_000}, "Upload-Metadata"),
        ({"Upload-Metadata": ""}, "filename"),
        ({"Upload-Metadata": metadata("program.exe")}, "filename"),
        ({"Upload-Metadata": metadata("macro.docm")}, "filename"),
        ({"Upload-Metadata": metadata("picture.svg")}, "filename"),
        ({"Upload-Metadata": metadata(".pdf")}, "filename"),
        ({"Idempotency-Key": "no uuid"}, "Idempotency-Key"),
    ],
)
async def test_a_beginning_that_cannot_be_meant_is_refused(site, headers, field):
    problem(await begin(site, Someone("Ann", "agent"), **headers), 422, "invalid", field)


async def test_a_file_that_would_be_too_large_is_refused_at_the_beginning(site):
    problem(await begin(site, Someone("Ann", "agent"), size=10 * 1024 * 1024 + 1), 413, "too_large", "Upload-Length")


async def test_the_same_wish_is_the_same_upload(site):
    ann, key = Someone("Ann", "agent"), {"Idempotency-Key": str(uuid4())}
    first = await begin(site, ann, **key)
    again = await begin(site, ann, **key)
    assert first.json()["id"] == again.json()["id"]
    problem(await begin(site, ann, size=5, **key), 409, "id_conflict")


async def test_nobody_else_meets_an_upload(site):
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    id = (await begin(site, ann)).json()["id"]
    for answer in (
        await push(site, bob, id, 0, PDF),
        await site.call("GET", f"files/{id}", bob),
        await site.call("DELETE", f"files/{id}", bob),
        await site.call("GET", f"files/{id}/url", bob),
    ):
        problem(answer, 404, "not_found")
    problem(await begin(site, None), 401, "unauthenticated")


async def test_an_upload_can_be_taken_back_and_nothing_is_left(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]
    await push(site, ann, id, 0, PDF[:100])
    assert (await site.call("DELETE", f"files/{id}", ann)).status_code == 204
    assert [found async for found in site.store.list("quarantine")] == []
    problem(await push(site, ann, id, 100, PDF[100:]), 404, "not_found")
    problem(await site.call("DELETE", f"files/{id}", ann), 404, "not_found")


async def test_an_upload_whose_time_is_over_is_gone(site):
    ann = Someone("Ann", "agent")
    id = (await begin(site, ann)).json()["id"]
    await site.db.fetch("UPDATE files SET expires_at = now() - interval '1 second' WHERE id = %s", [id])
    problem(await push(site, ann, id, 0, PDF), 404, "not_found")


async def test_the_files_of_an_account_have_a_bound_together(site):
    limited = Site(edge_settings(rate_limit=0.0, max_file_size=1000, file_quota=2500), site.db, site.edge.revocations)
    ann, bob = Someone("Ann", "agent"), Someone("Bob", "agent")
    for _ in range(2):
        assert (await begin(limited, ann, size=1000)).status_code == 201
    problem(await begin(limited, ann, size=501), 413, "quota_exceeded")
    id = (await begin(limited, ann, size=500)).json()["id"]
    assert (await begin(limited, bob, size=1000)).status_code == 201
    await limited.call("DELETE", f"files/{id}", ann)
    assert (await begin(limited, ann, size=500)).status_code == 201


async def test_so_many_requests_of_one_account_bring_bytes_at_a_time(site):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("edge.files.intake.OF_ONE_ACCOUNT", 1)
        with site.edge.intake.admitted("an account"), pytest.raises(Exception, match="At most 1 uploads"):  # noqa: SIM117 - the second must fail inside of the first
            with site.edge.intake.admitted("an account"):
                pass
    assert site.edge.intake.open == 0


def part(disposition: str) -> bytes:
    """How a part of a form begins whose boundary is `b`."""
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()


# As a form -------------------------------------------------------------------


async def test_a_small_file_comes_whole_as_a_form(site):
    ann = Someone("Ann", "agent")
    id = await uploaded(site, ann)
    shown = (await site.call("GET", f"files/{id}", ann)).json()
    assert (shown["state"], shown["size"], shown["offset"]) == ("scanning", len(PDF), len(PDF))
    assert site.scans == [id]
    [part] = [found async for found in site.store.list("quarantine")]
    assert (part.size, part.key.startswith(f"quarantine/{id}/")) == (len(PDF), True)


async def test_a_form_said_twice_is_one_file(site):
    ann, key = Someone("Ann", "agent"), {"Idempotency-Key": str(uuid4())}
    first = await site.call("POST", "files", ann, files={"file": ("a.pdf", PDF)}, headers=key)
    again = await site.call("POST", "files", ann, files={"file": ("a.pdf", PDF)}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert [found.size async for found in site.store.list("quarantine")] == [len(PDF)]


async def test_a_form_that_is_larger_than_a_file_may_be_is_refused_whatever_it_announces(site):
    limited = Site(edge_settings(rate_limit=0.0, max_file_size=1000), site.db, site.edge.revocations)
    ann = Someone("Ann", "agent")
    problem(await limited.call("POST", "files", ann, files={"file": ("a.pdf", b"x" * 1001)}), 413, "too_large")

    async def endless():
        yield part('name="file"; filename="a.pdf"')
        for _ in range(100):
            yield b"x" * 1000

    said = {"Content-Type": "multipart/form-data; boundary=b"}
    problem(await limited.call("POST", "files", ann, content=endless(), headers=said), 413, "too_large")
    assert [found async for found in limited.store.list("quarantine")] == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b"--c\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="x"; filename="a.pdf"\r\n\r\n',
        ),
        ("multipart/form-data; boundary=b", part('name="file"; filename="a.pdf"') + b"broken off"),
        ("multipart/form-data; boundary=b", b"x" * 70_000),
    ],
    ids=["no boundary", "another boundary", "a field without a file", "another field", "broken off", "junk"],
)
async def test_a_form_without_a_whole_file_is_refused_and_nothing_is_kept(site, kind, body):
    answer = await site.call("POST", "files", Someone("Ann", "agent"), content=body, headers={"Content-Type": kind})
    problem(answer, 400, "bad_frame")
    assert [found async for found in site.store.list("quarantine")] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\\\temp\\\\a.txt", "a.txt"),
        ("a\u202etxt.exe.txt", "atxt.exe.txt"),
        ("=cmd().csv", "=cmd().csv"),
        ("naïve résumé.pdf", "naïve résumé.pdf"),
    ],
)
async def test_a_name_is_cleaned(site, given, kept):
    answer = await begin(site, Someone("Ann", "agent"), given)
    assert (answer.status_code, answer.json()["name"]) == (201, kept)

"""What the HTTP API does with requests that are wrong, too much, or of a moment when nothing works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from edge.api import requests
from edge.api.faults import LastResort
from edge.auth.revocations import Revocations
from storage.errors import Forbidden, Unavailable
from tests.fixtures.http import Site, Someone, edge_settings, problem

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.fixtures.http"]

MISSING = "00000000-0000-4000-8000-000000000000"

BAD_BODIES: list[tuple[str, bytes, int, str, str | None]] = [
    ("no JSON", b"{", 400, "bad_frame", None),
    ("nothing", b"", 400, "bad_frame", None),
    ("no UTF-8", b'{"body":"\xff"}', 400, "bad_frame", None),
    ("half a surrogate", b'{"body":"\\ud800"}', 400, "bad_frame", None),
    ("too deep", b'{"x":' + b"[" * 30_000, 400, "bad_frame", None),
    ("a list", b"[]", 422, "invalid", None),
    ("no body", b"{}", 422, "invalid", "body"),
    ("a number", b'{"body":1}', 422, "invalid", "body"),
    ("empty", b'{"body":""}', 422, "invalid", "body"),
    ("blank", b'{"body":" \\n\\t"}', 422, "invalid", "body"),
    ("NUL", b'{"body":"a\\u0000b"}', 422, "invalid", "body"),
    ("10,001 characters", b'{"body":"' + b"x" * 10_001 + b'"}', 422, "invalid", "body"),
    ("reply to nothing", b'{"body":"x","reply_to":0}', 422, "invalid", "reply_to"),
    ("a mention of nobody", b'{"body":"x","mentions":["nobody"]}', 422, "invalid", "mentions"),
    ("a file twice", b'{"attachments":["%b","%b"]}' % ((MISSING.encode(),) * 2), 422, "invalid", "attachments"),
    ("eleven files", b'{"attachments":["%b"]}' % b'","'.join([MISSING.encode()] * 11), 422, "invalid", "attachments"),
    ("blank beside a file", b'{"body":" ","attachments":["%b"]}' % MISSING.encode(), 422, "invalid", "body"),
    ("over 64 KiB", b'{"body":"x","more":"' + b"y" * 65_536 + b'"}', 413, "too_large", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [bad[1:] for bad in BAD_BODIES], ids=[bad[0] for bad in BAD_BODIES]
)
async def test_a_bad_body_is_refused_and_nothing_is_asked_of_the_log(
    site: Site, agent: Someone, body: bytes, status: int, code: str, field: str | None
):
    answer = await site.call("POST", f"conversations/{MISSING}/messages", agent, content=body)
    problem(answer, status, code, field)
    assert site.commands.asked == []


async def test_ten_thousand_characters_of_any_script_are_taken(site: Site, agent: Someone):
    conversation = await site.conversation(agent)
    answer = await site.call("POST", f"conversations/{conversation}/messages", agent, json={"body": "🦜" * 10_000})
    assert answer.status_code == 201


async def test_a_body_is_counted_while_it_streams_whatever_its_length_says(site: Site, agent: Someone):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 16_384
            yield b" " * 16_384

    answer = await site.call("POST", "conversations", agent, content=endless())
    problem(answer, 413, "too_large")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_dawdles_is_not_waited_for(site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(10)
        raise AssertionError

    sent = await raw(site, "POST", "/api/v1/auth/login", receive)
    assert sent[0]["status"] == 400


async def test_a_caller_who_hangs_up_is_no_fault_of_ours(site: Site):
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with structlog.testing.capture_logs() as logs:
        assert await raw(site, "POST", "/api/v1/auth/login", receive) == []
    assert logs == []


async def raw(site: Site, method: str, path: str, receive: Any) -> list[dict[str, Any]]:
    """What the application sends for a request whose body is `receive`."""
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [], "client": None, "server": ("x", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    await site.app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"members": []}, "subject"),
        ({"subject": "", "members": []}, "subject"),
        ({"subject": "  "}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "x", "members": ["me"]}, "members"),
        ({"subject": "x", "members": "me"}, "members"),
        ({"subject": "x", "project": 7}, "project"),
    ],
)
async def test_a_conversation_that_cannot_be_is_refused_with_its_field(
    site: Site, agent: Someone, body: Any, field: str
):
    problem(await site.call("POST", "conversations", agent, json=body), 422, "invalid", field)


@pytest.mark.parametrize("path", ["conversations", f"conversations/{MISSING}/messages"])
@pytest.mark.parametrize("key", ["", "once", "{" + MISSING + "}", MISSING.replace("-", "")])
async def test_a_key_that_is_no_uuid_is_refused(site: Site, agent: Someone, path: str, key: str):
    body = {"subject": "x", "body": "x"}
    answer = await site.call("POST", path, agent, json=body, headers={"Idempotency-Key": key})
    problem(answer, 422, "invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("after=-1", "after"),
        ("after=1.5", "after"),
        ("after=%D9%A1", "after"),
        ("after=99999999999999999999", "after"),
        ("before=0", "before"),
        ("after=1&before=3", "before"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_with_its_field(
    site: Site, agent: Someone, query: str, field: str
):
    problem(await site.call("GET", f"conversations/{MISSING}/events?{query}", agent), 422, "invalid", field)


@pytest.mark.parametrize("cursor", ["x", "", "bm90IGEgY3Vyc29y", "%00", "é"])
async def test_a_cursor_that_is_none_of_ours_is_refused(site: Site, agent: Someone, cursor: str):
    problem(await site.call("GET", f"conversations?after={cursor}", agent), 422, "invalid", "after")


@pytest.mark.parametrize("seq", [-1, 1.5, "1", None, 2**60])
async def test_a_marker_that_is_no_seq_is_refused(site: Site, agent: Someone, seq: Any):
    problem(await site.call("PUT", f"conversations/{MISSING}/read", agent, json={"seq": seq}), 422, "invalid", "seq")


@pytest.mark.parametrize("path", ["/ws", "/api", "/api/v1", "/api/v1/", "/api/v1/nowhere", "/api/v1/me/", "/healthz/"])
async def test_an_unknown_path_is_a_problem_document(site: Site, path: str):
    problem(await site.http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/conversations", {"GET", "HEAD", "POST"}),
        ("GET", "/api/v1/auth/login", {"POST"}),
        ("POST", f"/api/v1/conversations/{MISSING}/members/{MISSING}", {"PUT", "DELETE"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(site: Site, method: str, path: str, allowed: set[str]):
    answer = await site.http.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


async def test_head_is_get_without_a_body_for_it(site: Site, agent: Someone):
    assert (await site.call("HEAD", "me", agent)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/me", "/api/nowhere"])
async def test_every_answer_has_the_security_headers(site: Site, path: str):
    headers = (await site.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


async def test_a_fault_of_ours_is_logged_once_and_tells_nothing(
    site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(site.commands, "submit", broken)
    with structlog.testing.capture_logs() as logs:
        answer = await site.call("POST", f"conversations/{MISSING}/messages", agent, json={"body": "x"})
    body = problem(answer, 500, "internal")
    assert "secret" not in str(body)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [entry["event"] for entry in logs] == ["api.fault"]


async def test_a_fault_behind_the_start_of_an_answer_is_logged_and_the_answer_left_as_it_is(site: Site):
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    with structlog.testing.capture_logs() as logs:
        await LastResort(half)({"type": "http", "method": "GET", "path": "/"}, asyncio.Event().wait, send)
    assert (sent, len(logs)) == (["http.response.start"], 1)


async def test_without_a_database_everything_is_unavailable_and_then_serves_again(
    site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch
):
    conversation = await site.conversation(agent)

    async def gone(*_: object, **__: object) -> None:
        raise Unavailable

    with monkeypatch.context() as outage:
        outage.setattr(site.db, "fetch", gone)
        for method, path, body in (
            ("GET", "conversations", None),
            ("GET", f"conversations/{conversation}/events", None),
            ("PUT", f"conversations/{conversation}/read", {"seq": 1}),
            ("POST", "auth/login", {"email": "a@b", "password": "c"}),
        ):
            answer = await site.call(method, path, agent, json=body)
            told = problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
            assert ("stored" in told["detail"]) == (method != "GET")
    assert (await site.call("GET", f"conversations/{conversation}", agent)).status_code == 200


async def test_what_storage_forbids_is_forbidden(site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch):
    await site.call("GET", "me", agent)

    async def forbidden(*_: object, **__: object) -> None:
        raise Forbidden

    monkeypatch.setattr(site.db, "fetch", forbidden)
    problem(await site.call("POST", "conversations", agent, json={"subject": "x"}), 403, "forbidden")


async def test_commands_are_counted_by_account_and_reads_are_not(site: Site, agent: Someone, client: Someone):
    conversation = await site.conversation(agent, client)
    limited = Site(edge_settings(rate_limit=1.0, rate_burst=2), site.db, site.edge.revocations)
    path = f"conversations/{conversation}/messages"
    async with limited.http:
        for _ in range(2):
            assert (await limited.call("POST", path, agent, json={"body": "x"})).status_code == 201
        answer = await limited.call("POST", path, agent, json={"body": "x"})
        told = problem(answer, 429, "rate_limited")
        assert 0 < told["retry_after"] <= 1
        assert answer.headers["retry-after"] == "1"
        assert (await limited.call("GET", f"conversations/{conversation}", agent)).status_code == 200
        assert (await limited.call("POST", path, client, json={"body": "x"})).status_code == 201
        seat = f"conversations/{conversation}/members/{client.id}"
        problem(await limited.call("PUT", seat, agent), 429, "rate_limited")


async def test_a_listener_that_fails_does_not_end_the_reading_of_revocations(
    site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.auth.revocations.POLL_SECONDS", 0.01)
    heard: asyncio.Queue[frozenset[str]] = asyncio.Queue()

    def listen(jtis: frozenset[str], suspended: frozenset[str]) -> None:
        heard.put_nowait(jtis)
        raise RuntimeError

    async with Revocations(site.db) as revocations:
        revocations.on_revoked.append(listen)
        with structlog.testing.capture_logs() as logs:
            for _ in range(2):
                headers = {"Authorization": f"Bearer {agent.token()}"}
                assert (await site.http.post("/api/v1/auth/logout", headers=headers)).status_code == 204
                assert len(await asyncio.wait_for(heard.get(), 5)) == 1
    assert [entry["event"] for entry in logs] == ["revocations.fault"] * 2


async def test_an_outage_is_logged_once_and_what_was_known_stays_known(
    site: Site, agent: Someone, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.auth.revocations.POLL_SECONDS", 0.01)
    monkeypatch.setattr("edge.auth.revocations.REMEMBERED", 1)
    polls = asyncio.Semaphore(0)
    async with Revocations(site.db) as revocations:
        revocations.revoke("first")
        revocations.revoke("second")
        assert not revocations.is_revoked("first", agent.id), "only so many are remembered"

        async def gone(*_: object) -> None:
            polls.release()
            raise Unavailable

        monkeypatch.setattr("storage.sessions.revocations", gone)
        with structlog.testing.capture_logs() as logs:
            async with asyncio.timeout(5):
                for _ in range(3):
                    await polls.acquire()
        assert revocations.is_revoked("second", agent.id)
    assert [entry["event"] for entry in logs] == ["revocations.unreadable"]

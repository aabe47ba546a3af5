"""The web app from memory: its files and nothing else, its page where no file is, what was built last."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from edge import webapp
from edge.webapp import WebApp
from tests.house.tree import ROOT

INDEX = b"<!doctype html><div id=app></div>"
SCRIPT = b"export const answer = 42\n"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build: a page, a hashed script in two encodings, an icon; and beside it what is nobody's business."""
    dist = tmp_path / "dist"
    for name, content in {
        "index.html": INDEX,
        "sw.js": b"self.skipWaiting()",
        "manifest.webmanifest": b"{}",
        "icons/mark.svg": b"<svg/>",
        "assets/index-4f2a.js": SCRIPT,
        "assets/index-4f2a.js.br": b"brotli",
        "assets/index-4f2a.js.gz": b"gzip",
        "assets/inter-9c1d.woff2": b"font",
        ".parley.json": b'{"sources": "secret"}',
    }.items():
        (dist / name).parent.mkdir(parents=True, exist_ok=True)
        (dist / name).write_bytes(content)
    (tmp_path / "outside.txt").write_text("outside")
    return dist


def request(path: str, **headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": path, "headers": named, "query_string": b""})


def get(app: WebApp, path: str, **headers: str) -> Response:
    found = app.answer(request(path, **headers))
    assert found is not None
    return found


def policy(response: Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", ["/", "/c/5d3c8a44", "/settings/", "/index.html", "/a/very/deep/one"])
def test_every_address_of_the_app_is_its_page_asked_for_anew_each_time(built: Path, path: str):
    response = get(WebApp(built), path)
    assert (response.status_code, response.body) == (200, INDEX)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/api",
            "/api/v1/nothing",
            "/ws",
            "/ws/",
            "/healthz/",
            "/readyz/x",
            "/assets",
            "/assets/gone-1.js",
            "/favicon.ico",
            "/c/x.json",
        ),
        *("/.parley.json", "/assets/index-4f2a.js.br", "/../outside.txt", "/assets/../../outside.txt"),
        *("//etc/passwd.txt", "/assets//index-4f2a.js", "/%2e%2e/outside.txt", "/..\\outside.txt"),
    ],
)
def test_what_is_no_file_of_the_build_is_not_there(built: Path, path: str):
    assert WebApp(built).answer(request(path)) is None


def test_a_file_with_its_digest_in_its_name_is_kept_for_ever_and_others_are_not(built: Path):
    app = WebApp(built)
    assert "immutable" in get(app, "/assets/index-4f2a.js").headers["cache-control"]
    for path in ("/icons/mark.svg", "/sw.js", "/manifest.webmanifest"):
        assert "immutable" not in get(app, path).headers["cache-control"]
    assert get(app, "/sw.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/index-4f2a.js", "text/javascript; charset=utf-8"),
        ("/assets/inter-9c1d.woff2", "font/woff2"),
        ("/icons/mark.svg", "image/svg+xml"),
        ("/manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_a_file_says_what_it_is_whatever_the_machine_believes(built: Path, path: str, kind: str):
    assert get(WebApp(built), path).headers["content-type"] == kind


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"brotli"),
        ("GZIP", "gzip", b"gzip"),
        ("identity", None, SCRIPT),
        ("", None, SCRIPT),
        ("br;q=0", None, SCRIPT),
    ],
)
def test_a_script_comes_in_the_best_encoding_that_the_browser_takes(built: Path, accepted, coding, body):
    response = get(WebApp(built), "/assets/index-4f2a.js", accept_encoding=accepted)
    assert (response.headers.get("content-encoding"), response.body) == (coding, body)
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["vary"] == "Accept-Encoding"


def test_what_a_browser_has_is_not_sent_again(built: Path):
    app = WebApp(built)
    etag = get(app, "/").headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        response = get(app, "/", if_none_match=known)
        assert (response.status_code, response.body) == (304, b"")
        assert response.headers["content-security-policy"]
    assert get(app, "/", if_none_match='"other"').status_code == 200


def test_the_page_lets_nothing_run_but_what_came_from_here(built: Path):
    rules = policy(get(WebApp(built), "/"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "connect-src", "worker-src")} == {"'self'"}
    assert rules["require-trusted-types-for"] == "'script'"
    assert set(rules["trusted-types"].split()) == {"vue", "parley", "pdf"}
    assert {rules[name] for name in ("frame-ancestors", "base-uri", "form-action")} == {"'none'"}
    assert rules["report-uri"] == webapp.REPORTS
    assert "unsafe" not in get(WebApp(built), "/").headers["content-security-policy"]


def test_the_service_worker_lives_under_the_pages_policy(built: Path):
    app = WebApp(built)
    assert policy(get(app, "/sw.js")) == policy(get(app, "/"))


def test_a_new_build_is_served_from_then_on(built: Path, tmp_path: Path):
    app = WebApp(built)
    get(app, "/")
    built.rename(tmp_path / "old")
    assert get(app, "/assets/index-4f2a.js").body == SCRIPT, "while the new one is put into its place"
    new = tmp_path / "new"
    (new / "assets").mkdir(parents=True)
    (new / "assets" / "index-77aa.js").write_bytes(b"2")
    (new / "index.html").write_bytes(b"new")
    os.utime(new / "index.html", ns=(1, 1))
    new.rename(built)
    assert get(app, "/").body == b"new"
    assert get(app, "/assets/index-77aa.js").body == b"2"
    assert app.answer(request("/assets/index-4f2a.js")) is None


def test_a_build_that_is_taken_away_while_it_is_read_leaves_the_old_one(built: Path, monkeypatch: Any):
    app = WebApp(built)
    get(app, "/")
    os.utime(built / "index.html", ns=(1, 1))

    def gone(folder: Path, page: dict[str, str]) -> None:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(webapp, "read", gone)
    assert get(app, "/").body == INDEX


def test_files_of_another_origin_may_be_seen_and_read_but_run_nothing(built: Path):
    rules = policy(get(WebApp(built, "https://files.example"), "/"))
    elsewhere = {name for name, sources in rules.items() if "https://files.example" in sources}
    assert elsewhere == {"img-src", "connect-src"}


def test_without_a_build_a_plain_page_says_so(tmp_path: Path):
    app = WebApp(tmp_path / "none")
    response = get(app, "/")
    assert response.status_code == 503
    assert b"make webapp" in response.body
    assert policy(response)["default-src"] == "'none'"
    assert app.answer(request("/assets/index-4f2a.js")) is None


def test_a_folder_that_is_no_build_is_refused(built: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webapp, "MOST_BYTES", 50)
    with pytest.raises(ValueError, match="no web app of ours"):
        get(WebApp(built), "/")


def test_the_build_can_be_installed():
    public = ROOT / "edge" / "web" / "public"
    manifest = msgspec.json.decode((public / "manifest.webmanifest").read_bytes())
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    drawn = {(icon["purpose"], icon["sizes"]) for icon in manifest["icons"] if (public / icon["src"][1:]).is_file()}
    assert {("any", "192x192"), ("any", "512x512"), ("maskable", "512x512")} <= drawn
    page = (public.parent / "index.html").read_text()
    for name in re.findall(r'href="/([^"]+)"', page):
        assert (public / name).is_file(), name

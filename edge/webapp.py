"""The web app as the edge serves it: what `make run` built, from memory, under a policy that lets nothing foreign run.

All files of the build are read once and served from a table of their names, so no path that a request names ever
reaches the file system. A new build is noticed by its `index.html`. Every address that is no file is the app's own
to understand: it is answered with `index.html`, and the app's router says what is there.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

MOST_BYTES = 32 * 1024 * 1024
REPORTS = "/api/v1/csp-reports"
INDEX, WORKER = "index.html", "sw.js"
HASHED = "assets/"
"""Below it the names hold a digest of the content (vite.config.ts), so what was read once is true for ever."""
ELSEWHERE = ("api/", "files/", "ws/", "healthz/", "readyz/", HASHED)
"""Where an address that is no file is a mistake, and no page of the app."""
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Best first; written by edge/web/build/precompressed.ts."""


# `vue` is the policy that the library makes for itself; `parley` and `pdf` let one address each be a
# worker (src/offline/update.ts, src/messaging/papers.ts).
# Nothing else of the app makes code or markup out of text.
def policy(files: str = "") -> str:
    """What a page may load; `files` is the origin that files come from, where that is another one."""
    rules = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        f"img-src 'self' blob: data: {files}".rstrip(),
        "media-src 'self' blob:",
        f"connect-src 'self' {files}".rstrip(),  # the WebSocket too: CSP 3 has ws and wss of the same host match
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types vue parley pdf",
        f"report-uri {REPORTS}",  # and not report-to, which waits up to a minute and wants https
    )
    return "; ".join(rules)


PAGE = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: under that some requests of the page's own say `Origin: null`, with which no cookie counts.
    "Referrer-Policy": "same-origin",
}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}
NOT_BUILT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Parley</title>
<p>Parley is running, but its web app was not built. <code>make run</code> and <code>make webapp</code> build it.
<p>The API is there: <a href="/api/docs">its description</a>.
"""

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


class File(NamedTuple):
    """One file: its answer's headers, and its content, plain and in the encodings that were made."""

    headers: dict[str, str]
    content: dict[str, bytes]


class WebApp:
    """The build in `folder`; there may be none (yet). `files` is the origin of files, where that is another one."""

    def __init__(self, folder: Path, files: str = "") -> None:
        self._folder = folder
        self._page = PAGE | {"Content-Security-Policy": policy(files)}
        self._files: dict[str, File] = {}
        self._seen: object = None

    def answer(self, request: Request) -> Response | None:
        """What GET or HEAD of this address gets; None where there is nothing."""
        files = self._current()
        name = request.url.path.removeprefix("/")
        found = files.get(name)
        if found is None:
            if f"{name}/".startswith(ELSEWHERE) or "." in name.rpartition("/")[2]:
                return None
            found = files.get(INDEX)
            if found is None:
                return Response(NOT_BUILT, 503, self._page, media_type="text/html")
        return _answer(request, found)

    def _current(self) -> dict[str, File]:
        try:
            index = (self._folder / INDEX).stat()
            seen = (index.st_ino, index.st_mtime_ns)
            if seen != self._seen:
                self._files, self._seen = read(self._folder, self._page), seen
        except OSError:
            pass  # never built; or another build is being put into its place at this moment
        return self._files


def read(folder: Path, page: dict[str, str] = PAGE) -> dict[str, File]:
    """Every file below `folder` by its name there. Raises ValueError for more than anybody would build."""
    content = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    if sum(map(len, content.values())) > MOST_BYTES:
        raise ValueError(f"{folder} holds more than {MOST_BYTES} bytes: that is no web app of ours")
    endings = tuple(ending for _, ending in ENCODINGS)
    return {name: _file(name, content, page) for name in content if not name.endswith(endings)}


def _file(name: str, content: dict[str, bytes], page: dict[str, str]) -> File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    # A worker is held to the policy that came with its own script.
    rule = page if name in (INDEX, WORKER) else FOR_EVER if name.startswith(HASHED) else FOR_A_DAY
    if name.endswith(".webmanifest"):
        rule = {"Cache-Control": "no-cache"}
    etag = f'"{hashlib.sha256(content[name]).hexdigest()[:32]}"'
    made = {coding: content[name + ending] for coding, ending in ENCODINGS if name + ending in content}
    return File({"Content-Type": kind, "ETag": etag, "Vary": "Accept-Encoding", **rule}, {**made, "": content[name]})


def _answer(request: Request, file: File) -> Response:
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if file.headers["ETag"] in known:
        return Response(None, 304, file.headers)
    accepted = [each.strip().lower() for each in request.headers.get("accept-encoding", "").split(",")]
    coding = next((coding for coding in file.content if coding in accepted), "")
    headers = {**file.headers, "Content-Encoding": coding} if coding else file.headers
    return Response(file.content[coding], headers=headers)

"""`csp-reports`: what the web app's Content-Security-Policy stopped in somebody's browser."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated, Any, ClassVar

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from edge.api.operations import operation
from edge.api.requests import body_of
from edge.problems import Problem
from edge.ratelimit import RateLimit, network

log = structlog.get_logger()

SHOWN_CHARACTERS = 200
DIRECTIVES = frozenset(
    {
        *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem"),
        *("style-src-attr", "font-src", "img-src", "media-src", "connect-src", "manifest-src", "worker-src"),
        *("object-src", "frame-src", "child-src", "base-uri", "form-action", "frame-ancestors"),
        *("require-trusted-types-for", "trusted-types"),
    }
)
"""Others are counted as one: whoever reports must not be able to make as many time series as there are words."""


class Violation(msgspec.Struct, rename="kebab"):
    """What was stopped, in the names of CSP 3, 5.3. Anybody can send anything, so nothing of it is believed."""

    document_uri: str = ""
    effective_directive: str = ""
    violated_directive: str = ""
    blocked_uri: str = ""
    source_file: str | None = None
    line_number: int | None = None
    script_sample: str | None = None


class Report(msgspec.Struct):
    """What a browser sends by itself where a policy says `report-uri`."""

    violation: Annotated[Violation, msgspec.Meta(description="What was stopped.")] = msgspec.field(name="csp-report")

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "csp-report": {
            "document-uri": "https://chat.example/c/5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
            "effective-directive": "script-src-elem",
            "violated-directive": "script-src-elem",
            "blocked-uri": "https://evil.example/x.js",
            "source-file": None,
            "line-number": 1,
            "script-sample": "",
        }
    }


class Reports:
    """Counts reports, and says of how many parties' how many are looked at: a page may send thousands."""

    def __init__(self, counted: Counter[str]) -> None:
        self._counted = counted
        self._by_address = RateLimit(1.0, 20)

    def admit(self, address: str, now: float) -> None:
        """Raises 429 when that address has reported too much."""
        wait = self._by_address.admit(network(address), now)
        if wait:
            raise Problem("rate_limited", retry_after=round(wait, 3))

    def note(self, violation: Violation) -> None:
        """Count it, and write one line."""
        directive = (violation.effective_directive or violation.violated_directive).partition(" ")[0]
        directive = directive if directive in DIRECTIVES else "other"
        self._counted[directive] += 1
        log.warning(
            "csp.violation",
            directive=directive,
            blocked=shown(violation.blocked_uri),
            page=shown(violation.document_uri),
            source=shown(violation.source_file or ""),
            line=violation.line_number,
        )


def shown(uri: str) -> str:
    """As much of an address as a log may hold: no query, no fragment, which may carry what is nobody's business."""
    return uri.partition("#")[0].partition("?")[0][:SHOWN_CHARACTERS]


@operation(by="anyone", takes=Report, gives={204: None}, refuses=("rate_limited",))
async def report(request: Request) -> Response:
    """Tell what a page's policy stopped; browsers do so by themselves. It is counted and logged, nothing else."""
    reports: Reports = request.app.state.reports
    reports.admit(request.client.host if request.client else "", time.monotonic())
    reports.note((await body_of(request, Report)).violation)
    return Response(status_code=204)

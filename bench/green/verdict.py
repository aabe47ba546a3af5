"""Whether a load test passed, and its report. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bench import plots
from bench.green.record import Line, Record
from bench.page import page, table

DELIVERY_MS = 100.0
ERRORS = 0.01
AUDIT = "AUDIT"
"""The kind under which faults of the log are counted: one is too many."""
HEARD = frozenset({"delivery", "replayed", "typing"})
"""What users hear, not what they ask for: ten deliveries a message must not dilute the errors."""


def reasons(lines: Sequence[Line], proofs: Collection[str] = ()) -> list[str]:
    """Why it failed; empty when it passed. What `proofs` names must have succeeded once, or the test shows nothing."""
    found = []
    asked = [line for line in lines if line.kind != AUDIT and line.name not in HEARD]
    count, failures = sum(line.requests for line in asked), sum(line.failures for line in asked)
    if not count:
        found.append("nothing was asked of the server")
    elif failures / count >= ERRORS:
        found.append(f"{failures / count:.1%} of what was asked failed ({failures:,} of {count:,}; below {ERRORS:.0%})")
    shown = {line.name for line in lines if line.requests > line.failures}
    found += [f"there was no {name}" for name in sorted(set(proofs) - shown)]
    for line in lines:
        if line.name == "delivery" and not line.mean < DELIVERY_MS:
            found.append(f"delivery took {line.mean:.1f} ms on average (below {DELIVERY_MS:.0f} ms)")
        if line.kind == AUDIT:
            found.append(f"{line.failures:,} acknowledged messages were {line.name}")
    return found


HEADS = ("", "what", "count", "failed", "mean", "p50", "p95", "p99", "max")


def rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """The lines as words; times in milliseconds."""
    return [
        (line.kind, line.name, f"{line.requests:,}", f"{line.failures:,}", *(f"{ms:,.1f}" for ms in line[4:]))
        for line in lines
    ]


def text(lines: Sequence[Line], failed: Sequence[str], more: Sequence[str] = ()) -> str:
    """For a terminal."""
    cells = [HEADS, *rows(lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADS))]
    shown = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    verdict = [f"FAILED: {one}" for one in failed] or ["PASSED"]
    return "\n".join([*shown, "", *more, *verdict])


def html(lines: Sequence[Line], failed: Sequence[str], record: Record, words: str) -> str:
    """One page."""
    series = [(line.kind, line.name) for line in lines if line.kind == "WS"]
    curves = {name: points for kind, name in series if (points := record.curve(kind, name))}
    courses = {f"{name} p99": points for kind, name in series if (points := record.course(kind, name))}
    parts = [
        table(("passed", "why not"), [(not failed, "; ".join(failed))]),
        table(HEADS, rows(lines)),
        plots.distribution("Latency, distribution", curves),
        plots.over_time("Latency, 99th percentile of each second", courses),
    ]
    return page("Parley: load test", words, parts)

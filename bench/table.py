"""The speed table: every goal with what was measured, each figure the median of three runs beside the load average.

`make bench-table`, or `python -m bench.table --rows even,crowd --quick`. Instances of its own are started and thrown
away; nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import plots
from bench.dial import allow_files
from bench.groups import SetupError
from bench.page import RESULTS, keep, page, table
from bench.rig import Rig
from bench.rows import ROWS, Result, Row

SOCKETS = 10_000


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__)
    known = {row.key: row for row in ROWS}
    parser.add_argument("--rows", default=",".join(known), help=f"some of {','.join(known)} (default: all)")
    parser.add_argument("--runs", type=int, help="of each (default 3; 1 when quick)")
    parser.add_argument("--quick", action="store_true", help="short loads: to see that it works, not for figures")
    parser.add_argument("--port", type=int, help="of the first instance's first edge (default: any that is free)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for JSON and HTML")
    given = parser.parse_args(argv)
    unknown = [key for key in given.rows.split(",") if key not in known]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")
    given.rows = [known[key] for key in given.rows.split(",")]
    given.runs = given.runs or (1 if given.quick else 3)
    return given


def measured(rig: Rig, rows: Sequence[Row]) -> list[Result]:
    """Measure the rows one after the other. Raises SetupError."""
    results = []
    for row in rows:
        rig.notice(f"bench: {row.load}")
        results.append(result := Result(row, row.measure(rig)))
        rig.notice(f"    {told(result)}{'' if result.met else '   <- not met'}")
    return results


def told(result: Result) -> str:
    """The medians of the figures that have a goal, then of the others."""
    units = {goal.figure: goal.unit for goal in result.row.goals}
    order = sorted(result.figures, key=lambda name: name not in units)
    shown = [f"{name} {result.figures[name]:,.4g} {units.get(name, 'ms')}".strip() for name in order]
    return ", ".join(shown) + ("" if result.sound else " (NOT SOUND)")


def lines(results: Sequence[Result]) -> list[tuple[str, str, str, str, bool]]:
    """Load, goal, figures, load average (least to most of the runs), and whether the goal is met."""
    found = []
    for result in results:
        averages = sorted(run.load_average for run in result.runs)
        spread = f"{averages[0]:.1f} to {averages[-1]:.1f}" if len(averages) > 1 else f"{averages[0]:.1f}"
        goals = ", ".join(map(str, result.row.goals))
        found.append((result.row.load, goals, told(result), spread, result.met))
    return found


HEADS = ("load", "goal", "median", "load average", "met")


def text(results: Sequence[Result]) -> str:
    """The table for a terminal; it is Markdown, too."""
    rows = [HEADS, *((*line[:4], "yes" if line[4] else "**no**") for line in lines(results))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    shown = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return "\n".join([shown[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *shown[1:]])


def html(results: Sequence[Result], words: str) -> str:
    """The table and the latencies of every run that has some."""
    parts = [table(HEADS, lines(results))]
    for result in results:
        curves = {f"run {n}": run.details.get("delivery_curve") or [] for n, run in enumerate(result.runs, 1)}
        if any(curves.values()):
            courses = {
                f"run {n} p99": [(moment["at"], moment["p99"]) for moment in run.details.get("delivery_course", [])]
                for n, run in enumerate(result.runs, 1)
            }
            parts.append(f"<h2>{result.row.load}</h2>")
            parts.append(plots.distribution("Delivery, distribution", curves))
            parts.append(plots.over_time("Delivery, 99th percentile of each half second", courses))
    return page("Parley: speed table", words, parts)


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when every goal is met, 1 when not, 2 when it could not be measured."""
    given = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that instances are stopped
    rig = Rig(env, runs=given.runs, quick=given.quick, port=given.port, notice=lambda words: print(words, flush=True))
    try:
        allow_files(SOCKETS)
        results = measured(rig, given.rows)
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 2
    here = machine()
    words = f"{here['at']}, {here['cpus']} CPUs, {here['system']}, Python {here['python']}; median of {given.runs}"
    words += "; quick: these are no figures" if given.quick else ""
    figures = {
        "machine": here,
        "quick": given.quick,
        "rows": [
            {
                "key": one.row.key,
                "load": one.row.load,
                "goals": [str(goal) for goal in one.row.goals],
                "figures": one.figures,
                "sound": one.sound,
                "met": one.met,
                "runs": [asdict(run) for run in one.runs],
            }
            for one in results
        ],
    }
    data, shown = keep("table", figures, html(results, words), folder=given.results)
    print(f"\n{text(results)}\n\n{words}\n{data}\n{shown}")
    return 0 if all(one.met for one in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""What the launcher says in the terminal, and how."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from deploy.errors import LaunchError
from deploy.plan import Plan
from deploy.ready import url
from deploy.settings import LauncherSettings

DEMO_ACCOUNTS = ("client@demo.example", "agent@demo.example", "admin@demo.example")
DEMO_PASSWORD = "demo"  # noqa: S105 — meant to be known; only loopback instances have it


def say(text: str, *, stream: TextIO | None = None) -> None:
    """Print; a terminal that is gone is no reason to stop serving."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=stream or sys.stdout, flush=True)


def notice(text: str) -> None:
    """One line about what happens."""
    say(f"parley: {text}")


def waiting(what: str) -> Callable[[str], None]:
    """A teller of what is still awaited, for a slow machine."""
    return lambda why: notice(f"still waiting for {what}: {why}")


def failure(error: LaunchError) -> None:
    """The last lines of the process to blame, if it said more than one; then the cause in one line."""
    if len(error.words) > 1:
        for line in error.words:
            say(f"  | {line}", stream=sys.stderr)
    say(f"parley: {error}", stream=sys.stderr)


def greeting(plan: Plan, settings: LauncherSettings, data_dir: Path) -> None:
    """Where Parley is, who may sign in, and how to go on."""
    urls = [url(settings.host, port) for port in plan.ports]
    lines = ["", f"Parley is running at {'  '.join(urls)}", ""]
    here = "" if urls[0] == "http://127.0.0.1:8000" else f" --url {urls[0]}"
    if settings.shows_demo:
        lines += [
            f"  sign in   {'  '.join(DEMO_ACCOUNTS)}  (password: {DEMO_PASSWORD})",
            f"  chat      .venv/bin/python -m bench.chat --as {DEMO_ACCOUNTS[0]}{here}",
            f"            .venv/bin/python -m bench.chat --as {DEMO_ACCOUNTS[1]}{here}",
        ]
    else:
        place = "DATABASE_URL=…" if settings.database_url else f"DATA_DIR={data_dir}"
        lines.append(f"  accounts  {place} .venv/bin/python -m storage account add --role admin EMAIL")
    lines += [
        f"  data      {data_dir}",
        f"  logs      tail -f {data_dir}/logs/*.log",
        "  stop      Ctrl-C",
        "",
    ]
    say("\n".join(lines))

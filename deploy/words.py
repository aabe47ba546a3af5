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
from deploy.targets import FILE, HOST
from storage import demo_talk

DEMO_ACCOUNTS = (demo_talk.CLIENT, demo_talk.AGENT, demo_talk.ADMIN)
SHARED_TALK = "night works"  # what the first two of them have in common: `bench.chat` finds it by a part of its name


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
        chat = f'.venv/bin/python -m bench.chat{here} --conversation "{SHARED_TALK}" --as'
        lines += [
            f"  sign in   {'  '.join(DEMO_ACCOUNTS)}  (password: {demo_talk.PASSWORD})",
            f"  chat      {chat} {demo_talk.CLIENT}",
            f"            {chat} {demo_talk.AGENT}",
        ]
    else:
        place = "DATABASE_URL=…" if settings.database_url else f"DATA_DIR={data_dir}"
        lines.append(f"  accounts  {place} .venv/bin/python -m storage account add --role admin EMAIL")
    if plan.metrics:
        lines.append(f"  metrics   http://{HOST}:{min(plan.metrics.values())}/metrics …, all in {data_dir}/{FILE}")
    lines += [
        f"  data      {data_dir}",
        f"  logs      tail -f {data_dir}/logs/*.log",
        "  stop      Ctrl-C",
        "",
    ]
    say("\n".join(lines))

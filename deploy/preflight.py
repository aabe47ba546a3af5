"""Before anything is touched: will every process of the plan accept its settings?"""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploy.errors import LaunchError
from deploy.plan import Plan


def require_settings(plan: Plan, folder: Path) -> None:
    """Raises `LaunchError` with the line of the first package that refuses its environment.

    Each package is asked in a process (`python -m edge.settings`), since we import none of edge and workers; all at
    once, and each takes a tenth of a second, because settings import nothing heavy.
    """
    first = {process.package: process for process in reversed((*plan.steps, *plan.processes))}
    asked = [
        subprocess.Popen(
            [process.argv[0], "-m", f"{package}.settings"],
            cwd=folder,
            env=process.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for package, process in sorted(first.items())
    ]
    said = [process.communicate()[1] for process in asked]
    for process, words in zip(asked, said, strict=True):
        if process.returncode != 0:
            lines = words.strip().splitlines() or [f"it ended with status {process.returncode}"]
            raise LaunchError(lines[-1].strip(), tuple(lines))

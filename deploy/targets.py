"""Where an instance tells its metrics, as a file that Prometheus reads by itself (`file_sd_configs`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.errors import LaunchError
from deploy.plan import Plan

FILE = "metrics.json"
HOST = "127.0.0.1"


def listed(plan: Plan) -> list[dict[str, Any]]:
    """One entry a process, with its name in the logs (`edge-2`) and its kind (`edge`) as labels."""
    return [
        {"targets": [f"{HOST}:{port}"], "labels": {"process": name, "kind": name.partition("-")[0]}}
        for name, port in plan.metrics.items()
    ]


def write(plan: Plan, data_dir: Path) -> None:
    """Put the list into DATA_DIR, whole or not at all; without metrics, take an older one away."""
    path = data_dir / FILE
    try:
        if not plan.metrics:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(listed(plan), indent=1) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise LaunchError(f"{path} cannot be written: {error.strerror}") from error

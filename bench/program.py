"""What every measuring program does with its run: the figures are printed, kept, and judged by the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.groups import SetupError


def conclude(
    run: Coroutine[Any, Any, Mapping[str, Any]], render: Callable[[Mapping[str, Any]], str], json: Path | None
) -> int:
    """The exit code: 0 when the run was sound, 1 when not, 2 when there was none."""
    try:
        figures = uvloop.run(run)
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 2
    print(render(figures))
    if json is not None:
        json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return 0 if figures["sound"] else 1

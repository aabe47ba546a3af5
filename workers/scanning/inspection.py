"""The life of an inspection: what the file is, what an engine knows of it, and pictures of what is clean."""

from __future__ import annotations

from pathlib import Path

import msgspec

from storage.filenames import extension
from workers.scanning.confinement import clear, looked_at
from workers.scanning.engines.contract import Engine
from workers.scanning.findings import Finding, Limits


async def inspect(path: Path, name: str, engine: Engine, limits: Limits, out: Path) -> Finding:
    """Judge the file at `path`, called `name`; pictures of a clean image lie in `out`, and of others none.

    Never raises for what is in the file. `error` means that nobody could judge it: try again, and trust it to nobody.
    """
    found = await looked_at(path, extension(name), limits, out, rules=engine.in_cell)
    if found.verdict == "clean" and not engine.in_cell:
        judged = await engine.scan(path)
        if judged.verdict != "clean":
            found = Finding(
                verdict=judged.verdict,
                reason=judged.reason,
                signature=judged.signature,
                detail=judged.detail,
                grown_bytes=found.grown_bytes,
            )
    if found.verdict != "clean":
        clear(out)
    return found


async def reinspect(path: Path, name: str, engine: Engine, limits: Limits) -> Finding:
    """Ask the engine again, of a file that is clean as far as anybody knows; draws nothing."""
    if engine.in_cell:
        return await looked_at(path, extension(name), limits, None, structure=False, rules=True)
    judged = await engine.scan(path)
    return Finding(verdict=judged.verdict, reason=judged.reason, signature=judged.signature, detail=judged.detail)


async def vouched_for(path: Path, name: str, limits: Limits, out: Path) -> Finding:
    """A file that an administrator released: clean, with pictures if it is an image that can be drawn."""
    found = await looked_at(path, extension(name), limits, out)
    if found.verdict == "clean":
        return found
    return msgspec.structs.replace(Finding(verdict="clean"), detail=f"released; {found.reason or found.verdict}")

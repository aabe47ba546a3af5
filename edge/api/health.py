"""`/healthz`: the process is alive. `/readyz`: it can serve."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from edge.api.requests import answer, edge_of
from storage.errors import StorageError

DATABASE_SECONDS = 2.0


async def healthz(request: Request) -> Response:
    """The event loop answers."""
    return answer({"status": "alive"})


async def readyz(request: Request) -> Response:
    """200 when a message could be sent and delivered now; else 503. Either way, what is there and what is missing.

    `durable` false means that the database was told to confirm what it may lose, and that whoever runs this said
    that it may (STORAGE_ALLOW_UNSAFE_DURABILITY): it serves, and does not keep its promise.
    """
    edge = edge_of(request)
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await edge.db.check()
        database = True
    except (StorageError, TimeoutError):
        database = False
    checks: dict[str, Any] = {
        "database": database,
        "backbone": edge.backbone.ready,
        "persistence": len(edge.backbone.peers("persistence")),
        "fanout": len(edge.backbone.peers("fanout")),
        "draining": edge.draining(),
    }
    ready = all((database, checks["backbone"], checks["persistence"], checks["fanout"])) and not checks["draining"]
    status = "ready" if ready else "not ready"
    body = {"status": status, "durable": edge.db.durable, "epoch": edge.db.epoch, **checks}
    return answer(body, 200 if ready else 503)

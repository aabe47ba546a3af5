"""`/healthz`: the process is alive. `/readyz`: it can serve."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.operations import operation
from edge.api.requests import answer, edge_of
from storage.errors import StorageError

DATABASE_SECONDS = 2.0


class Alive(msgspec.Struct):
    """What `/healthz` answers."""

    status: Literal["alive"]

    EXAMPLE: ClassVar[dict[str, Any]] = {"status": "alive"}


class Readiness(msgspec.Struct):
    """What `/readyz` answers: what is there, and what is missing."""

    status: Literal["ready", "not ready"]
    durable: Annotated[bool, msgspec.Meta(description="Whether the database keeps what it confirms.")]
    epoch: Annotated[str, msgspec.Meta(description="The database's epoch; empty before it was ever reached.")]
    database: bool
    backbone: Annotated[bool, msgspec.Meta(description="Whether a broker answers.")]
    brokers: Annotated[int, msgspec.Meta(ge=0, description="Brokers that answer this edge.")]
    persistence: Annotated[int, msgspec.Meta(ge=0, description="Persistence workers alive.")]
    fanout: Annotated[int, msgspec.Meta(ge=0, description="Fanout workers alive.")]
    scanning: Annotated[int, msgspec.Meta(ge=0, description="Scanning workers alive; without one files wait.")]
    draining: Annotated[bool, msgspec.Meta(description="Whether this edge is about to stop.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "status": "ready",
        "durable": True,
        "epoch": "7437112233445566778-1",
        "database": True,
        "backbone": True,
        "brokers": 1,
        "persistence": 1,
        "fanout": 1,
        "scanning": 1,
        "draining": False,
    }


@operation(by="anyone", gives={200: Alive})
async def healthz(request: Request) -> Response:
    """The event loop answers."""
    return answer({"status": "alive"})


@operation(by="anyone", gives={200: Readiness, 503: Readiness})
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
        "brokers": edge.backbone.brokers,
        "persistence": len(edge.backbone.peers("persistence")),
        "fanout": len(edge.backbone.peers("fanout")),
        "scanning": len(edge.backbone.peers("scanning")),
        "draining": edge.draining(),
    }
    ready = all((database, checks["backbone"], checks["persistence"], checks["fanout"])) and not checks["draining"]
    status = "ready" if ready else "not ready"
    body = {"status": status, "durable": edge.db.durable, "epoch": edge.db.epoch, **checks}
    return answer(body, 200 if ready else 503)

"""`python -m edge`: one edge process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

import structlog
import uvicorn

from broker.link.sockets import AddressError
from broker.node.environment import load
from broker.node.lifecycle import stop_signal
from broker.node.process import run_process
from edge.app import DRAIN_SECONDS, open_edge
from edge.settings import PREFIX, SHARED, EdgeSettings
from edge.socket.frames import FRAME_BYTES
from edge.socket.transport import HttpProtocol, Reception, WebSocketProtocol
from storage import settings as storage_settings
from storage.errors import StorageError

log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: when to stop is decided by `main`, after the drain."""

    def install_signal_handlers(self) -> None:
        """None of its own."""


def configure(app: object, reception: Reception, settings: EdgeSettings) -> uvicorn.Config:
    """uvicorn's defaults where they are right, and ours where they are not (docs/performance.md, docs/protocol.md)."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI application
        host=settings.host,
        port=settings.port,
        loop="none",
        http=HttpProtocol,
        ws=partial(WebSocketProtocol, reception=reception),  # type: ignore[arg-type]  # whatever makes a protocol
        ws_max_size=FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        backlog=4096,
        timeout_graceful_shutdown=2,
    )


async def main(env: Mapping[str, str]) -> None:
    """Serve until a signal, drain, stop."""
    settings = load(EdgeSettings, env, PREFIX, SHARED)
    storage = storage_settings.load(env)
    stop = stop_signal()
    async with open_edge(settings, storage) as running:
        server = Server(configure(running.app, running.reception, settings))
        serving = asyncio.create_task(server._serve())  # without the signal handlers of serve()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("edge.draining", sessions=len(running.gateway.sessions))
        await running.gateway.drain(DRAIN_SECONDS)
        server.should_exit = True
        stopping.cancel()
        await serving


if __name__ == "__main__":
    run_process("edge", main, storage_settings.SettingError, AddressError, StorageError)

"""Opening very many sockets: descriptors, source addresses, the handshake."""

from __future__ import annotations

import ipaddress
import resource
from typing import Any
from urllib.parse import urlsplit

from picows import WSListener, WSTransport, ws_connect

from bench.frames import SUBPROTOCOL
from bench.groups import SetupError

SPARE_FILES = 100
PORTS_PER_ADDRESS = 20_000
"""A source address has some 28,000 ports for one destination (ip_local_port_range); the rest may be in TIME_WAIT."""


def allow_files(wanted: int) -> None:
    """Raise our limit of open files for `wanted` sockets; what we start inherits it. Raises SetupError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise SetupError(f"{wanted:,} sockets need {needed:,} open files, and {hard:,} are allowed (ulimit -Hn).")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def source(url: str, number: int) -> tuple[str, int] | None:
    """Where socket `number` to a server on the loopback comes from, so that ports suffice; None: anywhere."""
    try:
        loopback = ipaddress.IPv4Address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return None
    return (f"127.0.0.{2 + number // PORTS_PER_ADDRESS}", 0) if loopback else None


async def dial(listener: WSListener, url: str, *, number: int | None = None) -> WSTransport:
    """A WebSocket to the edge at `url`, as the `number`-th of a crowd if there is one.

    Raises OSError, TimeoutError or picows.WSError.
    """
    more: dict[str, Any] = {} if number is None else {"local_addr": source(url, number)}
    transport, _ = await ws_connect(
        lambda: listener,
        url.replace("http", "ws", 1).rstrip("/") + "/ws",
        extra_headers={"Sec-WebSocket-Protocol": SUBPROTOCOL},
        **more,
    )
    return transport

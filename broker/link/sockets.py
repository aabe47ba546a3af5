"""Every ZeroMQ option that we set, once, with its reason. Both ends make their sockets here.

Numbers in brackets are issues of zeromq/libzmq; docs/backbone.md tells what each trap did when we measured it.
"""

from __future__ import annotations

import ipaddress
import socket as unix
from pathlib import Path
from urllib.parse import urlsplit

import zmq

from broker.link.curve import secure_broker, secure_peer
from broker.wire.limits import MESSAGE_BYTES

HIGH_WATER = 1000
LINGER_MS = 1000


class AddressError(ValueError):
    """An address that this release will not use; the message says why and what to do."""


def _common(socket: zmq.Socket[bytes], address: str) -> None:
    # Off by default: tcp://[::1]:5555 could not be bound.
    socket.setsockopt(zmq.IPV6, int("[" in address))
    # Neither a bound nor a promise: credit is our bound. It keeps libzmq from queueing without limit all the same.
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
    # A batch closes far below; a message above drops its connection in silence.
    socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
    # Infinite by default: a close with a dead peer would hang for ever.
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    # ZMTP's own heartbeats see dead hosts and cut lines; a hung process only ours see, because the I/O thread answers.
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)
    # A peer that connects and says nothing is let go.
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5000)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 30)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 10)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)


def router_socket(context: zmq.Context[zmq.Socket[bytes]], address: str, keys: Path | None = None) -> zmq.Socket[bytes]:
    """The broker's socket, bound. ROUTER binds and never connects (1575). With `keys`, TCP is spoken in CURVE."""
    check_address(address, keys)
    socket = context.socket(zmq.ROUTER)
    _common(socket, address)
    # Without it a send to an unknown id vanishes; with it we get EHOSTUNREACH, and EAGAIN for a slow peer.
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    # A reused id loses messages either way (2892, 4407): every start takes a new id, and none is ever handed over.
    socket.setsockopt(zmq.ROUTER_HANDOVER, 0)
    # Everyone reconnects at once after a restart.
    socket.setsockopt(zmq.BACKLOG, 1024)
    try:
        if (used := curve_keys(address, keys)) is not None:
            secure_broker(socket, used)
        if address.startswith("ipc://"):
            _claim(Path(address.removeprefix("ipc://")))
        socket.bind(address)
    except BaseException:
        socket.close(linger=0)
        raise
    return socket


def _claim(path: Path) -> None:
    """Make the folder, and see that nobody listens there: bind(2) of ours would take the path away from him."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with unix.socket(unix.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            pass
        except OSError:
            return
    raise AddressError(f"ipc://{path}: another broker listens here. Stop it, or choose another address.")


def dealer_socket(
    context: zmq.Context[zmq.Socket[bytes]], address: str, identity: str, keys: Path | None = None
) -> zmq.Socket[bytes]:
    """A peer's socket to one broker, connecting; one DEALER per broker, never one for several."""
    check_address(address, keys)
    socket = context.socket(zmq.DEALER)
    _common(socket, address)
    if (used := curve_keys(address, keys)) is not None:
        try:
            secure_peer(socket, used)
        except BaseException:
            socket.close(linger=0)
            raise
    socket.setsockopt(zmq.ROUTING_ID, identity.encode())
    # Queue nothing for a broker that is not there: a send says EAGAIN instead.
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 5000)
    socket.connect(address)
    return socket


def curve_keys(address: str, keys: Path | None) -> Path | None:
    """The keys to use there, None for plain: CURVE is for TCP; a socket that only its owner may open needs none."""
    return keys if address.startswith("tcp://") else None


def check_address(address: str, keys: Path | None = None) -> None:
    """Refuse what would not work or would not be safe; raises `AddressError`."""
    if address.startswith("ipc://"):
        path = address.removeprefix("ipc://")
        if not path or len(path.encode()) >= 107:
            raise AddressError(
                f"{address!r}: the path of an ipc address has 1 to 106 bytes; choose a shorter DATA_DIR."
            )
        return
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "tcp" or not parts.hostname or port is None:
        raise AddressError(f"{address!r} is no address: write ipc:///path or tcp://127.0.0.1:5555.")
    if keys is None and not _is_loopback(parts.hostname):
        raise AddressError(
            f"{address!r}: plain TCP is only spoken on a loopback address, since anyone who reaches it could"
            " write to every conversation. Use ipc:// or 127.0.0.1, or give all of them BROKER_KEYS."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

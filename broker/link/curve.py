"""CURVE keys as files: what lets a broker and its peers speak TCP beyond one machine (RFC 26/CurveZMQ).

A folder, named by BROKER_KEYS, in pyzmq's certificate format; `python -m broker.keys` makes what is in it:

    broker.key, broker.key_secret    the brokers' pair; peers need the public half only
    node.key, node.key_secret        the pair of this machine's edges and workers
    allowed/NAME.key                 on a broker's machine: the public keys of those who may connect
"""

from __future__ import annotations

from pathlib import Path

import zmq
import zmq.auth

from broker.node.environment import SettingError

BROKER, NODE, ALLOWED = "broker", "node", "allowed"
DOMAIN = "parley"
OTHERS = 0o077


class KeyFault(SettingError):
    """BROKER_KEYS names a key that cannot be used; the message says which file, why, and what to do."""


def secure_broker(socket: zmq.Socket[bytes], folder: Path) -> None:
    """Let in who knows the brokers' public key and has one of the allowed. Before bind; raises `KeyFault`."""
    public, secret = secret_pair(folder, BROKER)
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
    # Without a domain libzmq would not ask who is allowed, and let everyone in who knows the public key.
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN.encode())


def secure_peer(socket: zmq.Socket[bytes], folder: Path) -> None:
    """Speak to a broker that has the brokers' secret key, and to no other. Before connect; raises `KeyFault`."""
    public, secret = secret_pair(folder, NODE)
    socket.setsockopt(zmq.CURVE_SERVERKEY, public_key(folder / f"{BROKER}.key"))
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


def secret_pair(folder: Path, name: str) -> tuple[bytes, bytes]:
    """The public and the secret key of `name`, in Z85; raises `KeyFault` also when others may read the secret one."""
    path = folder / f"{name}.key_secret"
    public, secret = _load(path)
    if secret is None:
        raise KeyFault(f"{path} holds no secret key: make one with `python -m broker.keys`.")
    if path.stat().st_mode & OTHERS:
        raise KeyFault(f"{path} can be read by others: chmod 600 it, or make a new pair if they may have.")
    return public, secret


def public_key(path: Path) -> bytes:
    """The public key in a file, in Z85; raises `KeyFault`."""
    return _load(path)[0]


def allowed_keys(folder: Path) -> dict[bytes, str]:
    """Who may connect: names by public key. Raises `KeyFault` for a file that is no key."""
    return {public_key(path): path.stem for path in sorted((folder / ALLOWED).glob("*.key"))}


def _load(path: Path) -> tuple[bytes, bytes | None]:
    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError):
        reason = "it holds no key" if path.is_file() else "there is no such file"
        raise KeyFault(f"{path} cannot be used ({reason}): see BROKER_KEYS in docs/settings.md.") from None

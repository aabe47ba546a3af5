"""Who may connect to a broker, and who was turned away: ZAP (RFC 27) by pyzmq, and what the socket's monitor tells.

libzmq drops whoever speaks no CURVE, has another server key, or is not allowed, before a message of his is seen, and
says nothing about it. So it is counted here, and logged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import structlog
import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from broker.link.curve import ALLOWED, DOMAIN, KeyFault, allowed_keys

log = structlog.get_logger()

REASONS = {
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): "protocol",
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): "auth",
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): "no_detail",
}
"""What ended a handshake: words that are no ZMTP or no CURVE, a key that may not, or something libzmq tells not."""


class _Authenticator(AsyncioAuthenticator):
    """Names those who are let in, so that each message tells from whom it is."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], gatekeeper: Gatekeeper) -> None:
        super().__init__(context)
        self._gatekeeper = gatekeeper

    def curve_user_id(self, client_public_key: bytes) -> str:
        return self._gatekeeper.name_of(client_public_key) or ""


class Gatekeeper:
    """Asks the folder's allow-list, which may change while it runs. Start it before the socket is bound."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], folder: Path) -> None:
        self._folder = folder
        self._changed = 0.0
        self._allowed: dict[bytes, str] = {}
        self._authenticator = _Authenticator(context, self)
        self.look()
        self._authenticator.start()
        self._authenticator.configure_curve_callback(DOMAIN, self)

    def name_of(self, raw: bytes) -> str | None:
        """Who has that public key (32 bytes); None: nobody who may connect."""
        return self._allowed.get(z85.encode(raw))

    def callback(self, domain: str, key: bytes) -> bool:
        """pyzmq asks whether the owner of `key` (in Z85) is let in."""
        name = self._allowed.get(key)
        if name is None:
            log.warning("broker.stranger_key", key=key.decode("ascii", "replace"))
        return domain == DOMAIN and name is not None

    def look(self) -> None:
        """Read the allow-list again if its folder has changed; raises `KeyFault` for a file that is no key."""
        try:
            changed = (self._folder / ALLOWED).stat().st_mtime
        except OSError as fault:
            raise KeyFault(
                f"{self._folder / ALLOWED} cannot be read ({fault.strerror}): nobody could connect."
            ) from None
        if changed != self._changed:
            self._allowed = allowed_keys(self._folder)
            self._changed = changed

    def close(self) -> None:
        """Stop answering."""
        self._authenticator.stop()


class Handshakes:
    """Counts the handshakes with a socket that came to nothing, by reason."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.failed: Counter[str] = Counter()
        self._socket = socket
        events = sum(REASONS)
        monitor = socket.get_monitor_socket(events)
        self._monitor = zmq.asyncio.Socket.from_socket(monitor)
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            told = parse_monitor_message(await self._monitor.recv_multipart())
            if reason := REASONS.get(int(told["event"])):
                self.failed[reason] += 1

    async def close(self) -> None:
        """Stop counting."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._socket.disable_monitor()
        self._monitor.close(linger=0)

"""`GET /ws`: from the handshake to the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.datastructures import Headers, MultipleValuesError

from edge.auth.cookies import of_page, scheme_of_page
from edge.socket.frames import MSGPACK, SUBPROTOCOLS
from edge.socket.gateway import Gateway
from edge.socket.session import CloseCode
from edge.socket.transport import SocketPort

PATH = "/ws"
HEADERS = ("Origin", "Host", "Authorization", "Cookie")


def origin_allowed(origin: str | None, host: str, allowed: tuple[str, ...]) -> bool:
    """May a page of this origin open a socket here? No `Origin` (not a browser): yes, since a token is asked for.

    A page of the host and port that was asked for is always allowed, by http or https: behind a proxy that ends TLS
    the edge sees http, and a proxy's word about it could be anybody's. A page gains nothing by the other scheme, since
    a token is its own, and a cookie counts with the scheme that it was set for (`edge.auth.cookies`). Others must be
    listed, exactly (RFC 6454, 4).
    `null`, which sandboxed and local pages send, is nobody and never allowed.
    """
    if origin is None:
        return True
    return origin.strip().lower() in allowed or scheme_of_page(origin, host) is not None


def token_of(authorization: str | None, origin: str | None, host: str, cookies: str | None) -> str | None:
    """The token of a handshake: the header's, else the cookie's. A cookie needs a page, since sockets have no
    `SameSite` to speak of (Lax cookies go with every handshake of the same site)."""
    token = bearer_of(authorization)
    if token is None and (scheme := scheme_of_page(origin, host)) is not None:
        token = of_page(cookies, host, scheme).access
    return token


def bearer_of(header: str | None) -> str | None:
    """The token of an `Authorization: Bearer` header."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Endpoint:
    """The reception of `GET /ws`. `allowed_origins` are compared exactly, lower-case."""

    def __init__(self, gateway: Gateway, allowed_origins: tuple[str, ...]) -> None:
        self._gateway = gateway
        self._allowed = allowed_origins

    def choose(self, path: str, offered: Sequence[str]) -> str | None:
        """The first of our subprotocols that the client knows; raises LookupError for another path."""
        if path != PATH:
            raise LookupError(path)
        return next((name for name in SUBPROTOCOLS if name in offered), None)

    def opened(self, port: SocketPort, headers: Headers, subprotocol: str | None) -> None:
        """A socket's session begins; or it is closed with the reason that it cannot."""
        try:
            origin, host, authorization, cookies = (headers.get(name) for name in HEADERS)
        except MultipleValuesError as fault:
            port.close(CloseCode.BAD_FRAME, f"say {fault} once")
            return
        if not origin_allowed(origin, host or "", self._allowed):
            port.close(CloseCode.ORIGIN, "origin not allowed")
        elif subprotocol is None:
            port.close(CloseCode.BAD_FRAME, f"ask for a subprotocol: {' or '.join(SUBPROTOCOLS)}")
        elif self._gateway.draining:
            port.close(CloseCode.DRAINING, "draining")
        else:
            token = token_of(authorization, origin, host or "", cookies)
            self._gateway.connect(port, binary=subprotocol == MSGPACK, bearer=token)

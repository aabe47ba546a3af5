"""A page's session in cookies that no script can read, and when they count.

A browser sends cookies by itself, whichever page has it ask. So they count for pages of this very server alone: where
`Origin` names the scheme and host that the request was sent to, or, for a read that has no `Origin`, where the browser
does not say that it began elsewhere (Fetch Metadata, `Sec-Fetch-Site`). The pages of `ALLOWED_ORIGINS` show tokens.

Over TLS the names have the prefixes of RFC 6265bis, 4.1.3, so that neither a page without TLS nor one of another host
of the domain can plant them. Without TLS, on a developer's machine, browsers refuse such cookies; then the names carry
the port, which cookies know nothing of, so that two instances on one machine do not sign each other's people out.
Which of the two it is says the page's origin: behind a proxy that ends TLS the edge itself cannot tell.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from starlette.requests import cookie_parser
from starlette.responses import Response

Scheme: TypeAlias = Literal["http", "https"]

REFRESH_PATH = "/api/v1/auth"
"""The refresh token is of use there alone, so it is sent nowhere else."""
READS = frozenset({"GET", "HEAD"})
HERE = frozenset({None, "same-origin", "none"})
"""What `Sec-Fetch-Site` says of a request of our own page, or of a person's (an address typed); browsers leave it out
where there is no TLS, and old ones everywhere."""
_PORT = re.compile(r":([0-9]+)$")


class Foreign(Exception):
    """Our cookies came with a request that no page of ours made."""


class Cookies(NamedTuple):
    """What a page's cookies say; None: there is no such cookie."""

    access: str | None = None
    refresh: str | None = None


class Asked(NamedTuple):
    """What of a request decides whether its cookies count: its method, and headers as they came (None: not there)."""

    method: str
    host: str
    origin: str | None
    site: str | None
    cookies: str | None


def scheme_of_page(origin: str | None, host: str) -> Scheme | None:
    """The scheme of a page of this server; None: of another server, or no page.

    `host` is the request's own. `null`, which sandboxed and local pages send, is nobody.
    """
    try:
        parts = urlsplit((origin or "").strip().lower())
    except ValueError:
        return None
    if parts.netloc == "" or parts.netloc != host.strip().lower():
        return None
    return "https" if parts.scheme == "https" else "http" if parts.scheme == "http" else None


def of_page(cookies: str | None, host: str, scheme: Scheme) -> Cookies:
    """The session's cookies in a `Cookie` header, as a page of that scheme has them."""
    given = cookie_parser(cookies or "")
    return Cookies(*(given.get(name) or None for name in names(host, scheme)))


def of_request(asked: Asked) -> Cookies:
    """The session's cookies if they count; raises `Foreign` if there are some that do not."""
    if asked.origin is None:
        # Over TLS or not, a browser does not say; the prefix proves that TLS was there when it was set.
        found = of_page(asked.cookies, asked.host, "https")
        if found == Cookies():
            found = of_page(asked.cookies, asked.host, "http")
        ours = asked.site in HERE if asked.method in READS else asked.site == "same-origin"
    else:
        scheme = scheme_of_page(asked.origin, asked.host)
        ours = scheme is not None
        found = of_page(asked.cookies, asked.host, scheme or "https")
        if not ours and found == Cookies():
            found = of_page(asked.cookies, asked.host, "http")
    if found != Cookies() and not ours:
        raise Foreign
    return found


def names(host: str, scheme: Scheme) -> tuple[str, str]:
    """The names of the access and the refresh cookie."""
    if scheme == "https":
        return "__Host-parley", "__Secure-parley-refresh"
    port = _PORT.search(host)
    mark = f"-{port[1]}" if port else ""
    return f"parley{mark}", f"parley-refresh{mark}"


def keep(answer: Response, host: str, scheme: Scheme, cookies: Cookies, seconds: tuple[int, int]) -> None:
    """Have the browser keep both, each for its time; None: have it forget them.

    `Lax`, not `Strict`, or who follows a link to a message would be asked to sign in.
    """
    for name, value, path, age in zip(names(host, scheme), cookies, ("/", REFRESH_PATH), seconds, strict=True):
        answer.set_cookie(
            name,
            value or "",
            max_age=age if value else 0,
            path=path,
            secure=scheme == "https",
            httponly=True,
            samesite="lax",
        )

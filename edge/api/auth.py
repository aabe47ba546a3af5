"""`auth/login`, `auth/refresh`, `auth/logout`."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, ParamSpec, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.api.operations import operation
from edge.api.requests import answer, body_of, cookies_of, edge_of, host_of, who
from edge.auth.cookies import Cookies, Scheme, keep, scheme_of_page
from edge.problems import Problem
from edge.ratelimit import RateLimit, network
from edge.terms import AccountId, Role
from storage import accounts, sessions
from storage.accounts import Account
from storage.passwords import hash_password, verify_password

HASHES_AT_ONCE = 2
WAITING_MOST = 50
WRONG = "The e-mail address or the password is not right."
P = ParamSpec("P")
T = TypeVar("T")


class Credentials(msgspec.Struct):
    """What `auth/login` takes."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    cookie: Annotated[
        bool, msgspec.Meta(description="For pages of this server: keep the session in cookies, answer no tokens.")
    ] = False

    EXAMPLE: ClassVar[dict[str, Any]] = {"email": "clara@parley.example", "password": "correct horse battery staple"}


class Refresh(msgspec.Struct):
    """What `auth/refresh` takes."""

    refresh_token: (
        Annotated[
            str, msgspec.Meta(min_length=1, max_length=256, description="Left out where the session is in cookies.")
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"refresh_token": "Vb0rT3mJx1nQw8yKc5sLd7uZ2pHf6gEa9iOvXt4RkMU"}


class Me(msgspec.Struct):
    """An account as its owner sees it."""

    id: AccountId
    name: str
    email: str
    role: Role

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b",
        "name": "Clara Jensen",
        "email": "clara@parley.example",
        "role": "client",
    }


class SignedIn(msgspec.Struct):
    """A session: the token for every request and for `hello`, and the one that gets the next pair."""

    access_token: Annotated[str, msgspec.Meta(description="A JWT, for `Authorization: Bearer` and for `hello`.")]
    refresh_token: Annotated[str, msgspec.Meta(description="For `auth/refresh`, once; the answer has the next.")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[
        int,
        msgspec.Meta(
            ge=0, description="Seconds until the access token expires, and the sockets that it opened close with 4401."
        ),
    ]
    account: Me

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YTFmIn0.c2lnbmF0dXJl",
        "refresh_token": Refresh.EXAMPLE["refresh_token"],
        "token_type": "Bearer",
        "expires_in": 900,
        "account": Me.EXAMPLE,
    }


class PageSignedIn(msgspec.Struct):
    """A page's session: its tokens are in cookies that no script can read, and go with every request by themselves."""

    expires_in: Annotated[
        int, msgspec.Meta(ge=0, description="Seconds until it must be refreshed, and its sockets close with 4401.")
    ]
    account: Me

    EXAMPLE: ClassVar[dict[str, Any]] = {"expires_in": 900, "account": Me.EXAMPLE}


class Doorman:
    """How often one address, and one e-mail address, may try; and how many passwords are checked at once.

    argon2 takes 19 MiB and some 40 ms of a core each time: in a thread, two at once, so that a flood of logins
    neither stops the loop nor fills the memory. Behind `WAITING_MOST` of them the next is turned away: it would
    wait more than a second.
    """

    def __init__(self) -> None:
        self._by_address = RateLimit(1.0, 60)
        self._by_email = RateLimit(10 / 60, 10)
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    def admit(self, address: str, email: str, now: float) -> None:
        """Raises 429 when either has tried too often."""
        wait = self._by_address.admit(network(address), now) or self._by_email.admit(email.lower(), now)
        if wait:
            raise Problem("rate_limited", retry_after=round(wait, 3))

    async def is_right(self, kept: str | None, password: str) -> bool:
        """Whether this is the password that was kept; takes as long when there is none. Raises 503 in a crowd."""
        return await self._in_turn(verify_password, kept, password)

    async def hashed(self, password: str) -> str:
        """What to keep of a new password. Raises 503 in a crowd."""
        return await self._in_turn(hash_password, password)

    async def _in_turn(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        if self._waiting >= WAITING_MOST:
            raise Problem("overloaded", retry_after=2.0)
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(work, *given, **named)
        finally:
            self._waiting -= 1


def public(account: Account) -> dict[str, Any]:
    """An account as its owner sees it."""
    return {"id": account.id, "name": account.name, "email": account.email, "role": account.role}


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _signed_in(request: Request, account: Account, session: str, refresh: str, page: Scheme | None) -> Response:
    """The answer to who signed in: tokens, or for a page cookies."""
    edge = edge_of(request)
    settings = edge.settings
    access = edge.identity.tokens.mint(account.id, account.name, account.email, account.role, session)
    told = {"expires_in": settings.access_seconds, "account": public(account)}
    if page is None:
        return answer({"access_token": access, "refresh_token": refresh, "token_type": "Bearer", **told})
    response = answer(told)
    lives = (settings.access_seconds, settings.refresh_seconds)
    keep(response, host_of(request), page, Cookies(access, refresh), lives)
    return response


def _page_of(request: Request) -> Scheme:
    """The scheme of the page that asks; raises 403 for any other than ours, and for who is no page."""
    page = scheme_of_page(request.headers.get("origin"), host_of(request))
    if page is None:
        raise Problem("forbidden", "Only pages of this server keep sessions in cookies; others take tokens.")
    return page


@operation(
    by="anyone",
    takes=Credentials,
    gives={200: (SignedIn, PageSignedIn)},
    refuses=("unauthenticated", "forbidden", "rate_limited", "overloaded", "unavailable"),
)
async def login(request: Request) -> Response:
    """E-mail and password for a session. Which of the two was wrong is not said, nor shown by the time it takes.

    With `cookie` for a page of this server: then the tokens are in cookies, and the answer has none.
    """
    given = await body_of(request, Credentials)
    page = _page_of(request) if given.cookie else None
    edge = edge_of(request)
    doorman: Doorman = request.app.state.doorman
    doorman.admit(request.client.host if request.client else "", given.email, time.monotonic())
    found = await accounts.by_email(edge.db, given.email) if "\x00" not in given.email else None
    right = await doorman.is_right(found[1] if found else None, given.password)
    if found is None or not right or found[0].suspended:
        raise Problem("unauthenticated", WRONG)
    refresh = secrets.token_urlsafe(32)
    session = await sessions.open(edge.db, found[0].id, _hash(refresh), edge.settings.refresh_seconds)
    return _signed_in(request, found[0], session, refresh, page)


@operation(
    by="anyone",
    takes=Refresh,
    gives={200: (SignedIn, PageSignedIn)},
    refuses=("unauthenticated", "forbidden", "unavailable"),
)
async def refresh(request: Request) -> Response:
    """A refresh token for new ones. It is exchanged each time: keep the new one.

    The old one is good for 30 s more, for who lost the answer; used later it was stolen, and ends the session. A page
    whose session is in cookies sends `{}`.
    """
    given = (await body_of(request, Refresh)).refresh_token
    page = _page_of(request) if given is msgspec.UNSET else None
    old = cookies_of(request).refresh if given is msgspec.UNSET else given
    if old is None:
        raise Problem("unauthenticated", "There is no session to refresh.")
    edge = edge_of(request)
    new = edge.identity.tokens.next_refresh(old)
    rotated = await sessions.rotate(edge.db, _hash(old), _hash(new))
    if rotated is None:
        raise Problem("unauthenticated", "The refresh token is not valid.")
    session, account_id = rotated
    account = await accounts.get(edge.db, account_id)
    if account.suspended or edge.revocations.is_revoked(session, account_id):
        raise Problem("unauthenticated", "The session has ended.")
    return _signed_in(request, account, session, new, page)


@operation(gives={204: None})
async def logout(request: Request) -> Response:
    """End the session, or, for a host application's token, that token. Its sockets close everywhere within 5 s."""
    asking = await who(request)
    edge = edge_of(request)
    if asking.claims.own:
        await sessions.revoke(edge.db, asking.claims.jti)
    else:
        expires = datetime.fromtimestamp(asking.claims.expires_at, UTC)
        await sessions.revoke_token(edge.db, asking.claims.jti, expires)
    edge.revocations.revoke(asking.claims.jti)
    response = Response(status_code=204)
    page = scheme_of_page(request.headers.get("origin"), host_of(request))
    if page is not None and "authorization" not in request.headers:
        keep(response, host_of(request), page, Cookies(), (0, 0))
    return response

"""What every route needs of a request: who asks, what it says, and in which limits."""

from __future__ import annotations

import asyncio
import re
import time
from functools import cache
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from msgspec.inspect import BoolType, IntType, Metadata, StructType, Type, UnionType, type_info
from starlette.requests import Request
from starlette.responses import Response

from broker.wire.payloads import Act, Id, Outcome
from edge.api.operations import CALLERS, Caller
from edge.auth.cookies import Asked, Cookies, Foreign, of_request
from edge.auth.identity import Who
from edge.problems import Problem
from edge.services import Edge
from edge.socket.endpoint import bearer_of
from edge.socket.frames import text_fault
from edge.validation import canonical_id, explained
from storage.accounts import Account

BODY_BYTES = 64 * 1024
BODY_SECONDS = 20.0
S = TypeVar("S", bound=msgspec.Struct)
_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)
_TRUTH = {"true": True, "false": False}


def edge_of(request: Request) -> Edge:
    """The services of this process."""
    edge: Edge = request.app.state.edge
    return edge


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer: a struct, or a map of the shape that the operation gives."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def who(request: Request) -> Who:
    """The account that asks; raises 401 `Problem`. Asked once, kept with the request."""
    known: Who | None = getattr(request.state, "who", None)
    if known is None:
        known = request.state.who = await _authenticated(request)
    return known


async def check_caller(request: Request, by: Caller) -> None:
    """Raises 401 for nobody, 403 for an account of a role below `by`."""
    if by != "anyone" and CALLERS.index((await who(request)).account.role) < CALLERS.index(by):
        raise Problem("forbidden")


async def _authenticated(request: Request) -> Who:
    token = bearer_of(request.headers.get("authorization"))
    if token is None:
        token = cookies_of(request).access
    if token is None:
        raise Problem("unauthenticated", "Send `Authorization: Bearer …`, or sign in on a page of this server.")
    return await edge_of(request).identity.authenticate(token)


def cookies_of(request: Request) -> Cookies:
    """The session of the page that asks; raises 403 where it is a page of somebody else's."""
    given = request.headers
    asked = Asked(
        request.method, host_of(request), given.get("origin"), given.get("sec-fetch-site"), given.get("cookie")
    )
    try:
        return of_request(asked)
    except Foreign:
        raise Problem("forbidden", "Only pages of this server may use its sessions; others show a token.") from None


def host_of(request: Request) -> str:
    """The host and port that were asked for, as the request says."""
    return request.headers.get("host", "")


async def body_of(request: Request, kind: type[S]) -> S:
    """The body as `kind`; counted while it streams, so that a lying Content-Length gains nothing."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > BODY_BYTES:
                    raise Problem("too_large", f"A body has at most {BODY_BYTES} bytes.")
    except TimeoutError:
        raise Problem("bad_frame", f"The body did not arrive within {BODY_SECONDS:g} s.") from None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as fault:
        what, field = explained(fault)
        raise Problem("invalid", what, field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("bad_frame", "The body is no JSON.") from None


def check_text(text: str, field: str) -> None:
    """Raises 422 for a text that says nothing, or that cannot be stored."""
    fault = text_fault(text)
    if fault is not None:
        raise Problem("invalid", fault, field=field)


def path_id(request: Request, name: str = "id") -> Id:
    """An id in the path; what is no UUID is nothing we have."""
    id = canonical_id(request.path_params[name])
    if id is None:
        raise Problem("not_found")
    return id


def query_of(request: Request, kind: type[S]) -> S:
    """The query as `kind`, each field a parameter; others are ignored, a doubled one counts once. Raises 422.

    Digits are a number where a number is wanted, `true` and `false` what they say where that is wanted.
    """
    given: dict[str, Any] = dict(request.query_params)
    for name, wanted in _wanted(kind).items():
        text = given.get(name, "")
        if IntType in wanted and _NUMBER.fullmatch(text):
            given[name] = int(text)
        elif BoolType in wanted and text in _TRUTH:
            given[name] = _TRUTH[text]
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as fault:
        what, field = explained(fault)
        raise Problem("invalid", what, field=field) from None


@cache
def _wanted(kind: type[msgspec.Struct]) -> dict[str, frozenset[type]]:
    """What each field of a query's struct takes."""
    shape = type_info(kind)
    assert isinstance(shape, StructType)
    return {field.encode_name: _parts(field.type) for field in shape.fields}


def _parts(shape: Type) -> frozenset[type]:
    if isinstance(shape, UnionType):
        return frozenset[type]().union(*map(_parts, shape.types))
    return _parts(shape.type) if isinstance(shape, Metadata) else frozenset({type(shape)})


def idempotency_key(request: Request) -> Id:
    """The id of a write: the caller's, or a random one (then a retry of the caller's is another write)."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return str(uuid4())
    id = canonical_id(given)
    if id is None:
        raise Problem("invalid", "An Idempotency-Key is a UUID.", field="Idempotency-Key")
    return id


def admit(request: Request, account: Id) -> None:
    """Count a command of the account against its rate; raises 429."""
    wait = edge_of(request).ratelimit.admit(account, time.monotonic())
    if wait:
        raise Problem("rate_limited", retry_after=round(wait, 3))


async def write(request: Request, actor: Account, conversation: Id, key: Id, act: Act) -> Outcome:
    """The way of every route to the log: counted, then stored, or (while messaging is off for the actor) looked up.

    Raises the `Problem` of a command that was not stored.
    """
    admit(request, actor.id)
    edge = edge_of(request)
    if edge.switch.is_on(actor.id, actor.role):
        return stored(await edge.commands.submit(conversation, actor.id, key, act))
    return stored(await edge.refusal.outcome(conversation, actor.id, key, act))


def stored(outcome: Outcome) -> Outcome:
    """The outcome of a command that was stored; raises the `Problem` of one that was not."""
    if outcome.code:
        raise Problem(outcome.code, field=outcome.field, retry_after=outcome.retry_after)
    return outcome

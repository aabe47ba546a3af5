"""`me`: who asks, and what one may change of oneself."""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from edge.api.auth import Doorman, Me, public
from edge.api.operations import operation
from edge.api.requests import admit, answer, body_of, check_text, edge_of, who
from edge.problems import Problem
from storage import accounts

NAME_CHARACTERS = 100
PASSWORD_LEAST, PASSWORD_MOST = 8, 1024
OF_THE_HOST = "Name and password are the host application's, at which this account signs in."

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS)]
Password = Annotated[str, msgspec.Meta(min_length=PASSWORD_LEAST, max_length=PASSWORD_MOST)]
"""A new one. Length is what counts (NIST SP 800-63B, 3.1.1.2), so nothing is said about its characters."""


class ChangeMe(msgspec.Struct):
    """What `PATCH me` takes; what is left out stays."""

    name: Name | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=PASSWORD_MOST, description="Needed with `password`.")]
        | UnsetType
    ) = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"name": "Clara Jensen-Holm"}


@operation(gives={200: Me})
async def show(request: Request) -> Response:
    """Who asks."""
    return answer(public((await who(request)).account))


@operation(takes=ChangeMe, gives={200: Me}, refuses=("forbidden", "rate_limited", "overloaded"))
async def change(request: Request) -> Response:
    """Change one's name, or one's password, which ends one's other sessions.

    Only for those who sign in here, with a token of ours: what a host application says of its accounts counts.
    """
    asking = await who(request)
    edge = edge_of(request)
    given = await body_of(request, ChangeMe)
    if given.name is UNSET and given.password is UNSET:
        raise Problem("invalid", "Give a `name` or a `password`.")
    if given.name is not UNSET:
        check_text(given.name, "name")
    if not asking.claims.own:
        raise Problem("forbidden", OF_THE_HOST)
    admit(request, asking.account.id)
    old_hash = new_hash = None
    if given.password is not UNSET:
        old_hash = await _checked(request, asking.account.id, asking.account.email, given.current_password)
        new_hash = await doorman_of(request).hashed(given.password)
    changed = await accounts.change_own(
        edge.db,
        asking.account.id,
        asking.claims.jti,
        name=given.name if given.name is not UNSET else None,
        old_hash=old_hash,
        new_hash=new_hash,
    )
    if changed is None:  # by another at the same time
        raise Problem("forbidden", OF_THE_HOST) if new_hash is None else _wrong()
    account, ended = changed
    edge.revocations.revoke(*ended)
    edge.identity.forget([account.id])
    return answer(public(account))


def doorman_of(request: Request) -> Doorman:
    """Who counts tries and hashes passwords in turn."""
    doorman: Doorman = request.app.state.doorman
    return doorman


async def _checked(request: Request, id: str, email: str, current: str | UnsetType) -> str | None:
    """The hash of the password, which `current` must be; counted like a sign-in, so it cannot be guessed either."""
    if current is UNSET:
        raise Problem("invalid", "`current_password` is missing.", field="current_password")
    doorman = doorman_of(request)
    doorman.admit(request.client.host if request.client else "", email, time.monotonic())
    kept = await accounts.password_of(edge_of(request).db, id)
    if not await doorman.is_right(kept, current):
        raise _wrong()
    return kept


def _wrong() -> Problem:
    return Problem("invalid", "This is not the current password.", field="current_password")

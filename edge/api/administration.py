"""`admin/accounts` and `admin/audit`: who may do what, and what administrators did."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from edge.api.listing import Listing, Search, search_of
from edge.api.me import Name, Password, doorman_of
from edge.api.operations import operation
from edge.api.requests import admit, answer, body_of, check_text, edge_of, idempotency_key, path_id, who
from edge.api.wishes import ACCOUNTS, wish
from edge.problems import Problem
from edge.socket.frames import AnyId
from edge.terms import AccountId, Moment, Role
from storage import administration
from storage.accounts import ADDRESS_CHARACTERS

GENERATED_BYTES = 12


class AccountSearch(Search):
    """Which part of the list of all accounts."""

    role: Role | None = None
    suspended: bool | None = None


class NewAccount(msgspec.Struct):
    """What `POST admin/accounts` takes."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=ADDRESS_CHARACTERS)]
    role: Role
    name: Annotated[Name, msgspec.Meta(description="Left out: what stands before the @.")] | UnsetType = UNSET
    password: Annotated[Password, msgspec.Meta(description="Left out: one is made.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"email": "amir@parley.example", "role": "agent", "name": "Amir Haddad"}


class AccountChange(msgspec.Struct):
    """What `PATCH admin/accounts/{id}` takes; what is left out stays."""

    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    suspended: bool | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"role": "admin"}


class NewPassword(msgspec.Struct):
    """What `POST admin/accounts/{id}/password` takes."""

    password: Annotated[Password, msgspec.Meta(description="Left out: one is made.")] | UnsetType = UNSET

    EXAMPLE: ClassVar[dict[str, Any]] = {"password": "correct horse battery staple"}


class AccountRecord(msgspec.Struct):
    """An account as an administrator sees it."""

    id: AccountId
    name: str
    email: str
    role: Role
    suspended: bool
    suspended_at: Moment | None
    signs_in: Annotated[
        Literal["parley", "host"],
        msgspec.Meta(description="Where it shows its password. Name and role of `host` follow that one's tokens."),
    ]
    created_at: Moment

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "id": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
        "name": "Amir Haddad",
        "email": "amir@parley.example",
        "role": "agent",
        "suspended": False,
        "suspended_at": None,
        "signs_in": "parley",
        "created_at": "2026-11-02T10:12:00.000Z",
    }


class MadeAccount(msgspec.Struct):
    """A new account."""

    account: AccountRecord
    password: Annotated[str | None, msgspec.Meta(description="The one that was made: said once, and kept nowhere.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"account": AccountRecord.EXAMPLE, "password": "kJ7vQ2mXw9Rb4TzN"}


class AccountRecords(msgspec.Struct):
    """A page of all accounts, by name."""

    items: list[AccountRecord]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"items": [AccountRecord.EXAMPLE], "next": None}


class PasswordReset(msgspec.Struct):
    """What became of a password."""

    password: Annotated[str | None, msgspec.Meta(description="The one that was made: said once, and kept nowhere.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {"password": "kJ7vQ2mXw9Rb4TzN"}


class AuditSearch(Listing):
    """Which part of the audit."""

    actor: Annotated[AnyId, msgspec.Meta(description="Only what this administrator did.")] | None = None
    target: Annotated[AnyId, msgspec.Meta(description="Only what was done to this account, or read here.")] | None = (
        None
    )
    action: Annotated[str, msgspec.Meta(max_length=100, description="Only what is called so.")] | None = None


class Note(msgspec.Struct):
    """Who did, or read, what, and when."""

    id: int
    at: Moment
    actor: AccountId
    action: Annotated[
        Literal[
            "account_created",
            "account_changed",
            "password_reset",
            "sessions_ended",
            "conversation_read",
            "events_read",
            "file_released",
            "file_deleted",
        ],
        msgspec.Meta(description="What was done: to the account, or the conversation, that `target` names."),
    ]
    target: Annotated[str | None, msgspec.Meta(description="An account's or a conversation's id.")]
    detail: Annotated[dict[str, Any], msgspec.Meta(description="What was changed, or which part was read.")]


class Notes(msgspec.Struct):
    """A page of the audit, the newest first."""

    items: list[Note]
    next: Annotated[str | None, msgspec.Meta(description="Goes into `after`; null: there are no more.")]

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "items": [
            {
                "id": 17,
                "at": "2026-11-23T09:00:03.118Z",
                "actor": "77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1",
                "action": "events_read",
                "target": "5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10",
                "detail": {"after": 0, "limit": 100},
            }
        ],
        "next": None,
    }


@operation(query=AccountSearch, gives={200: AccountRecords}, by="admin")
async def index(request: Request) -> Response:
    """All accounts by name; `query` is a part of name or address."""
    part = search_of(request, AccountSearch)
    items, following = await administration.page(
        edge_of(request).db, part.query, part.role, part.suspended, part.after, part.limit
    )
    return answer({"items": items, "next": following})


@operation(takes=NewAccount, gives={201: MadeAccount, 200: MadeAccount}, by="admin", keyed=True)
async def create(request: Request) -> Response:
    """Make an account that signs in here: 201, or 200 with the same one, as it is now, when the key was used before.

    A password that was made is in the first answer only; where that was lost, reset it.
    """
    actor = (await who(request)).account.id
    given = await body_of(request, NewAccount)
    name = given.name if given.name is not UNSET else given.email.partition("@")[0][:100]
    check_text(name, "name" if given.name is not UNSET else "email")
    key = idempotency_key(request)
    admit(request, actor)
    password = given.password if given.password is not UNSET else _generated()
    wanted = wish(ACCOUNTS, actor, key, given.email, name, given.role)
    made = await administration.create(
        edge_of(request).db,
        actor,
        wanted.id,
        given.email,
        name,
        given.role,
        await doorman_of(request).hashed(password),
        wanted.fingerprint,
    )
    if not made.same:
        raise Problem("id_conflict")
    told = password if given.password is UNSET and not made.replayed else None
    return answer({"account": made.account, "password": told}, 200 if made.replayed else 201)


@operation(gives={200: AccountRecord}, by="admin")
async def show(request: Request) -> Response:
    """One account."""
    return answer(await administration.get(edge_of(request).db, path_id(request)))


@operation(takes=AccountChange, gives={200: AccountRecord}, by="admin", refuses=("rate_limited",))
async def change(request: Request) -> Response:
    """Change name or role, suspend or reactivate; it holds everywhere within 5 s.

    A suspension ends the account's sessions. Name and role of a host application's account are that one's
    (`forbidden`), and somebody who administers must be left (`forbidden`).
    """
    actor, id = (await who(request)).account.id, path_id(request)
    given = await body_of(request, AccountChange)
    if given == AccountChange():
        raise Problem("invalid", "Give a `name`, a `role`, or `suspended`.")
    if given.name is not UNSET:
        check_text(given.name, "name")
    admit(request, actor)
    edge = edge_of(request)
    changed = await administration.change(
        edge.db,
        actor,
        id,
        name=given.name if given.name is not UNSET else None,
        role=given.role if given.role is not UNSET else None,
        suspended=given.suspended if given.suspended is not UNSET else None,
    )
    edge.identity.forget([id])
    await edge.revocations.poll_now()
    return answer(changed)


@operation(takes=NewPassword, gives={200: PasswordReset}, by="admin", refuses=("rate_limited", "overloaded"))
async def reset_password(request: Request) -> Response:
    """Give an account that signs in here another password; its sessions end."""
    actor, id = (await who(request)).account.id, path_id(request)
    given = await body_of(request, NewPassword)
    admit(request, actor)
    edge = edge_of(request)
    password = given.password if given.password is not UNSET else _generated()
    ended = await administration.reset_password(edge.db, actor, id, await doorman_of(request).hashed(password))
    edge.revocations.revoke(*ended)
    return answer({"password": password if given.password is UNSET else None})


@operation(gives={204: None}, by="admin", refuses=("rate_limited",))
async def end_sessions(request: Request) -> Response:
    """End all sessions of an account that signs in here; their sockets close everywhere within 5 s.

    Tokens of a host application are that one's to end; suspend its account to lock it out.
    """
    actor, id = (await who(request)).account.id, path_id(request)
    admit(request, actor)
    edge = edge_of(request)
    edge.revocations.revoke(*await administration.end_sessions(edge.db, actor, id))
    return Response(status_code=204)


@operation(query=AuditSearch, gives={200: Notes}, by="admin")
async def audit(request: Request) -> Response:
    """What administrators did and read, the newest first."""
    part = search_of(request, AuditSearch)
    actor, target = (id and id.lower() for id in (part.actor, part.target))
    items, following = await administration.audit(
        edge_of(request).db, actor, target, part.action, part.after, part.limit
    )
    return answer({"items": items, "next": following})


def _generated() -> str:
    return secrets.token_urlsafe(GENERATED_BYTES)

"""From a token to an account: verified, not revoked, and known to the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from broker.wire.payloads import Id
from edge.auth.registrar import Registrar
from edge.auth.revocations import Revocations
from edge.auth.tokens import AuthError, Claims, Tokens
from storage import accounts
from storage.accounts import Account, Vouched
from storage.errors import Conflict, NotFound
from storage.pool import Database

REMEMBERED = 50_000


class Who(msgspec.Struct, frozen=True):
    """An account, and the claims of the token that showed it."""

    account: Account
    claims: Claims


class Identity:
    """The accounts seen lately are remembered with the claims that made them, so that most tokens cost no query."""

    def __init__(self, tokens: Tokens, db: Database, revocations: Revocations) -> None:
        self.tokens = tokens
        self._db = db
        self._registrar = Registrar(db)
        self._revocations = revocations
        self._known: OrderedDict[Id, Account] = OrderedDict()
        revocations.on_changed.append(self.forget)

    def forget(self, changed: Iterable[Id]) -> None:
        """These have another name or role by now: the row is to be read again, whatever their tokens say."""
        for account in changed:
            self._known.pop(account, None)

    async def authenticate(self, token: str) -> Who:
        """Whose token this is; raises `AuthError`, or `StorageError` when the account must be read and cannot be."""
        claims = self.tokens.verify(token)
        if self._revocations.is_revoked(claims.jti, claims.account):
            raise AuthError("The session has ended.")
        account = await self._account(claims)
        if self._revocations.is_revoked(claims.jti, claims.account):
            # Revoked while the account was read: nobody will tell a socket that did not exist then.
            raise AuthError("The session has ended.")
        return Who(account, claims)

    async def _account(self, claims: Claims) -> Account:
        known = self._known.get(claims.account)
        if known is not None and (known.name, known.email, known.role) == (claims.name, claims.email, claims.role):
            self._known.move_to_end(claims.account)
            return known
        if claims.own:
            # Our own token is as old as its session's last refresh; the row is what counts.
            try:
                account = await accounts.get(self._db, claims.account)
            except NotFound:
                raise AuthError("There is no such account any more.") from None
        else:
            try:
                account = await self._registrar.ensure(Vouched(claims.account, claims.name, claims.email, claims.role))
            except Conflict:
                raise AuthError("Another account signs in with this e-mail address.") from None
        if account.suspended:
            raise AuthError("The account is suspended.")
        self._known[claims.account] = account
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return account

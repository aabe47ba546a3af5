"""Tokens: whose they are, checked without asking anybody. Parley's own and the host application's.

One algorithm per key, chosen by the key and never by the token (RFC 8725, 3.1): the secret is HS256; a public key of
`AUTH_JWKS_FILE` is what its type says. Headers that bring their own key (`jku`, `x5u`, `jwk`) are not looked at.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from broker.node.environment import SettingError
from broker.wire.payloads import Id
from edge.settings import EdgeSettings

AUDIENCE = "parley"
ISSUER = "parley"
ROLES = frozenset({"client", "agent", "admin"})
TOKEN_CHARACTERS = 8192
LEEWAY_SECONDS = 30


class AuthError(Exception):
    """Whoever this is has not shown who it is; the message says what was wrong with the token."""

    code = "unauthenticated"


class Claims(msgspec.Struct, frozen=True):
    """What a valid token says. `own`: it is of a session of ours, and `jti` is the session's id."""

    account: Id
    name: str
    email: str
    role: str
    jti: str
    expires_at: float
    own: bool


class Tokens:
    """Makes and verifies tokens; raises `SettingError` when the key file cannot be used."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._access_seconds = settings.access_seconds
        self._secret = OctKey.import_key(settings.auth_jwt_secret.encode())
        self._public: dict[str | None, tuple[str, Any]] = {}
        if settings.auth_jwks_file:
            self._public = _public_keys(Path(settings.auth_jwks_file))

    def mint(self, account: Id, name: str, email: str, role: str, session: Id) -> str:
        """An access token for a session of ours."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": account,
            "name": name,
            "email": email,
            "role": role,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self._access_seconds,
            "jti": session,
            # So that two tokens of one second differ: a client may tell by that that it got a new one.
            "nonce": uuid4().hex[:8],
        }
        return jwt.encode({"alg": "HS256"}, claims, self._secret)

    def verify(self, token: str) -> Claims:
        """What the token says, if it is valid now; raises `AuthError`. Asks no database: revocation is another's."""
        if len(token) > TOKEN_CHARACTERS:
            raise AuthError("The token is too long.")
        algorithm, key = self._key_of(token)
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as fault:
            raise AuthError("The token's signature cannot be verified.") from fault
        return _checked(claims, time.time(), symmetric=algorithm == "HS256")

    def _key_of(self, token: str) -> tuple[str, Any]:
        if not self._public:
            return "HS256", self._secret
        head, _, _ = token.partition(".")
        try:
            header = msgspec.json.decode(_base64url(head), type=_Header)
        except (msgspec.DecodeError, ValueError):
            raise AuthError("The token is no JWT.") from None
        if header.alg == "HS256":
            return "HS256", self._secret
        found = self._public.get(header.kid) or (next(iter(self._public.values())) if len(self._public) == 1 else None)
        if found is None:
            raise AuthError("The token is signed with a key that is not known here.")
        return found


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public_keys(path: Path) -> dict[str | None, tuple[str, Any]]:
    try:
        keys = KeySet.import_key_set(msgspec.json.decode(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, JoseError, msgspec.DecodeError) as fault:
        raise SettingError(
            f"AUTH_JWKS_FILE={str(path)!r} cannot be used: {fault}. It is a JSON file of keys."
        ) from None
    found: dict[str | None, tuple[str, Any]] = {}
    for key in keys.keys:
        if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
            algorithm = "EdDSA"
        elif isinstance(key, ECKey) and key.curve_name == "P-256":
            algorithm = "ES256"
        elif isinstance(key, RSAKey):
            algorithm = "RS256"
        else:
            raise SettingError(f"AUTH_JWKS_FILE={str(path)!r}: only Ed25519, P-256 and RSA keys are used.")
        found[key.kid] = (algorithm, key)
    return found


def _checked(claims: dict[str, Any], now: float, *, symmetric: bool) -> Claims:
    audience = claims.get("aud")
    if audience != AUDIENCE and not (isinstance(audience, list) and AUDIENCE in audience):
        raise AuthError("The token is not for Parley (aud).")
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise AuthError(f"The token's {name} is no time.")
    expires_at = claims.get("exp")
    if expires_at is None:
        raise AuthError("The token does not say when it ends (exp).")
    if expires_at <= now:
        raise AuthError("The token has expired.")
    if (claims.get("nbf") or 0) > now + LEEWAY_SECONDS:
        raise AuthError("The token is not valid yet.")
    texts = {name: claims.get(name) for name in ("sub", "name", "email", "role", "jti")}
    for name, value in texts.items():
        if not isinstance(value, str) or not value or len(value) > 320 or "\x00" in value:
            raise AuthError(f"The token lacks {name}.")
    try:
        account = str(UUID(texts["sub"]))
    except ValueError:
        raise AuthError("The token's sub is no UUID.") from None
    if texts["role"] not in ROLES:
        raise AuthError("The token's role is none of client, agent, admin.")
    own = symmetric and claims.get("iss") == ISSUER
    return Claims(
        account, str(texts["name"]), str(texts["email"]), str(texts["role"]), str(texts["jti"]), expires_at, own
    )

"""Tokens: whose they are, checked without asking anybody. Parley's own and the host application's.

One algorithm per key, chosen by the key and never by the token (RFC 8725, 3.1): the secret is HS256; a public key of
`AUTH_JWKS_FILE` is what its type says. Headers that bring their own key (`jku`, `x5u`, `jwk`) are not looked at.
Ours and the host's share the secret, and are told apart by the header `typ` (RFC 8725, 3.11).
"""

from __future__ import annotations

import base64
import hmac
import time
import warnings
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from broker.node.environment import SettingError
from broker.wire.payloads import Id
from edge.settings import EdgeSettings
from edge.socket.frames import text_fault
from edge.validation import canonical_id

AUDIENCE = "parley"
OWN_TYPE = "parley+jwt"
ROLES = frozenset({"client", "agent", "admin"})
TOKEN_CHARACTERS = 8192
CLAIM_CHARACTERS = 320
LEAST_RSA_BITS = 2048
LAST_SECOND = 253_402_300_799
"""The end of the year 9999, beyond which neither Python nor PostgreSQL is asked to think."""
LEEWAY_SECONDS = 30
"""How far the host's clock may be ahead of ours (`nbf`, `iat`). An expired token is expired."""

# RFC 9864 renames EdDSA to Ed25519; the hosts that sign today write EdDSA, which is no news.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")


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
        self._refreshing = hmac.digest(settings.auth_jwt_secret.encode(), b"parley refresh tokens", "sha256")
        self._public: dict[str | None, tuple[str, Any]] = {}
        if settings.auth_jwks_file:
            self._public = _public_keys(Path(settings.auth_jwks_file))

    def mint(self, account: Id, name: str, email: str, role: str, session: Id) -> str:
        """An access token for a session of ours."""
        now = int(time.time())
        claims = {
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
        return jwt.encode({"alg": "HS256", "typ": OWN_TYPE}, claims, self._secret)

    def next_refresh(self, token: str) -> str:
        """The refresh token that follows this one: always the same.

        Two tabs that refresh at once get the same pair of cookies, whichever answer comes last. Were it random, the
        browser might keep the one that the other's answer had replaced, and everybody in it would be signed out.
        """
        made = hmac.digest(self._refreshing, token.encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def verify(self, token: str) -> Claims:
        """What the token says, if it is valid now; raises `AuthError`. Asks no database: revocation is another's."""
        if len(token) > TOKEN_CHARACTERS:
            raise AuthError("The token is too long.")
        algorithm, key = self._key_of(token)
        try:
            decoded = jwt.decode(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as fault:
            raise AuthError("The token's signature cannot be verified.") from fault
        own = algorithm == "HS256" and decoded.header.get("typ") == OWN_TYPE
        return _checked(decoded.claims, time.time(), own=own)

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
    def refused(why: object) -> SettingError:
        return SettingError(f"AUTH_JWKS_FILE={str(path)!r} cannot be used: {why}. It is a JSON Web Key Set (RFC 7517).")

    try:
        keys = KeySet.import_key_set(msgspec.json.decode(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, JoseError) as fault:
        raise refused(fault) from None
    found: dict[str | None, tuple[str, Any]] = {}
    for key in keys.keys:
        told = key.as_dict()
        if told.get("use", "sig") != "sig":
            continue
        algorithm = _algorithm_of(key)
        if algorithm is None or told.get("alg", algorithm) != algorithm:
            raise refused(f"key {key.kid!r} is none for EdDSA (Ed25519), ES256 or RS256 (2048 bits at least)")
        if key.kid in found:
            raise refused(f"two keys are called {key.kid!r}")
        found[key.kid] = (algorithm, key)
    if not found:
        raise refused("it holds no key for signatures")
    return found


def _algorithm_of(key: object) -> str | None:
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return "EdDSA"
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return "ES256"
    if isinstance(key, RSAKey) and key.public_key.key_size >= LEAST_RSA_BITS:
        return "RS256"
    return None


def _checked(claims: dict[str, Any], now: float, *, own: bool) -> Claims:
    audience = claims.get("aud")
    if audience != AUDIENCE and not (isinstance(audience, list) and AUDIENCE in audience):
        raise AuthError("The token is not for Parley (aud).")
    expires_at = _time(claims, "exp")
    if expires_at is None:
        raise AuthError("The token does not say when it ends (exp).")
    if expires_at <= now:
        raise AuthError("The token has expired.")
    if max(_time(claims, "nbf") or 0, _time(claims, "iat") or 0) > now + LEEWAY_SECONDS:
        raise AuthError("The token is not valid yet.")
    account = canonical_id(_text(claims, "sub"))
    if account is None:
        raise AuthError("The token's sub is no UUID.")
    role = _text(claims, "role")
    if role not in ROLES:
        raise AuthError("The token's role is none of client, agent, admin.")
    return Claims(account, _text(claims, "name"), _text(claims, "email"), role, _text(claims, "jti"), expires_at, own)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise AuthError(f"The token lacks {name}.")
    if len(value) > CLAIM_CHARACTERS or text_fault(value) is not None:
        raise AuthError(f"The token's {name} cannot be kept.")
    return value


def _time(claims: dict[str, Any], name: str) -> float | None:
    """A time claim in seconds. JSON as Python reads it has NaN, which no comparison would ever find expired."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise AuthError(f"The token's {name} is no time.")
    return float(max(-LAST_SECOND, min(value, LAST_SECOND)))

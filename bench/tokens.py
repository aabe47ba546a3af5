"""Tokens as a host application makes them: HS256, for accounts that need not exist yet."""

from __future__ import annotations

import time
import uuid

from joserfc import jwt
from joserfc.jwk import OctKey


def mint(secret: str, account: str, *, name: str, email: str, role: str = "client", seconds: float = 3600.0) -> str:
    """A token for `account` that is valid for `seconds`; `secret` is AUTH_JWT_SECRET, at least 32 bytes."""
    now = int(time.time())
    claims = {
        "sub": account,
        "name": name,
        "email": email,
        "role": role,
        "aud": "parley",
        "iat": now,
        "exp": now + int(seconds),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret.encode()))

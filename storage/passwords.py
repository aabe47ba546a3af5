"""Passwords: argon2id as OWASP recommends it (19 MiB, two passes, one lane), some 40 ms of one core.

Both calls block for that long: run them in a thread, a few at a time.
"""

from __future__ import annotations

import argon2

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Verified when there is no such account, so that the answer takes as long as for a wrong password.
DECOY = _hasher.hash("nobody's password")


def hash_password(password: str) -> str:
    """The text to keep: algorithm, parameters, salt and hash."""
    return _hasher.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """Whether this is the password. `None` (nobody there) costs the same time and is always wrong."""
    try:
        return _hasher.verify(DECOY if kept is None else kept, password) and kept is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
        return False

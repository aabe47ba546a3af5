"""Addresses of files that let whoever has one in, for a short time: what a picture on a page can be loaded from. Pure.

They name the account that they were made for: serving one looks again whether that account may see the file, so a
member who was removed, or a file that was withdrawn, is not served by an address from before.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import urlencode

from broker.wire.payloads import Id

PERIOD_SECONDS = 300
"""Addresses of one period are alike, so that a browser that asks again finds what it has."""
LIFE_SECONDS = 600
"""How long one is good for, beyond the period in which it was made."""
_PURPOSE = b"parley: addresses of files, 1"


class Address(NamedTuple):
    """What is asked for, for whom, and until when (seconds since 1970)."""

    file: Id
    variant: str
    account: Id
    expires: int


class Signer:
    """Makes and checks addresses with a key of its own, which follows from the secret that all edges share."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)

    def address(self, file: Id, variant: str, account: Id, now: float) -> tuple[str, int]:
        """Path and query of an address that is good from now on, and until when."""
        expires = (int(now) // PERIOD_SECONDS + 1) * PERIOD_SECONDS + LIFE_SECONDS
        asked = Address(file, variant, account, expires)
        query = urlencode({"for": account, "expires": expires, "signature": self._signature(asked)})
        return f"/files/{file}/{variant}?{query}", expires

    def believes(self, asked: Address, signature: str, now: float) -> bool:
        """Did we make this, and is it still good?"""
        known = hmac.compare_digest(self._signature(asked).encode(), signature.encode("utf-8", "replace"))
        return known and now < asked.expires

    def _signature(self, asked: Address) -> str:
        said = "\n".join((asked.file, asked.variant, asked.account, str(asked.expires)))
        return hmac.digest(self._key, said.encode(), hashlib.sha256).hex()

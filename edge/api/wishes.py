"""A wish that makes something, and may be said again: what it makes has an id that follows from who asked and the key.

So the key means the same for ever, on every edge, without a table of keys. The namespaces must never change.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from broker.wire.payloads import Id

PROJECTS = UUID("0b3c1d52-7a3e-5c5e-9d0f-2a6f4b8e1c90")
ACCOUNTS = UUID("d4f0a6b7-15c2-5b7d-8e3a-9c1e7f20b364")
FILES = UUID("6c1f2a9e-0d4b-5e83-b7a2-51d9c4e60f38")


class Wish(NamedTuple):
    """`id` is for what is to be made, `fingerprint` (16 bytes) tells another wish under the same key."""

    id: Id
    fingerprint: bytes


def wish(namespace: UUID, asker: Id, key: Id, *content: str) -> Wish:
    """The wish that the asker's key names, and what it says."""
    said = hashlib.blake2b(msgspec.json.encode(content), digest_size=16).digest()
    return Wish(str(uuid5(namespace, f"{asker}:{key}")), said)

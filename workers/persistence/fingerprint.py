"""What a command said when it was first sent, in sixteen bytes (pure).

The log keeps it beside the id: the same id with another fingerprint is another command, and refused
(`id_conflict`). Sixteen bytes of a keyless BLAKE2b: nobody gains by a collision but against himself, since
the ids compared are those of one account in one conversation.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from broker.wire.payloads import Act

SIZE = 16
"""Bytes of a fingerprint."""

_encode = msgspec.msgpack.Encoder().encode


def fingerprint(act: Act) -> bytes:
    """Digest of the act's msgpack: an array of fields in their struct's order, so one encoding only."""
    return blake2b(_encode(act), digest_size=SIZE).digest()

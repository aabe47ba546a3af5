"""What a command said when it was first sent, in sixteen bytes (pure).

The log keeps it beside the id, for ever: the same id with another fingerprint is another command, and refused
(`id_conflict`). So it must not change when an act gets a new optional field in a later release: fields that
have their default are left off at the end. Sixteen bytes of BLAKE2b: nobody gains by a collision but against
himself, since the ids compared are those of one account in one conversation.
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
    """Digest of the msgpack array of the act's tag and fields, without the defaults at its end."""
    values = [act.__struct_config__.tag, *msgspec.structs.astuple(act)]
    for default in reversed(act.__struct_defaults__):
        if values[-1] != default:
            break
        values.pop()
    return blake2b(_encode(values), digest_size=SIZE).digest()

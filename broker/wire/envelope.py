"""Batches and frames: how bytes look between two processes. Drawn in docs/backbone.md.

One ZeroMQ message is one batch: `P B version` and a msgpack array `[clock, echo, sent, consumed, frames]`. A frame is
an array whose first item says what it is (`Op`). The payload inside a frame is bytes that no broker looks into.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import msgpack

from broker.wire.errors import WireError
from broker.wire.limits import (
    ARRAY_ITEMS,
    FRAME_COST,
    KEY_BYTES,
    MESSAGE_BYTES,
    NAME_BYTES,
    PAYLOAD_BYTES,
    ROSTER_NODES,
)

MAGIC = b"PB\x01"

Frame: TypeAlias = tuple[Any, ...]

HINT = -1
"""The time to live of a frame that may be lost and never expires."""


class Op(IntEnum):
    """What a frame is; the fields follow in this order."""

    HELLO = 1  # role, node, life: first word of a peer; `life` is the number of this attempt to be known
    WELCOME = 2  # broker, life: the answer; in this life counters start at zero
    WHO = 3  # the broker does not know this peer: say HELLO
    PING = 4  # roster: the version of the roster the peer has
    PONG = 5
    ROSTER = 6  # version, the nodes (`pack_roster`)
    BYE = 7  # the sender leaves in order
    LEAVING = 8  # the sender gives up its role: nothing more by key, please
    TO_KEY = 10  # tag, role, key, ttl_ms, payload
    TO_NODE = 11  # tag, node, key, ttl_ms, payload
    DELIVER = 12  # source, tag, key, ttl_ms, payload
    UNDELIVERABLE = 13  # tag, reason
    OVERRUN = 14  # the broker dropped what waited for this peer


_SHAPES: dict[int, tuple[type, ...]] = {
    Op.HELLO: (int, str, str, int),
    Op.WELCOME: (int, str, int),
    Op.WHO: (int,),
    Op.PING: (int, int),
    Op.PONG: (int,),
    Op.ROSTER: (int, int, bytes),
    Op.BYE: (int,),
    Op.LEAVING: (int,),
    Op.TO_KEY: (int, int, str, str, int, bytes),
    Op.TO_NODE: (int, int, str, str, int, bytes),
    Op.DELIVER: (int, str, int, str, int, bytes),
    Op.UNDELIVERABLE: (int, int, str),
    Op.OVERRUN: (int,),
}

REASONS = frozenset({"no_peer", "gone", "full", "expired"})
"""Why a command was not delivered: nobody has that role or name; it left; its queue is full; its time ran out."""


Nodes: TypeAlias = tuple[tuple[str, str, bool], ...]
"""A roster: node, role ("" of one that is leaving), and whether it is suspect."""


class Batch(NamedTuple):
    """`clock`: the sender's monotonic milliseconds when the batch was closed; `echo`: the newest `clock` of ours that
    it has seen, 0 if none. `sent`: the cost of everything that the sender sent on this connection, this batch
    included; `consumed`: the cost of what it has used up of ours."""

    clock: int
    echo: int
    sent: int
    consumed: int
    frames: tuple[Frame, ...]


def cost(payload: bytes) -> int:
    """What a payload counts against credit and bounds."""
    return len(payload) + FRAME_COST


def pack(clock: int, echo: int, sent: int, consumed: int, frames: Sequence[Frame]) -> bytes:
    """A batch as bytes."""
    body: bytes = msgpack.packb((clock, echo, sent, consumed, frames), use_bin_type=True)
    return MAGIC + body


def unpack(data: bytes) -> Batch:
    """Bytes as a batch, every frame of a known shape; raises `WireError`, whatever the bytes are."""
    if len(data) > MESSAGE_BYTES:
        raise WireError("a message over the limit")
    if data[:3] != MAGIC:
        raise WireError("not a batch of version 1")
    body = _decode(memoryview(data)[3:], ARRAY_ITEMS)
    if type(body) is not tuple or len(body) != 5:
        raise WireError("a batch has five fields")
    clock, echo, sent, consumed, frames = body
    if tuple(map(type, body)) != (int, int, int, int, tuple):
        raise WireError("a batch is [clock, echo, sent, consumed, frames]")
    if min(clock, echo, sent, consumed) < 0:
        raise WireError("counters do not fall below zero")
    for frame in frames:
        if type(frame) is not tuple or not frame or type(frame[0]) is not int:
            raise WireError("a frame is an array that begins with its number")
        if _SHAPES.get(frame[0]) != tuple(map(type, frame)):
            raise WireError("a frame of no known shape")
    return Batch(clock, echo, sent, consumed, frames)


def pack_roster(nodes: Sequence[tuple[str, str, bool]]) -> bytes:
    """The nodes of a ROSTER frame. They are bytes within it so that a broker encodes them once for all its peers, and
    so that the bound of arrays can be much tighter everywhere else."""
    packed: bytes = msgpack.packb(nodes)
    return packed


def unpack_roster(data: bytes) -> Nodes:
    """The nodes of a ROSTER frame; raises `WireError`."""
    nodes = _decode(memoryview(data), ROSTER_NODES)
    if type(nodes) is not tuple:
        raise WireError("a roster is an array")
    for node in nodes:
        if type(node) is not tuple or tuple(map(type, node)) != (str, str, bool):
            raise WireError("a roster lists (node, role, suspect)")
    return nodes


def _decode(data: memoryview, array_items: int) -> Any:
    try:
        return msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_map_len=0,
            max_ext_len=0,
            max_array_len=array_items,
            max_str_len=max(KEY_BYTES, NAME_BYTES),
            max_bin_len=PAYLOAD_BYTES,
        )
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError) as fault:
        raise WireError(f"not msgpack within limits: {fault}") from None

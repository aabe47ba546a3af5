"""Batches and frames: how bytes look between two processes. Drawn in docs/backbone.md.

One ZeroMQ message is one batch: `P B version` and a msgpack array `[clock, sent, consumed, frames]`. A frame is an
array whose first item says what it is (`Op`). The payload inside a frame is bytes that no broker looks into.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import msgpack

from broker.wire.errors import WireError
from broker.wire.limits import FRAME_COST, MESSAGE_BYTES, NAME_CHARACTERS, PAYLOAD_BYTES, ROSTER_NODES

MAGIC = b"PB\x01"

Frame: TypeAlias = tuple[Any, ...]

HINT = -1
"""The time to live of a frame that may be lost and never expires."""


class Op(IntEnum):
    """What a frame is; the fields follow in this order."""

    HELLO = 1  # role, node: first word of a peer
    WELCOME = 2  # broker: the answer, counters start at zero
    WHO = 3  # the broker does not know this peer: say HELLO
    PING = 4  # roster: the version of the roster the peer has
    PONG = 5
    ROSTER = 6  # version, ((node, role, suspect), …)
    BYE = 7  # the peer leaves in order
    TO_KEY = 10  # tag, role, key, ttl_ms, payload
    TO_NODE = 11  # tag, node, key, ttl_ms, payload
    DELIVER = 12  # source, tag, key, ttl_ms, payload
    UNDELIVERABLE = 13  # tag, reason
    OVERRUN = 14  # the broker dropped what waited for this peer


_SHAPES: dict[int, tuple[type, ...]] = {
    Op.HELLO: (int, str, str),
    Op.WELCOME: (int, str),
    Op.WHO: (int,),
    Op.PING: (int, int),
    Op.PONG: (int,),
    Op.ROSTER: (int, int, tuple),
    Op.BYE: (int,),
    Op.TO_KEY: (int, int, str, str, int, bytes),
    Op.TO_NODE: (int, int, str, str, int, bytes),
    Op.DELIVER: (int, str, int, str, int, bytes),
    Op.UNDELIVERABLE: (int, int, str),
    Op.OVERRUN: (int,),
}

REASONS = frozenset({"no_peer", "gone", "full", "expired"})
"""Why a command was not delivered: nobody has that role or name; it left; its queue is full; its time ran out."""


class Batch(NamedTuple):
    """`clock`: the sender's monotonic milliseconds when the batch was closed. `sent`: the cost of everything that
    the sender sent on this connection, this batch included. `consumed`: the cost of what it has used up of ours."""

    clock: int
    sent: int
    consumed: int
    frames: tuple[Frame, ...]


def cost(payload: bytes) -> int:
    """What a payload counts against credit and bounds."""
    return len(payload) + FRAME_COST


def pack(clock: int, sent: int, consumed: int, frames: list[Frame]) -> bytes:
    """A batch as bytes."""
    body: bytes = msgpack.packb((clock, sent, consumed, frames), use_bin_type=True)
    return MAGIC + body


def unpack(data: bytes) -> Batch:
    """Bytes as a batch, every frame of a known shape; raises `WireError`, whatever the bytes are."""
    if len(data) > MESSAGE_BYTES:
        raise WireError("a message over the limit")
    if data[:3] != MAGIC:
        raise WireError("not a batch of version 1")
    try:
        body = msgpack.unpackb(
            memoryview(data)[3:],
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_map_len=0,
            max_ext_len=0,
            max_array_len=ROSTER_NODES,
            max_str_len=NAME_CHARACTERS * 4,
            max_bin_len=PAYLOAD_BYTES,
        )
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError) as fault:
        raise WireError(f"not msgpack within limits: {fault}") from None
    if type(body) is not tuple or len(body) != 4:
        raise WireError("a batch has four fields")
    clock, sent, consumed, frames = body
    if type(clock) is not int or type(sent) is not int or type(consumed) is not int or type(frames) is not tuple:
        raise WireError("a batch is [clock, sent, consumed, frames]")
    if min(clock, sent, consumed) < 0:
        raise WireError("counters do not fall below zero")
    for frame in frames:
        if type(frame) is not tuple or not frame or _SHAPES.get(frame[0]) != tuple(map(type, frame)):
            raise WireError("a frame of no known shape")
        if frame[0] == Op.ROSTER:
            _check_roster(frame[2])
    return Batch(clock, sent, consumed, frames)


def _check_roster(nodes: tuple[Any, ...]) -> None:
    for node in nodes:
        if type(node) is not tuple or tuple(map(type, node)) != (str, str, bool):
            raise WireError("a roster lists (node, role, suspect)")

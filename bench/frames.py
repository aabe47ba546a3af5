"""The frames that load generators write and read, as typed structs: as much of each as their books need."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

SUBPROTOCOL = "parley.v1.msgpack"


class Delivered(msgspec.Struct, frozen=True, tag="event", tag_field="type", gc=False):
    """An event of a conversation."""

    conversation: str
    seq: int
    kind: str
    id: str = ""


class Acked(msgspec.Struct, frozen=True, tag="ack", tag_field="type", gc=False):
    """A command is stored."""

    id: str
    seq: int


class Failed(msgspec.Struct, frozen=True, tag="error", tag_field="type", gc=False):
    """Something was refused."""

    code: str
    id: str | None = None


class Greeted(msgspec.Struct, frozen=True, tag="ready", tag_field="type", gc=False):
    """The server knows us."""

    epoch: str
    heartbeat: float


class Reached(msgspec.Struct, frozen=True, tag="caught_up", tag_field="type", gc=False):
    """A conversation's log is known up to `seq`."""

    conversation: str
    seq: int


class Doubted(msgspec.Struct, frozen=True, tag="resync", tag_field="type", gc=False):
    """A cursor counts no more."""

    reason: str
    conversation: str | None = None


class Ponged(msgspec.Struct, frozen=True, tag="pong", tag_field="type", gc=False):
    """A ping was answered."""


class Frame(msgspec.Struct, frozen=True, tag="send", tag_field="type", gc=False):
    """A message on its way."""

    id: str
    conversation: str
    body: str


class Ping(msgspec.Struct, frozen=True, tag="ping", tag_field="type", gc=False):
    """The heartbeat with what the user has."""

    heads: dict[str, int]


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="type", gc=False, omit_defaults=True):
    """The first frame; cursors only on the way back."""

    token: str
    client: str
    cursors: dict[str, int]
    epoch: str | None = None


Heard: TypeAlias = Delivered | Acked | Failed | Greeted | Reached | Doubted | Ponged

decode = msgspec.msgpack.Decoder(Heard).decode
"""Raises msgspec.ValidationError for a type that says nothing to a load generator."""
encode = msgspec.msgpack.Encoder().encode

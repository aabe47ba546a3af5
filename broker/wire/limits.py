"""Bounds of the wire. Both ends keep them when sending and check them when receiving."""

from __future__ import annotations

BATCH_BYTES = 512 * 1024
"""A batch is closed when its payloads reach this (a single larger payload travels alone)."""

BATCH_FRAMES = 500
"""... or this many frames; of control frames, which wait for no credit, as many again."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""ZeroMQ's MAXMSGSIZE: above it libzmq drops the *connection* in silence, so no batch may come near."""

PAYLOAD_BYTES = 2 * 1024 * 1024
"""A single payload; larger ones are refused where they are offered."""

ARRAY_ITEMS = 1024
"""Any array in a batch. msgpack makes room for what an array claims before it has read it, and arrays nest 1,024 deep:
so 5 KB of nothing but claims cost 8 MB at this bound (they cost 80 MB at ten times as much)."""

FRAME_COST = 128
"""What a frame costs besides its payload, so that one number bounds bytes and items alike."""

NAME_BYTES = 96
"""A role, and the name of a node (ZeroMQ takes routing ids of 255)."""

KEY_BYTES = 512
"""A key."""

TTL_MS = 60_000
"""The longest time to live; a longer one is cut to it."""

ROSTER_NODES = 10_000
"""Nodes in one roster, and so peers of one broker: with names and roles at their longest it fits into a payload."""

CONTROL_FRAMES = 10_000
"""What may wait for a peer besides payloads: reports to one that does not read."""

"""Bounds of the wire. Both ends keep them when sending and check them when receiving."""

from __future__ import annotations

BATCH_BYTES = 512 * 1024
"""A batch is closed when its payloads reach this (a single larger payload travels alone)."""

BATCH_FRAMES = 500
"""... or this many frames."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""ZeroMQ's MAXMSGSIZE: above it libzmq drops the *connection* in silence, so no batch may come near."""

PAYLOAD_BYTES = 2 * 1024 * 1024
"""A single payload; larger ones are refused where they are offered."""

FRAME_COST = 128
"""What a frame costs besides its payload, so that one number bounds bytes and items alike."""

NAME_CHARACTERS = 128
"""Roles, node names and keys."""

ROSTER_NODES = 10_000
"""Nodes in one roster."""

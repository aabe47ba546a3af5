"""Every decoder of what others send, given junk: nothing comes out but its own refusal, and it costs little memory.

Junk is bytes at random, and what is valid with bytes changed, cut out or put in, which gets much farther. The
envelopes of the backbone are in tests/unit/broker/test_envelope.py.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tokens import mint
from broker.wire import payloads
from broker.wire.payloads import Command, Commands, Delivery, Logged, Message, Outcome, Outcomes
from edge.auth.tokens import AuthError, Tokens
from edge.settings import EdgeSettings
from edge.socket import frames
from storage import cursors
from storage.errors import Invalid

ID = "0198c0de-0000-7000-8000-000000000001"
SECRET = "s" * 40
MEGABYTE = 2**20

SAID = [
    {"type": "hello", "token": "x", "cursors": {ID: 7}, "epoch": "1"},
    {"type": "send", "id": ID, "conversation": ID, "body": "hello", "mentions": [ID], "reply_to": 3},
    {"type": "edit", "id": ID, "conversation": ID, "seq": 3, "body": "better"},
    {"type": "react", "id": ID, "conversation": ID, "seq": 3, "emoji": "👍", "on": True},
    {"type": "ping", "heads": {ID: 9}},
    {"type": "sync", "conversation": ID, "after": 3, "limit": 10},
]
PAYLOADS = [
    Commands((Command(1, ID, ID, ID, Message("hello", 2, (ID,))),)),
    Outcomes((Outcome(1, "", 3, "2026-01-01T00:00:00.000Z"),)),
    Delivery(ID, (ID,), (Logged(3, "message", None, b"event"),)),
]


def changed(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Samples with a few places changed."""

    def change(given: tuple[bytes, list[tuple[int, int, bytes]]]) -> bytes:
        data, edits = given
        for at, cut, put in edits:
            place = at % (len(data) + 1)
            data = data[:place] + put + data[place + cut :]
        return data

    edits = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 4), st.binary(max_size=4)), max_size=4)
    return st.tuples(st.sampled_from(samples), edits).map(change)


def read(data: bytes, decode: Callable[[bytes], Any], *refusals: type[Exception]) -> None:
    """Decode, or be refused; whatever else is raised fails, and so does more than a megabyte."""
    tracemalloc.start()
    try:
        with suppress(*refusals):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("binary", [True, False])
def test_frames_of_clients(binary):
    encode = msgspec.msgpack.encode if binary else orjson.dumps

    @settings(max_examples=400)
    @given(st.binary(max_size=200) | changed([encode(frame) for frame in SAID]))
    def holds(data: bytes) -> None:
        read(data, lambda data: frames.decode(data, binary=binary), frames.BadFrame)

    holds()


@settings(max_examples=400)
@given(st.binary(max_size=200) | changed([payloads.encode(payload) for payload in PAYLOADS]))
def test_payloads_of_our_own_processes(data):
    read(data, payloads.decode, msgspec.DecodeError)
    read(data, payloads.decode_commands, msgspec.DecodeError)


TOKENS = Tokens(EdgeSettings(auth_jwt_secret=SECRET, broker_addresses="ipc:///x"))
TOKEN = mint(SECRET, ID, name="A", email="a@host.example", role="client").encode()


@settings(max_examples=300)
@given(st.binary(max_size=300) | changed([TOKEN, b"a.b.c", b"eyJhbGciOiJub25lIn0.e30."]))
def test_tokens(data):
    read(data, lambda data: TOKENS.verify(data.decode("utf-8", "surrogateescape")), AuthError)


@settings(max_examples=300)
@given(st.binary(max_size=200) | changed([cursors.encoded("name", ID).encode(), cursors.encoded().encode()]))
def test_cursors_of_lists(data):
    read(data, lambda data: cursors.decoded(data.decode("utf-8", "surrogateescape"), str, UUID), Invalid)

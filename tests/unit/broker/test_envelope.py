"""The wire: what is packed is unpacked, and whatever else comes in raises WireError and costs little."""

from __future__ import annotations

import contextlib
import tracemalloc

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.wire.envelope import HINT, MAGIC, Batch, Op, cost, pack, pack_roster, unpack, unpack_roster
from broker.wire.errors import WireError
from broker.wire.limits import ARRAY_ITEMS, FRAME_COST, KEY_BYTES, MESSAGE_BYTES, PAYLOAD_BYTES, ROSTER_NODES

counts = st.integers(0, 2**64 - 1)
numbers = st.integers(-(2**63), 2**64 - 1)
names = st.text(max_size=20)
payloads = st.binary(max_size=50)
nodes = st.lists(st.tuples(names, names, st.booleans()), max_size=5)
frames = st.one_of(
    st.tuples(st.just(int(Op.HELLO)), names, names, numbers),
    st.tuples(st.just(int(Op.WELCOME)), names, numbers),
    st.tuples(st.sampled_from([int(Op.WHO), int(Op.PONG), int(Op.BYE), int(Op.OVERRUN)])),
    st.tuples(st.just(int(Op.PING)), numbers),
    st.tuples(st.just(int(Op.ROSTER)), numbers, nodes.map(pack_roster)),
    st.tuples(st.sampled_from([int(Op.TO_KEY), int(Op.TO_NODE)]), numbers, names, names, numbers, payloads),
    st.tuples(st.just(int(Op.DELIVER)), names, numbers, names, numbers, payloads),
    st.tuples(st.just(int(Op.UNDELIVERABLE)), numbers, names),
)
scalars = st.none() | st.booleans() | numbers | st.floats() | names | payloads
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(names, inner, max_size=3), max_leaves=20
)
hello = (int(Op.HELLO), "edge", "edge-1", 1)


@given(counts, counts, counts, counts, st.lists(frames, max_size=5))
def test_a_batch_comes_back_as_it_was(clock, echo, sent, consumed, some):
    assert unpack(pack(clock, echo, sent, consumed, some)) == Batch(clock, echo, sent, consumed, tuple(some))


@given(nodes)
def test_a_roster_comes_back_as_it_was(some):
    assert unpack_roster(pack_roster(some)) == tuple(some)


@given(st.binary(max_size=200))
@example(b"")
@example(MAGIC)
@example(b"PB\x02" + msgpack.packb([0, 0, 0, 0, []]))
def test_any_bytes_are_a_batch_or_raise_wire_error(data):
    for read in (unpack, unpack_roster):
        for tried in (data, MAGIC + data):
            with contextlib.suppress(WireError):
                read(tried)


@given(anything)
@example([0, 0, 0, 0, [[{}]]])
@example([0, 0, 0, 0, [[True, "edge", "edge-1", 1]]])
@example([0, 0, 0, 0, [[1.0, "edge", "edge-1", 1]]])
@example([0, 0, 0, 0, [[[], "edge"]]])
@example([0, 0, 0, 0, [[]]])
@example([0, 0, 0, -1, []])
@example([0, 0, 0, []])
@example([0, 0, 0, 0, {}])
@example([[[[[msgpack.Timestamp(1)]]]]])
@example([0, 0, 0, 0, [[999]]])
def test_any_msgpack_is_a_batch_or_raises_wire_error(value):
    """Among it maps, which nobody can look up; booleans and floats, which are equal to numbers of frames."""
    packed = msgpack.packb(value)
    for wrapped in (packed, msgpack.packb([0, 0, 0, 0, value]), msgpack.packb([0, 0, 0, 0, [value]])):
        try:
            batch = unpack(MAGIC + wrapped)
        except WireError:
            continue
        assert all(type(frame[0]) is int for frame in batch.frames)
        unpack(pack(*batch[:4], batch.frames))


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_batch_cut_short_or_with_a_byte_changed_raises_nothing_else(some, data):
    packed = pack(1, 2, 3, 4, some)
    at = data.draw(st.integers(0, len(packed) - 1))
    changed = bytearray(packed)
    changed[at] = data.draw(st.integers(0, 255))
    with pytest.raises(WireError):
        unpack(packed[:at])
    with contextlib.suppress(WireError):
        unpack(bytes(changed))


BOMBS = {
    "arrays that claim the most they may, in one another": (b"\xdc" + ARRAY_ITEMS.to_bytes(2, "big")) * 5_000,
    "arrays that claim four thousand million": b"\xdd\xff\xff\xff\xff" * 100,
    "arrays that claim more than a batch has": b"\xdc\x27\x10" * 5_000,
    "a hundred thousand arrays in one another": b"\x91" * 100_000,
    "a map that claims four thousand million": b"\xdf\xff\xff\xff\xff",
    "a string that claims four thousand million": b"\x94\x00\x00\x00\xdb\xff\xff\xff\xff",
    "bytes that claim four thousand million": b"\x94\x00\x00\x00\xc6\xff\xff\xff\xff",
    "an extension that claims four thousand million": b"\xc9\xff\xff\xff\xff\x01",
    "a key that is too long": msgpack.packb([0, 0, 0, 0, [[10, 0, "x", "k" * (KEY_BYTES + 1), HINT, b""]]]),
    "a payload that is too long": msgpack.packb([0, 0, 0, 0, [[10, 0, "x", "k", HINT, bytes(PAYLOAD_BYTES + 1)]]]),
    "a string that is no text": b"\x95\x00\x00\x00\x00\x91\x93\x02\xa2\xff\xff\x01",
    "two batches": msgpack.packb([0, 0, 0, 0, []]) * 2,
    "more frames than a batch has": msgpack.packb([0, 0, 0, 0, [hello] * (ARRAY_ITEMS + 1)]),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_defused_in_ten_megabytes(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            unpack(MAGIC + bomb)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_most_that_a_message_can_be_decoded_to_is_a_small_multiple_of_it():
    """Arrays of one in arrays of one: the worst ratio of objects to bytes that the bounds allow."""
    leaf = b"\x91\x91\x91\xc0" * 1_000
    worst = MAGIC + b"\x95\x00\x00\x00\x00\xdc\x00\xff" + (b"\xdc\x03\xe8" + leaf) * 255
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            unpack(worst)
        assert tracemalloc.get_traced_memory()[1] < 48 * len(worst)
    finally:
        tracemalloc.stop()


def test_a_message_over_the_limit_is_not_even_looked_at():
    with pytest.raises(WireError, match="over the limit"):
        unpack(MAGIC + bytes(MESSAGE_BYTES))


@pytest.mark.parametrize("value", [1, "nodes", [1], [["a", "b"]], [["a", "b", 1]], [[b"a", "b", True]], [[]]])
def test_what_lists_no_nodes_is_no_roster(value):
    with pytest.raises(WireError):
        unpack_roster(msgpack.packb(value))


def test_the_largest_roster_fits_into_a_frame():
    longest = "n" * 96
    packed = pack_roster([(longest, longest, True)] * ROSTER_NODES)
    assert len(packed) <= PAYLOAD_BYTES
    assert len(unpack_roster(unpack(pack(0, 0, 0, 0, [(int(Op.ROSTER), 1, packed)])).frames[0][2])) == ROSTER_NODES


def test_a_frame_costs_its_payload_and_a_little_more():
    assert (cost(b""), cost(b"four")) == (FRAME_COST, FRAME_COST + 4)

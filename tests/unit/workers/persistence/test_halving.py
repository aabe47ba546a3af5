"""Halving refuses exactly the culprits, keeps the order and does not try too often."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.persistence.halving import Halving

sizes_and_culprits = st.integers(1, 500).flatmap(
    lambda n: st.tuples(st.just(n), st.frozensets(st.integers(0, n - 1), max_size=8))
)


def run(n: int, bad: frozenset[int]) -> tuple[list[int], list[int], list[int], int]:
    """Store 0…n-1, where a part with a bad one fails: what was stored, what refused, parts tried."""
    stored: list[int] = []
    refused: list[int] = []
    settled: list[int] = []
    tries = 0
    halving = Halving(range(n))
    while part := halving.next():
        tries += 1
        if bad.isdisjoint(part):
            stored += part
            settled += part
        else:
            culprit = halving.split(part)
            if culprit is not None:
                refused.append(culprit)
                settled.append(culprit)
    return stored, refused, settled, tries


@given(sizes_and_culprits)
def test_neighbours_are_stored_in_order_and_exactly_the_culprits_are_refused(case):
    """A suffix is never settled before its prefix, whatever the culprits are."""
    n, bad = case
    stored, refused, settled, _ = run(n, bad)
    assert settled == list(range(n))
    assert refused == sorted(bad)
    assert stored == [i for i in range(n) if i not in bad]


@given(sizes_and_culprits)
def test_the_number_of_appends_is_bounded(case):
    """Every culprit costs two appends per halving at most, beside the first append of all."""
    n, bad = case
    *_, tries = run(n, bad)
    assert tries <= 1 + 2 * len(bad) * ceil(log2(max(n, 1)))


@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_a_batch_of_nothing_but_culprits_ends(n):
    """Even then every one is tried alone, once."""
    stored, refused, _, tries = run(n, frozenset(range(n)))
    assert (stored, refused) == ([], list(range(n)))
    assert tries == 2 * n - 1


def test_a_part_that_failed_for_another_reason_is_next_again():
    """What is left of it goes before the parts that come after it."""
    halving = Halving([1, 2, 3, 4])
    assert halving.split(halving.next()) is None
    first = halving.next()
    halving.again(first[1:])
    halving.again([])
    assert [list(halving.next()), list(halving.next()), list(halving.next())] == [[2], [3, 4], []]


def test_what_is_taken_out_is_tried_in_no_part_and_keeps_its_order():
    """It is left out of the part that failed and of those that come later; a part with nothing in it is none."""
    halving = Halving([1, 2, 3, 4, 5, 6])
    assert halving.split(halving.next()) is None
    halving.again(halving.next())
    assert halving.take_out(lambda one: one % 2 == 0) == [2, 4, 6]
    assert halving.take_out(lambda one: one < 4) == [1, 3]
    assert [list(halving.next()), list(halving.next())] == [[5], []]


def test_an_empty_batch_has_no_parts():
    """Nothing to store is nothing to try."""
    assert not Halving([]).next()

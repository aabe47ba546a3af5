"""Ages: never too small, nearly right, whatever the clocks say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.flow.ages import DRIFT, Ages

APART = 1_000_000
"""The other end's clock shows so many ms more than ours."""


def test_without_an_echo_nothing_is_known_so_everything_is_too_old():
    assert Ages().age(5_000, 0, 1_000.0) == float("inf")


def test_after_one_exchange_an_age_is_right_to_the_length_of_that_exchange():
    ages = Ages()
    assert ages.age(APART + 1_001, 1_000, 1_002.0) == pytest.approx(3, abs=0.1)
    assert ages.age(APART + 1_500, 1_000, 4_500.0) == pytest.approx(3_002, abs=1)


def test_a_receiver_that_was_stopped_before_its_first_batch_knows_how_old_that_is():
    """Said hello at 1,000, was stopped, reads the welcome and a command of 100 ms later at 7,000."""
    ages = Ages()
    assert ages.age(APART + 1_001, 1_000, 7_000.0) > 5_999
    assert ages.age(APART + 1_101, 1_000, 7_000.1) > 5_899


def test_a_better_exchange_makes_later_ages_exact_again():
    ages = Ages()
    ages.age(APART + 1_001, 1_000, 7_000.0)
    ages.age(APART + 8_000, 7_999, 8_001.0)
    assert ages.age(APART + 9_000, 7_999, 9_001.0) < 5


def test_the_newest_stamp_is_what_is_echoed():
    ages = Ages()
    ages.age(10, 0, 0.0)
    ages.age(7, 0, 1.0)
    assert ages.newest == 10


def test_a_stamp_from_the_future_moves_the_bound_instead_of_making_an_age_negative():
    ages = Ages()
    ages.age(1_000, 1_000, 1_001.0)
    assert ages.age(2_000, 1_000, 1_002.0) == 0
    assert ages.age(2_001, 1_000, 2_003.0) == pytest.approx(1_000, abs=1)


@given(
    apart=st.integers(-(10**9), 10**9),
    drift=st.floats(-DRIFT / 2, DRIFT / 2),
    steps=st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(0, 9_000), st.integers(0, 9_000), st.booleans()), min_size=1
    ),
)
def test_an_age_is_never_smaller_than_the_truth(apart, drift, steps):
    """Each step: a pause, an echoed batch of ours that takes a while, and theirs that takes a while, or echoes an older
    one. Their clock is apart and runs at another speed."""
    ages = Ages()
    time = 10.0**6
    echo = 0

    def theirs(now):
        return int(2 * 10**9 + apart + now * (1 + drift))

    for pause, there, back, fresh in steps:
        time += pause
        if fresh or not echo:
            echo = int(time)
        stamped = time + there
        time = stamped + back
        age = ages.age(theirs(stamped), echo, time)
        assert age >= back - 1
        assert age <= back + (stamped - echo) + 2 + (time - echo) * DRIFT * 2


def test_two_clocks_that_part_over_hours_make_nothing_look_younger():
    """Theirs gains 50 ms in a thousand seconds; nothing is echoed afresh in three hours."""
    ages = Ages()
    ages.age(APART + 1_001, 1_000, 1_002.0)
    hours = 10_000_000
    stamp = int(APART + 1_000 + hours * 1.00005)
    assert ages.age(stamp, 1_000, 1_000.0 + hours + 1_000) >= 1_000

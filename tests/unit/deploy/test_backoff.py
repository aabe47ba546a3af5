"""How long a process that died waits."""

from __future__ import annotations

from deploy.backoff import FIRST_SECONDS, HEALTHY_SECONDS, MOST_SECONDS, Backoff


def test_a_process_that_had_lived_is_back_within_half_a_second():
    assert Backoff().after(3600) <= 0.5


def test_a_process_that_dies_at_once_waits_ever_longer_up_to_a_bound():
    backoff = Backoff()
    waits = [backoff.after(0.2) for _ in range(12)]
    assert waits[0] == FIRST_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == MOST_SECONDS


def test_a_healthy_life_makes_the_next_death_a_first_one_again():
    backoff = Backoff()
    for _ in range(8):
        backoff.after(0.0)
    assert backoff.after(HEALTHY_SECONDS) == FIRST_SECONDS

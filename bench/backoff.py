"""How long to wait before trying again: exponential, with full jitter, so that a crowd spreads out. Pure."""

from __future__ import annotations

from random import Random


def full_jitter(attempt: int, random: Random, *, first: float = 0.5, most: float = 30.0) -> float:
    """Seconds to wait before try number `attempt`, from 0: uniform below a doubling bound."""
    return random.uniform(0.0, min(most, first * 2.0 ** min(attempt, 30)))

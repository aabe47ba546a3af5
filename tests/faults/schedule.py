"""Which faults come in which order: drawn from a seed, and from nothing else. Pure.

Kinds are drawn as cards are: all of them once in a random order, then all again. So each comes equally often, and a
run of few faults still has different ones. What a fault chooses itself (which process, for how long) comes from a
seed of its own, so that it does not depend on what the faults before it found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """Wait for `pause` seconds, then do this."""

    pause: float
    kind: str
    seed: int


def schedule(seed: int, kinds: Sequence[str]) -> Iterator[Step]:
    """Steps without end: the same ones for the same seed and kinds."""
    random = Random(seed)
    while True:
        for kind in random.sample(kinds, len(kinds)):
            yield Step(random.uniform(0.2, LONGEST_PAUSE), kind, random.getrandbits(32))

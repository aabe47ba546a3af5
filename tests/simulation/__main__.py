"""`python -m tests.simulation`: many schedules at once, and what came of them.

    --count 1000 --first 0 --processes 2     schedules 0 … 999, in two processes
    --seed 17                                that one, twice, and whether both went the same way
    --bug "ids forgotten"                    with a bug planted, until it is found

A failing schedule is named by its seed, and the same seed gives it again, step by step. Exit code 1 if any failed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.simulation import KEPT
from tests.simulation.bugs import BUGS, planted
from tests.simulation.schedule import Outcome, play

CHUNK = 25
TOLD = 20


def main() -> int:
    arguments = parse()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of strings are walked in an order that hangs on it.
        command = [sys.executable, "-W", "ignore", "-m", "tests.simulation", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False).returncode
    if arguments.seed is not None:
        return replay(arguments.seed)
    if arguments.bug is not None:
        return hunt(arguments.bug, arguments.first, arguments.count)
    return many(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--bug", choices=sorted(BUGS))
    parser.add_argument("--json", action="store_true", help="print the sums as JSON, in one line, at the end")
    return parser.parse_args()


def some(seeds: list[int]) -> list[Outcome]:
    """Those schedules, one after the other."""
    return [play(seed) for seed in seeds]


def outcomes(seeds: list[int], processes: int) -> Iterator[Outcome]:
    """The outcomes of all of them, as they come."""
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for found in pool.imap_unordered(some, chunks):
            yield from found


def many(arguments: argparse.Namespace) -> int:
    """The kept seeds, then as many as were asked for; the sums."""
    began = time.monotonic()
    seeds = [*KEPT, *range(arguments.first, arguments.first + arguments.count)]
    faults: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    failed: list[Outcome] = []
    fewest = {"steps": 10**9, "faults": 10**9}
    slowest = 0.0
    for outcome in outcomes(seeds, arguments.processes):
        faults.update(outcome.faults)
        for name in ("steps", "acked", "heard"):
            sums[name] += getattr(outcome, name)
        fewest["steps"] = min(fewest["steps"], outcome.steps)
        fewest["faults"] = min(fewest["faults"], outcome.faults.total())
        slowest = max(slowest, outcome.caught_up_after)
        if outcome.wrong:
            failed.append(outcome)
            if len(failed) <= TOLD:
                tell(outcome)
    print(f"{len(seeds)} schedules, {sums['steps']} steps (the shortest {fewest['steps']}), {faults.total()} faults")
    for kind, count in sorted(faults.items()):
        print(f"  {count:7} {kind}")
    print(f"{sums['acked']} acknowledged, {sums['heard']} deliveries; all caught up within {slowest:g} s")
    print(f"{len(failed)} failed, in {time.monotonic() - began:.0f} s")
    if failed:
        print("failing seeds:", *sorted(outcome.seed for outcome in failed))
        print("one again: make simulate SEED=…")
    if arguments.json:
        told: dict[str, Any] = {"schedules": len(seeds), "failed": sorted(one.seed for one in failed), **sums}
        print(json.dumps({**told, "fewest": fewest, "faults": dict(faults)}))
    return bool(failed)


def replay(seed: int) -> int:
    """One schedule, twice."""
    first, second = play(seed), play(seed)
    tell(first)
    same = first.digest == second.digest
    print(f"played twice: {'step by step the same' if same else 'NOT the same'} ({first.digest}, {second.digest})")
    return bool(first.wrong) or not same


def hunt(name: str, first: int, count: int) -> int:
    """Plant a bug, and see how soon it is found. Exit code 1 if it is not."""
    with planted(name):
        for seed in range(first, first + count):
            outcome = play(seed)
            if outcome.wrong:
                print(f"{name!r} is found by schedule {seed}: {outcome.wrong[0]}")
                return 0
    print(f"{name!r} is NOT found by {count} schedules")
    return 1


def tell(outcome: Outcome) -> None:
    """A schedule in words."""
    kinds = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in sorted(outcome.faults.items()))
    print(f"seed {outcome.seed}: {outcome.steps} steps, {outcome.seconds:.1f} s; {kinds}")
    for words in outcome.wrong:
        print(f"  {words}")


if __name__ == "__main__":
    sys.exit(main())

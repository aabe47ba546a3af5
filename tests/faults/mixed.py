"""`python -m tests.faults.mixed --seconds 120 --seed 7`: faults of every kind under load, and one table of what came.

Faults come one after another, in the order of the seed (`schedule`), from the list in `kinds`. At the end everything
comes to rest and is read back. It fails if any count is not 0, or if fewer were acknowledged or fewer faults done than
was asked for; then the schedule is told, and the same seed does the same again.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import uvloop

from storage import embedded, migrate
from tests.faults.checker import Verdict
from tests.faults.kinds import BLOCKED_SECONDS, KINDS, OF_EACH
from tests.faults.run import Run, running, under_load
from tests.faults.schedule import Step, schedule
from tests.fixtures.postgres import fast_folder

AFTER_SECONDS = 6.0
"""Talk goes on for so long behind the last fault, so that its end is seen too."""


@dataclass(slots=True)
class Done:
    """One fault that happened: when, and whom it met. Monotonic seconds."""

    step: Step
    began: float
    ended: float
    told: str


@dataclass
class Report:
    """What a mixed run found."""

    seed: int
    seconds: float
    done: list[Done] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    acks: list[float] = field(default_factory=list)
    """When something was acknowledged, in order."""
    waits: list[tuple[float, float]] = field(default_factory=list)
    """When each acknowledged command was called, in order, and how long its client waited."""
    talked_until: float = 0.0

    def silence(self, since: float, until: float) -> float:
        """The longest time in which nobody's command was acknowledged."""
        inside = self.acks[bisect.bisect(self.acks, since) : bisect.bisect(self.acks, until)]
        return max(later - earlier for earlier, later in pairwise([since, *inside, until]))

    def slowest(self, since: float, until: float) -> float:
        """The longest wait of a command that was called in this time."""
        inside = self.waits[bisect.bisect(self.waits, (since, 0.0)) : bisect.bisect(self.waits, (until, 0.0))]
        return max((wait for _, wait in inside), default=0.0)

    def table(self) -> Iterator[str]:
        """The result as Markdown: by kind of fault, then the counts."""
        yield "| fault | times | longest without any ack, s | longest wait of a command, s |"
        yield "|---|---|---|---|"
        worst: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        for one, following in zip(self.done, [*self.done[1:], None], strict=True):
            until = self.talked_until if following is None else following.began
            worst[one.step.kind].append((self.silence(one.began, until), self.slowest(one.began, until)))
        for kind, times in worst.items():
            if times:
                silence, wait = (max(column) for column in zip(*times, strict=True))
                yield f"| {kind} | {len(times)} | {silence:.1f} | {wait:.1f} |"
        yield f"| all | {len(self.done)} | | |"
        found = self.verdict
        yield ""
        yield "| " + " | ".join(("acked", "refused", "open", "stored", "deliveries", *found.counts)) + " |"
        yield "|---" * (5 + len(found.counts)) + "|"
        numbers = (found.acked, found.failed, found.open, found.stored, found.heard, *found.counts.values())
        yield "| " + " | ".join(f"{number:,}" for number in numbers) + " |"


async def mixed(
    database_url: str, *, seed: int, seconds: float, rate: float = 200.0, clients: int = 50, rooms: int = 20
) -> Report:
    """One run of so many seconds of talk."""
    report = Report(seed, seconds)

    async def plan(run: Run) -> None:
        steps = schedule(seed, list(KINDS))
        end = time.monotonic() + seconds - AFTER_SECONDS
        for step in steps:
            await asyncio.sleep(step.pause)
            began = time.monotonic()
            if began >= end:
                return
            told = await KINDS[step.kind](run, Random(step.seed))
            report.done.append(Done(step, began, time.monotonic(), told))
            say(f"parley: {began + seconds - AFTER_SECONDS - end:6.1f} s  {step.kind}: {told}")

    async with running(
        database_url,
        seed=seed,
        clients=clients,
        rooms=rooms,
        of_each=OF_EACH,
        lines=True,
        BLOCKED_SECONDS=str(BLOCKED_SECONDS),
    ) as run:
        began = time.monotonic()
        report.verdict = await under_load(run, plan, seconds=seconds, rate=rate)
        report.talked_until = began + seconds
        report.acks = sorted(at for op in run.history.operations.values() for _, at in op.acks)
        report.waits = sorted(
            (op.called, op.acks[0][1] - op.called) for op in run.history.operations.values() if op.acks
        )
    return report


def say(line: str) -> None:
    """To whoever watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """0 if everything asked for was true."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mixed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long everybody talks")
    parser.add_argument("--seed", type=int, default=None, help="which faults, in which order; drawn if not given")
    parser.add_argument("--rate", type=float, default=200.0, help="wishes a second")
    parser.add_argument("--acked", type=int, default=0, help="fail if fewer were acknowledged")
    parser.add_argument("--faults", type=int, default=0, help="fail if there were fewer faults")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(10**6)
    say(f"parley: {given.seconds:.0f} s of faults, SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="parley-mixed-", dir=fast_folder()) as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with (Path(folder) / "postgres.log").open("wb") as output, embedded.Server(data, output=output):
            asyncio.run(migrate.up(embedded.dsn(data)))
            report = uvloop.run(mixed(embedded.dsn(data), seed=seed, seconds=given.seconds, rate=given.rate))
    say("")
    for line in report.table():
        say(line)
    say("")
    verdict = report.verdict
    for kind, found in verdict.faults.items():
        for what in found[:20]:
            say(f"{kind}: {what}")
    sound = verdict.sound and verdict.acked >= given.acked and len(report.done) >= given.faults
    if sound:
        say(f"parley: sound. SEED={seed}")
    else:
        say(f"parley: NOT as it must be; wanted {given.acked} acked and {given.faults} faults. Again: SEED={seed}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long what took in a fault run: read off its history."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from tests.faults.history import Id, Operation
from tests.faults.run import Run


def everybody(_: Operation) -> bool:
    """All commands count."""
    return True


def unhindered(run: Run) -> Callable[[Operation], bool]:
    """Those that did not stand behind one that was refused for good, in its lane.

    A refusal may not be said while a copy may still be stored, for 6 s at most, and what stands behind it waits too;
    a second later the lane has caught up.
    """
    lanes: dict[tuple[str, Id], list[tuple[float, float]]] = defaultdict(list)
    for op in run.history.operations.values():
        if op.failed:
            lanes[op.client, op.conversation].append((op.called, op.refusals[-1][1]))

    def free(op: Operation) -> bool:
        return not any(called <= op.called <= told + 1 for called, told in lanes[op.client, op.conversation])

    return free


def longest_silence(run: Run, since: float, until: float, who: Callable[[Operation], bool] = everybody) -> float:
    """The longest time between two acknowledgements, whoever got them."""
    acks = sorted(at for op in run.history.operations.values() if who(op) for _, at in op.acks if since <= at <= until)
    times = [since, *acks, until]
    return max(later - earlier for earlier, later in pairwise(times))


def slowest(run: Run, since: float, until: float, who: Callable[[Operation], bool] = everybody) -> float:
    """The longest that a command called in this time waited for its acknowledgement."""
    waits = [
        op.acks[0][1] - op.called
        for op in run.history.operations.values()
        if op.acks and since <= op.called <= until and who(op)
    ]
    return max(waits)


def first_ack(run: Run, since: float) -> float:
    """How long after this moment somebody got an acknowledgement again."""
    return min(at for op in run.history.operations.values() for _, at in op.acks if at >= since) - since


def acks_between(run: Run, since: float, until: float, who: Callable[[Operation], bool] = everybody) -> int:
    """How many acknowledgements arrived in this time."""
    return sum(since <= at <= until for op in run.history.operations.values() if who(op) for _, at in op.acks)


def delays(run: Run) -> float:
    """The longest way of an event from its acknowledgement to a client that was there all the time."""
    acked = {op.id: op.acks[0][1] for op in run.history.operations.values() if op.acks}
    steady = [talker.reader for talker in run.talkers if not talker.client.reconnects]
    return max(
        (
            at - acked[id]
            for reader in steady
            for heard in reader.heard.values()
            for _, _, _, id, at in heard
            if id in acked
        ),
        default=0.0,
    )


def memory(run: Run) -> dict[str, int]:
    """The resident bytes of each process."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        name: int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * page
        for name, process in run.system.processes.items()
    }


def growth(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """By how many bytes the process grew that grew most."""
    return max(after[name] - size for name, size in before.items())

"""Even load on a running Parley, every delivery checked: `python -m bench.firehose --help`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.groups import SetupError, add_server, create, people, secret, token, urls
from bench.latency import course, curve, percentiles
from bench.ledger import Ledger
from bench.metronome import beat
from bench.processes import between, usage
from bench.program import conclude
from bench.report import render
from bench.swarm import Swarm

STRAGGLERS_SECONDS = 20.0
MARK_SECONDS = 0.5


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.firehose", description=__doc__)
    parser.add_argument("--users", type=int, default=100, help="connected users (default 100)")
    parser.add_argument("--group", type=int, default=10, help="members of a conversation (default 10)")
    parser.add_argument("--senders", type=int, help="of each conversation, how many speak (default: all)")
    parser.add_argument("--rate", type=float, default=1000.0, help="messages a second, all users together")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured seconds, after the warm-up")
    parser.add_argument(
        "--warmup", type=float, default=1.0, help="seconds at the same rate before, checked but not timed"
    )
    parser.add_argument("--size", type=int, default=40, help="characters of a message (default 40)")
    add_server(parser)
    given = parser.parse_args(argv)
    if given.group < 1 or given.users < given.group or given.users % given.group:
        parser.error("--users must be a multiple of --group")
    if given.senders is not None and not 1 <= given.senders <= given.group:
        parser.error("--senders must be between 1 and --group")
    if given.rate <= 0 or given.seconds <= 0 or given.warmup < 0:
        parser.error("--rate and --seconds must be above 0, --warmup not below")
    return given


async def run(given: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """The whole run; the figures as they are printed and written. Raises SetupError."""
    edges, key = urls(given, env), secret(given, env)
    groups = people(given.users, given.group)
    conversations = await create(edges[0], key, groups)
    warmup = math.floor(given.warmup * given.rate)
    count = warmup + math.ceil(given.seconds * given.rate)
    ledger = Ledger(len(groups), given.group, senders=given.senders, measured=warmup)
    swarm = Swarm(edges, ledger, body=lambda number: f"{number} ".ljust(given.size, "x"))
    tokens = [token(key, one, first=one == group[0]) for group in groups for one in group]
    try:
        await swarm.connect(tokens, conversations, head=1)
    except (OSError, TimeoutError) as fault:
        await swarm.close()
        raise SetupError(f"Not all users came in: {fault!r}.") from None
    background = [asyncio.create_task(swarm.beat()), asyncio.create_task(mark(ledger))]
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause of ours would count as theirs
    before, began = usage(given.data_dir), time.monotonic()
    try:
        await beat(given.rate, count, swarm.send)
        sending = time.monotonic() - began
        await swarm.settle(STRAGGLERS_SECONDS)
        ledger.mark(time.monotonic())
        after, span = usage(given.data_dir), time.monotonic() - began
    finally:
        gc.enable()
        for task in background:
            task.cancel()
        await swarm.close()
    totals = ledger.totals()
    return {
        "users": given.users,
        "group": given.group,
        "senders": ledger.senders,
        "rate": given.rate,
        "seconds": given.seconds,
        "warmup": given.warmup,
        **totals._asdict(),
        "sound": totals.sound and not ledger.errors["rate_limited"],
        "achieved_rate": count / sending,
        "errors": dict(ledger.errors),
        "reconnects": swarm.reconnects,
        "closes": dict(swarm.closes),
        "delivery_ms": percentiles(ledger.delivery_seconds)._asdict(),
        "ack_ms": percentiles(ledger.ack_seconds)._asdict(),
        "delivery_curve": curve(ledger.delivery_seconds),
        "delivery_course": [moment._asdict() for moment in course(ledger.delivery_seconds, ledger.marks)],
        "send_lag_ms": percentiles(ledger.lag[warmup:])._asdict(),
        "span_seconds": span,
        "processes": [cost._asdict() for cost in between(before, after)],
        "load_average": os.getloadavg(),
        "cpus": os.cpu_count(),
    }


async def mark(ledger: Ledger) -> None:
    """Cut the measured latencies into slices of half a second; until cancelled."""
    while True:
        ledger.mark(time.monotonic())
        await asyncio.sleep(MARK_SECONDS)


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when the run was sound and not rate-limited, 1 when not, 2 when there was none."""
    given = arguments(argv)
    return conclude(run(given, env), render, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

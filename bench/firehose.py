"""Even load on a running Parley, every delivery checked: `python -m bench.firehose --help`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import os
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

from bench.http import Api, ApiError
from bench.ledger import Ledger, percentiles
from bench.metronome import beat
from bench.processes import between, usage
from bench.report import render
from bench.swarm import Swarm
from bench.tokens import mint

STRAGGLERS_SECONDS = 20.0
CREATING_AT_ONCE = 8


class SetupError(Exception):
    """The load cannot begin; the message says what to do."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.firehose", description=__doc__)
    parser.add_argument("--users", type=int, default=100, help="connected users (default 100)")
    parser.add_argument("--group", type=int, default=10, help="members of a conversation (default 10)")
    parser.add_argument("--rate", type=float, default=1000.0, help="messages a second, all users together")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured seconds, after the warm-up")
    parser.add_argument(
        "--warmup", type=float, default=1.0, help="seconds at the same rate before, checked but not timed"
    )
    parser.add_argument("--size", type=int, default=40, help="characters of a message (default 40)")
    parser.add_argument("--url", action="append", help="of an edge; may be given several times")
    parser.add_argument("--data-dir", type=Path, default=Path(".parley"), help="of the instance")
    parser.add_argument("--secret-file", type=Path, help="default: $AUTH_JWT_SECRET, else DATA_DIR/jwt.secret")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    given = parser.parse_args(argv)
    if given.group < 1 or given.users < given.group or given.users % given.group:
        parser.error("--users must be a multiple of --group")
    if given.rate <= 0 or given.seconds <= 0 or given.warmup < 0:
        parser.error("--rate and --seconds must be above 0, --warmup not below")
    return given


def secret(given: argparse.Namespace, env: Mapping[str, str]) -> str:
    """The key that the server checks host tokens with."""
    if given.secret_file is None and env.get("AUTH_JWT_SECRET"):
        return env["AUTH_JWT_SECRET"]
    path: Path = given.secret_file or given.data_dir / "jwt.secret"
    try:
        return path.read_text().strip()
    except OSError as fault:
        raise SetupError(f"No secret: {fault}. Set AUTH_JWT_SECRET or give --secret-file or --data-dir.") from None


async def create(url: str, key: str, groups: list[list[str]]) -> list[str]:
    """One conversation for each group; its first account, an agent, starts it and is its member."""
    gate = asyncio.Semaphore(CREATING_AT_ONCE)

    async def one(api: Api, number: int, accounts: list[str]) -> str:
        async with gate:
            api.token = token(key, accounts[0], first=True)
            made = await api.create(f"Load {number}", accounts[1:])
            if made["head"] != 1:
                raise SetupError(f"A new conversation should stand at 1, not {made['head']}.")
            return str(made["id"])

    apis = [Api(url) for _ in groups]
    try:
        made = [one(api, number, accounts) for number, (api, accounts) in enumerate(zip(apis, groups, strict=True))]
        return list(await asyncio.gather(*made))
    except ApiError as fault:
        raise SetupError(f"Conversations cannot be created: {fault}") from None
    except (aiohttp.ClientError, OSError, TimeoutError) as fault:
        raise SetupError(f"No answer from {url}: {fault}. Is it running (make run)?") from None
    finally:
        for api in apis:
            await api.close()


def token(key: str, account: str, *, first: bool) -> str:
    """A host token for a load account; the first of each group is an agent."""
    mail = f"load-{account[:13]}@load.example"
    role = "agent" if first else "client"
    return mint(key, account, name=f"Load {account[:8]}", email=mail, role=role, seconds=86_400.0)


async def run(given: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """The whole run; the figures as they are printed and written. Raises SetupError."""
    urls: list[str] = given.url or [f"http://127.0.0.1:{env.get('PORT', '8000')}"]
    key = secret(given, env)
    accounts = [str(uuid.uuid4()) for _ in range(given.users)]
    groups = [accounts[i : i + given.group] for i in range(0, given.users, given.group)]
    conversations = await create(urls[0], key, groups)
    warmup = math.floor(given.warmup * given.rate)
    count = warmup + math.ceil(given.seconds * given.rate)
    ledger = Ledger(len(groups), given.group, measured=warmup)
    swarm = Swarm(urls, ledger, body=lambda number: f"{number} ".ljust(given.size, "x"))
    tokens = [token(key, one, first=i % given.group == 0) for i, one in enumerate(accounts)]
    try:
        await swarm.connect(tokens, conversations, head=1)
    except (OSError, TimeoutError) as fault:
        await swarm.close()
        raise SetupError(f"Not all users came in: {fault!r}.") from None
    heartbeat = asyncio.create_task(swarm.beat())
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause of ours would count as theirs
    before, began = usage(given.data_dir), time.monotonic()
    try:
        await beat(given.rate, count, swarm.send)
        sending = time.monotonic() - began
        await swarm.settle(STRAGGLERS_SECONDS)
        after, span = usage(given.data_dir), time.monotonic() - began
    finally:
        gc.enable()
        heartbeat.cancel()
        await swarm.close()
    totals = ledger.totals()
    return {
        "users": given.users,
        "group": given.group,
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
        "send_lag_ms": percentiles(ledger.lag[warmup:])._asdict(),
        "span_seconds": span,
        "processes": [cost._asdict() for cost in between(before, after)],
        "load_average": os.getloadavg(),
        "cpus": os.cpu_count(),
    }


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when the run was sound and not rate-limited, 1 when not, 2 when there was none."""
    given = arguments(argv)
    try:
        figures = uvloop.run(run(given, env))
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 2
    print(render(figures))
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return 0 if figures["sound"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""The faults of the mixed run, by name. To add one, write what it does and puts right again, under `@fault`.

A fault is given the run and a source of chance; when it returns, everything runs again, and it says whom it met. What
it chooses it chooses from the source alone, so that a seed means the same faults each time.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import psycopg

from tests.faults.network import Network
from tests.faults.run import FaultSystem, Run, several

Fault = Callable[[Run, Random], Awaitable[str]]

KINDS: dict[str, Fault] = {}
"""By the name that the table of a run shows."""

OF_EACH = 2
PROCESSES = ("edge", "broker", "persistence", "fanout")
BLOCKED_SECONDS = 4.0
"""For how long SIGUSR1 blocks a loop in the mixed run: longer than a process may be silent before it is gone."""


def fault(name: str) -> Callable[[Fault], Fault]:
    """Make it known under this name."""

    def known(does: Fault) -> Fault:
        assert name not in KINDS, name
        KINDS[name] = does
        return does

    return known


def names(kind: str) -> list[str]:
    """All processes of a kind."""
    return several(kind, OF_EACH)


def network_of(run: Run) -> Network:
    """The lines of a run that has some."""
    assert isinstance(run.system, FaultSystem)
    assert run.system.network is not None
    return run.system.network


# One process ----------------------------------------------------------------


def _of_one(kind: str) -> None:
    @fault(f"{kind} killed")
    async def killed(run: Run, random: Random) -> str:
        name, down = random.choice(names(kind)), random.uniform(0.1, 2)
        run.system.kill(name)
        await asyncio.sleep(down)
        run.system.start(name)
        return f"{name}, down {down:.1f} s"

    @fault(f"{kind} stopped")
    async def stopped(run: Run, random: Random) -> str:
        name, still = random.choice(names(kind)), random.uniform(1, 6)
        run.system.kill(name, signal.SIGSTOP)
        await asyncio.sleep(still)
        run.system.kill(name, signal.SIGCONT)
        return f"{name}, {still:.1f} s"

    @fault(f"{kind}: loop blocked")
    async def blocked(run: Run, random: Random) -> str:
        name = random.choice(names(kind))
        run.system.kill(name, signal.SIGUSR1)
        await asyncio.sleep(BLOCKED_SECONDS + 0.2)
        return f"{name}, {BLOCKED_SECONDS} s"


for _kind in PROCESSES:
    _of_one(_kind)


# Several at once ------------------------------------------------------------


async def kill_all(run: Run, found: list[str], down: float) -> None:
    """All of these at one moment; they are started again a while later."""
    for name in found:
        run.system.processes[name].kill()
    for name in found:
        run.system.kill(name)
    await asyncio.sleep(down)
    for name in found:
        run.system.start(name)
    await run.system.ready()


def _of_all(kind: str) -> None:
    @fault(f"every {kind} killed at once")
    async def all_killed(run: Run, random: Random) -> str:
        down = random.uniform(0.1, 1)
        await kill_all(run, names(kind), down)
        return f"down {down:.1f} s"


for _kind in PROCESSES:
    _of_all(_kind)


@fault("everything of ours killed at once")
async def everything(run: Run, random: Random) -> str:
    down = random.uniform(0.1, 1)
    await kill_all(run, [name for kind in PROCESSES for name in names(kind)], down)
    return f"down {down:.1f} s"


@fault("rolling restart of everything")
async def rolling(run: Run, random: Random) -> str:
    for kind in ("broker", "persistence", "fanout", "edge"):
        for name in names(kind):
            await run.system.end(name, signal.SIGTERM)
            run.system.start(name)
            await run.system.settled(brokers=OF_EACH, persistence=OF_EACH, fanout=OF_EACH)
    return "each when the one before was back"


# Accidents in a process, for some seconds ---------------------------------------


def _accident(name: str, kind: str, plant: str) -> None:
    @fault(name)
    async def planted(run: Run, random: Random) -> str:
        seconds = random.uniform(2, 4)
        run.system.plants = {kind: [plant]}
        for process in names(kind):
            await run.system.restart(process)
        await asyncio.sleep(seconds)
        run.system.plants = {}
        for process in names(kind):
            await run.system.restart(process)
        return f"{plant}, {seconds:.1f} s"


_accident("a third of the acks swallowed behind the commit", "persistence", "swallows_answers=0.33")
_accident("two workers own every conversation", "edge", "asks_every_worker")
_accident("every fifth fanout frame dropped", "fanout", "drops_deliveries=5")
_accident("fanout frames doubled, late, reordered", "fanout", "doubles_and_delays_deliveries=0.3")
_accident("fanout hears of nothing but by the feed", "persistence", "tells_fanout_nothing")


# The database -------------------------------------------------------------------


@fault("all connections to PostgreSQL cut")
async def connections_cut(run: Run, random: Random) -> str:
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    ours += " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    times = random.randint(1, 5)
    cut = 0
    async with await psycopg.AsyncConnection.connect(run.database_url, autocommit=True) as admin:
        for _ in range(times):
            cut += (await admin.execute(ours)).rowcount
            await asyncio.sleep(random.uniform(0.05, 0.3))
    return f"{cut} in {times} goes"


@fault("a conversation locked by others")
async def locked(run: Run, random: Random) -> str:
    seconds = random.uniform(1, 4)
    async with await psycopg.AsyncConnection.connect(run.database_url) as other:
        await other.execute("SELECT FROM conversations WHERE id = %s FOR UPDATE", (random.choice(run.rooms),))
        await asyncio.sleep(seconds)
        await other.rollback()
    return f"{seconds:.1f} s"


# The network --------------------------------------------------------------------


def _line(name: str, **wish: Any) -> None:
    @fault(name)
    async def failing(run: Run, random: Random) -> str:
        peer, broker, seconds = (
            random.choice(network_of(run).peers),
            random.choice(names("broker")),
            random.uniform(1, 6),
        )
        await network_of(run).tell([peer], [broker], **wish)
        await asyncio.sleep(seconds)
        await network_of(run).heal()
        return f"{peer} to {broker}, {seconds:.1f} s"


_line("a line to a broker is silent", up=False, down=False)
_line("a line to a broker is silent one way: up", up=False)
_line("a line to a broker is silent one way: down", down=False)
_line("a line to a broker is slow", delay=0.3)
_line("a line to a broker is half open", end="half")


@fault("lines are reset again and again")
async def resets(run: Run, random: Random) -> str:
    network, times = network_of(run), random.randint(3, 10)
    for _ in range(times):
        await network.tell(random.sample(network.peers, 3), random.choices(network.brokers), end="reset")
        await asyncio.sleep(random.uniform(0.1, 0.8))
    return f"{times} times three of them"


@fault("half the edges see one broker only, half the other")
async def split(run: Run, random: Random) -> str:
    seconds = random.uniform(2, 6)
    for edge, broker in zip(names("edge"), reversed(names("broker")), strict=True):
        await network_of(run).tell([edge], [broker], up=False, down=False)
    await asyncio.sleep(seconds)
    await network_of(run).heal()
    return f"{seconds:.1f} s"


@fault("a peer sees no broker at all")
async def alone(run: Run, random: Random) -> str:
    peer, seconds = random.choice(network_of(run).peers), random.uniform(1, 6)
    await network_of(run).tell([peer], names("broker"), up=False, down=False)
    await asyncio.sleep(seconds)
    await network_of(run).heal()
    return f"{peer}, {seconds:.1f} s"

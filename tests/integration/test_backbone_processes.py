"""Brokers and workers as processes, killed, stopped or ended: what was asked for finds another way, or dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.link.client import Link
from tests.fixtures.backbone import ROOT, Ear, Process, broker, know_each_other, listening, mute, until, worker

pytestmark = pytest.mark.anyio

KEYS = [f"conversation-{number}" for number in range(40)]
SOON = 5.0
"""Seconds. Silence is judged after 1.5; a process that could not run for a second listens as long again first."""


async def answered_by(edge: Link, ear: Ear, *, seconds: float = 10.0) -> set[str]:
    """Ask the owners of all keys, again and again as an edge would, until each has answered; who they were."""
    names: dict[int, str] = {}
    async with asyncio.timeout(seconds):
        while len(names) < len(KEYS):
            for tag, key in enumerate(KEYS):
                if tag not in names and edge.ready:
                    edge.send("persistence", key, b"", tag=tag, ttl=1.0)
            await asyncio.sleep(0.1)
            for frame in ear.frames:
                names[frame.tag] = frame.payload.decode().removeprefix(" by ")
            ear.frames.clear()
    return set(names.values())


async def test_a_broker_that_was_killed_and_restarted_learns_again_who_is_there(address):
    """Links say hello under their old names by themselves, and are told that something may have been lost."""
    edge, edge_ear = listening("edge", address)
    other, ear = listening("persistence", address)
    with broker(address) as first:
        async with edge, other:
            await know_each_other(edge, other)
            first.signal(signal.SIGKILL)
            with broker(address):
                edge_ear.changes.clear()
                await until(lambda: edge_ear.overruns and ear.overruns)
                await know_each_other(edge, other)
                edge.send("persistence", "key", b"after", ttl=5.0)
                await until(lambda: ear.payloads == [b"after"])


async def test_when_one_of_two_brokers_is_killed_frames_take_the_other(place):
    addresses = [f"ipc://{place}/{name}.ipc" for name in ("one", "two")]
    edge, edge_ear = listening("edge", *addresses)
    with broker(addresses[0]), broker(addresses[1]) as second, worker(*addresses), worker(*addresses):
        async with edge:
            await until(lambda: {edge.way("persistence", key).broker for key in KEYS if edge.ready} == set(addresses))
            await until(lambda: len(edge.peers("persistence")) == 2)
            second.signal(signal.SIGKILL)
            killed = time.monotonic()
            await until(lambda: addresses[1] in edge_ear.suspected)
            assert time.monotonic() - killed < SOON
            assert {edge.way("persistence", key).broker for key in KEYS} == {addresses[0]}
            assert len(await answered_by(edge, edge_ear)) == 2
            await until(lambda: addresses[1] in edge_ear.gone)


async def test_the_keys_of_a_worker_that_was_killed_move_to_the_other(address):
    edge, ear = listening("edge", address)
    with broker(address), worker(address) as doomed, worker(address):
        async with edge:
            await until(lambda: len(edge.peers("persistence")) == 2)
            before = await answered_by(edge, ear)
            assert len(before) == 2
            doomed.signal(signal.SIGKILL)
            killed = time.monotonic()
            await until(lambda: len(edge.peers("persistence")) == 1)
            assert time.monotonic() - killed < SOON
            assert await answered_by(edge, ear) == edge.peers("persistence")


async def test_a_stopped_worker_is_avoided_and_trusted_again_when_it_goes_on(address):
    """What it was sent meanwhile is too old by its own reckoning when it wakes: it answers none of it."""
    edge, ear = listening("edge", address)
    with broker(address), worker(address) as stopped:
        async with edge:
            await until(lambda: edge.peers("persistence"))
            edge.send("persistence", "key", b"", tag=1, ttl=5.0)
            await until(lambda: ear.frames)
            stopped.signal(signal.SIGSTOP)
            for tag in range(100, 150):
                edge.send("persistence", "key", b"", tag=tag, ttl=0.5)
            await until(lambda: ear.suspected)
            assert not edge.peers("persistence")
            stopped.signal(signal.SIGCONT)
            await until(lambda: edge.peers("persistence"))
            edge.send("persistence", "key", b"", tag=2, ttl=5.0)
            await until(lambda: any(frame.tag == 2 for frame in ear.frames))
            assert {frame.tag for frame in ear.frames} == {1, 2}


async def test_what_a_stopped_broker_held_dies_there_and_is_reported(address):
    """Stopped for less than makes it suspect, longer than the commands live; hints are as good as ever."""
    edge, edge_ear = listening("edge", address)
    other, ear = listening("persistence", address)
    with broker(address) as stopped:
        async with edge, other:
            await know_each_other(edge, other)
            edge.send("persistence", "key", b"before", ttl=5.0)
            await until(lambda: ear.frames)
            stopped.signal(signal.SIGSTOP)
            for tag in range(1, 11):
                edge.send("persistence", "key", b"late", tag=tag, ttl=0.3)
            edge.send("persistence", "key", b"hint")
            await asyncio.sleep(0.8)
            stopped.signal(signal.SIGCONT)
            await until(lambda: len(edge_ear.reports) == 10)
            await until(lambda: len(ear.frames) == 2)
            assert edge_ear.reports == [(tag, "expired") for tag in range(1, 11)]
            assert ear.payloads == [b"before", b"hint"]


async def test_a_link_closes_soon_though_every_peer_is_dead_and_frames_wait(address):
    edge, _ = listening("edge", address)
    with broker(address) as dead:
        async with edge, mute("persistence", address) as peer:
            await until(lambda: edge.peers("persistence") == {peer.name})
            dead.signal(signal.SIGKILL)
            for number in range(1_000):
                edge.send("persistence", str(number), bytes(1_000), ttl=5.0)
            closing = time.monotonic()
    assert time.monotonic() - closing < 3.0


async def test_a_broker_ends_soon_though_a_peer_does_not_read(address):
    edge, _ = listening("edge", address)
    with broker(address) as ending, worker(address) as stopped:
        async with edge:
            await until(lambda: edge.peers("persistence"))
            stopped.signal(signal.SIGSTOP)
            for number in range(3_000):
                edge.send("persistence", str(number), bytes(1_000))
            await asyncio.sleep(0.2)
            asked = time.monotonic()
            ending.signal(signal.SIGTERM)
            status, said = await asyncio.to_thread(ending.ended)
    assert status == 0
    assert time.monotonic() - asked < 5.0
    assert "broker.started" in said
    assert "broker.stopped" in said


async def test_commands_waiting_for_a_worker_that_is_killed_are_reported_gone(address):
    """Its window is full, so they wait at the broker, where they do not die with it."""
    edge, ear = listening("edge", address)
    small = {"BROKER_WINDOW_BYTES": "65536", "BROKER_WAITING_BYTES": "65536"}
    with broker(address, **small), worker(address) as doomed:
        async with edge:
            await until(lambda: edge.peers("persistence"))
            doomed.signal(signal.SIGSTOP)
            for tag in range(100):
                edge.send("persistence", "key", bytes(872), tag=tag, ttl=30.0)
                if tag == 40:
                    await asyncio.sleep(0.05)
            # What returns to ourselves came behind them all: the broker has them, however busy this machine is.
            edge.send_to(edge.node, b"the last")
            await until(lambda: ear.payloads == [b"the last"])
            doomed.signal(signal.SIGKILL)
            await until(lambda: ear.reports)
            assert ear.reports == [(tag, "gone") for tag in range(65, 100)]


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"BROKER_BIND": "tcp://0.0.0.0:5555"}, "plain TCP is only spoken on a loopback address"),
        ({"BROKER_BIND": "tcp://host.example:5555"}, "plain TCP is only spoken on a loopback address"),
        ({"BROKER_BIND": "udp://127.0.0.1:1"}, "is no address"),
        ({"BROKER_BIND": "ipc:///tmp/" + "x" * 120}, "choose a shorter DATA_DIR"),
        ({"BROKER_BIND": "ipc:///dev/null/broker.ipc"}, "cannot be bound"),
        ({"BROKER_WINDOW_BYTES": "1"}, "at least 65536"),
        ({"BROKER_WINDOW_BYTES": "much"}, "BROKER_WINDOW_BYTES"),
        ({"BROKER_GONE_SECONDS": "0.5"}, "BROKER_GONE_SECONDS"),
        ({"BROKER_WINDW_BYTES": "65536"}, "did you mean BROKER_WINDOW_BYTES?"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_and_no_start(env, words, address):
    with Process("-m", "broker", **{"BROKER_BIND": address, **env}) as refused:
        status, said = refused.ended()
    assert status == 1
    assert words in said
    assert said.count("\n") == 1


async def test_a_second_broker_on_one_address_is_refused_and_the_first_undisturbed(address):
    edge, _ = listening("edge", address)
    with broker(address):
        async with edge:
            await edge.wait_ready(10.0)
            with broker(address) as second:
                status, said = await asyncio.to_thread(second.ended)
            assert status == 1
            assert "another broker listens here" in said
            await asyncio.sleep(2.0)
            assert edge.ready


def test_a_second_signal_ends_a_process_that_is_still_ending():
    """What it waits for may never come."""
    code = (
        "import asyncio; from broker.node.lifecycle import stop_signal\n"
        "async def main():\n    stop = stop_signal(); print(flush=True); await stop.wait()\n"
        "    print(flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 1


def test_a_broker_leaves_with_the_process_that_started_it(address):
    """Killed with -9, a supervisor can end nobody."""
    code = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'broker']); print(p.pid); p.wait()"
    parent = subprocess.Popen(
        [sys.executable, "-uc", code],
        cwd=ROOT,
        env={**os.environ, "BROKER_BIND": address, "PARLEY_DIE_WITH_PARENT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    with parent:
        child = int(parent.stdout.readline())
        _wait(Path(address.removeprefix("ipc://")).exists)
        parent.kill()
        _wait(lambda: not _runs(child))


def _wait(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False

"""Ticks at an even pace, to the microsecond: a timerfd watched by the event loop.

The loop's own timers wake up to a millisecond late, which would count as latency of the system under test.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable

TICK_SECONDS = 0.001
"""The finest pace; above 1,000 a second several fall due at one tick."""

CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1


class _Spec(ctypes.Structure):
    """struct itimerspec: interval and first expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


def schedule(rate: float) -> tuple[float, Callable[[int], int]]:
    """Seconds between ticks for `rate` a second, and how many are due in all at tick k (from 0)."""
    tick = max(TICK_SECONDS, 1.0 / rate)
    return tick, lambda k: int((k + 1) * tick * rate + 1e-6)


async def beat(rate: float, count: int, send: Callable[[int, float], None]) -> None:
    """Call `send(n, intended)` for n below `count`, open loop: late or not, nothing is left out.

    `intended` is the monotonic time at which n was due; what `send` raises ends the beat.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    tick, due = schedule(rate)
    start = time.monotonic() + 0.01
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    ticks = sent = 0

    def wake() -> None:
        nonlocal ticks, sent
        try:
            expired = int.from_bytes(os.read(fd, 8), "little")
            for _ in range(expired):
                intended = start + ticks * tick
                upto = min(due(ticks), count)
                while sent < upto:
                    send(sent, intended)
                    sent += 1
                ticks += 1
            if sent >= count and not done.done():
                done.set_result(None)
        except BlockingIOError:
            return
        except Exception as fault:
            if not done.done():
                done.set_exception(fault)

    try:
        loop.add_reader(fd, wake)
        spec = _Spec(*_split(tick), *_split(start))
        if libc.timerfd_settime(fd, TFD_TIMER_ABSTIME, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        await done
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _split(seconds: float) -> tuple[int, int]:
    whole = int(seconds)
    return whole, int((seconds - whole) * 1e9)

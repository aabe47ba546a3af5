"""Virtual time, and processes whose every step is chosen by a seed.

Each simulated process is an event loop of its own (asyncio's tasks, futures and time-outs ask no more of one than
`call_soon`, `call_at` and `time`), so the code that runs in it is the product's, unchanged. The world picks whose turn
it is by chance and lets time pass only when nobody has anything to do: twenty seconds take a few hundredths of one, and
the same seed gives the same run, step by step. A killed process takes no further step, as after SIGKILL; a stopped one
takes none until it is continued, and then finds everything that came meanwhile, as after SIGSTOP and SIGCONT.
(Zhou and others, "FoundationDB: a distributed unbundled transactional key value store", 2021, section 4.)
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random
from typing import Any

MOST_STEPS = 400_000
"""A run that takes more goes round in circles."""
MOST_AWAITS_IN_FINALLY = 10


class Runaway(Exception):
    """The run takes more steps than any sound one."""


class Step:
    """Something to be called in a process; asyncio's handle, without what nobody here asks of one."""

    __slots__ = ("_args", "_callback", "_context", "cancelled_already", "due")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None, due: float = 0.0
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = context
        self.due = due
        self.cancelled_already = False

    def cancel(self) -> None:
        """Do not take it."""
        self.cancelled_already = True

    def cancelled(self) -> bool:
        return self.cancelled_already

    def when(self) -> float:
        return self.due

    def take(self) -> None:
        """Do it."""
        if self._context is None:
            self._callback(*self._args)
        else:
            self._context.run(self._callback, *self._args)


class Process(asyncio.AbstractEventLoop):
    """One process: an event loop in which only the world makes time pass. `faults` are what nobody caught in it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.stopped = False
        self.faults: list[str] = []
        self.offset = 0.0
        """What its monotonic clock shows beyond the world's: no two machines agree."""
        self.steps = 0
        self._queue: deque[Step] = deque()
        self._waiting = False
        self._tasks: set[asyncio.Task[Any]] = set()

    # Its life ---------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more, no `finally` either."""
        self.alive = False
        self._queue.clear()

    def take_down(self) -> None:
        """Have what is left of a killed process go now, and not when the garbage collector comes by."""
        for task in list(self._tasks):
            for _ in range(MOST_AWAITS_IN_FINALLY):
                try:
                    task.get_coro().close()
                    break
                except RuntimeError:
                    continue  # a `finally` that awaits something
        self._tasks.clear()

    def stop_running(self) -> None:
        """SIGSTOP."""
        self.stopped = True

    def go_on(self) -> None:
        """SIGCONT."""
        self.stopped = False
        self._wait_for_turn()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start `work` as the process's own."""
        self.call_soon(self.create_task, work)

    def _wait_for_turn(self) -> None:
        if self._queue and self.alive and not self.stopped and not self._waiting:
            self._waiting = True
            self.world.runnable.append(self)

    def turn(self) -> bool:
        """Take one step; is there another one to take?"""
        step = self._queue.popleft()
        if not step.cancelled_already:
            self.steps += 1
            try:
                step.take()
            except Exception as fault:
                self.faults.append(f"{self.name}: {fault!r}")
        return bool(self._queue) and self.alive and not self.stopped

    def clock(self) -> float:
        """Its monotonic clock."""
        return self.world.now + self.offset

    # What asyncio asks of a loop --------------------------------------------

    def time(self) -> float:
        return self.world.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Step:
        step = Step(callback, args, context)
        if self.alive:
            self._queue.append(step)
            if not self._waiting:
                self._wait_for_turn()
        return step

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Step:
        return self.call_at(self.world.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Step:
        step = Step(callback, args, context, when)
        if self.alive:
            self.world.at(when, self._due, step)
        return step

    def _due(self, step: Step) -> None:
        if self.alive and not step.cancelled_already:
            self._queue.append(step)
            if not self._waiting:
                self._wait_for_turn()

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # those of killed processes are pending
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done = self.create_future()
        done.set_result(func(*args))
        return done

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.alive:
            self.faults.append(f"{self.name}: {context.get('message')}: {context.get('exception')!r}")


class World:
    """`random` is the only source of chance; `runnable` are the processes that have a step to take."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 1000.0
        self.steps = 0
        self.runnable: list[Process] = []
        self.processes: list[Process] = []
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._digest = hashlib.blake2b(digest_size=8)

    def process(self, name: str) -> Process:
        """A new process that does nothing yet."""
        process = Process(self, name)
        self.processes.append(process)
        return process

    def at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        """Have something happen to the world at that time."""
        heapq.heappush(self._events, (when, next(self._order), call, args))

    def after(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        """Have something happen to the world in a while."""
        self.at(self.now + seconds, call, *args)

    def run(self, until: float) -> None:
        """Let everybody run until that time. Raises `Runaway`."""
        try:
            self._run(until)
        finally:
            asyncio._set_running_loop(None)

    def _run(self, until: float) -> None:
        runnable, events = self.runnable, self._events
        chance = self.random.random
        running: Process | None = None
        while True:
            while runnable:
                at = int(chance() * len(runnable)) if len(runnable) > 1 else 0
                process = runnable[at]
                self.steps += 1
                if self.steps > MOST_STEPS:
                    raise Runaway(f"{self.steps} steps by {self.now - 1000:.1f} s")
                if process is not running:
                    running = process
                    asyncio._set_running_loop(process)
                    self._digest.update(process.name.encode())
                if not process.alive or process.stopped or not process._queue or not process.turn():
                    runnable[at] = runnable[-1]
                    runnable.pop()
                    process._waiting = False
                    process._wait_for_turn()
            self._digest.update(b"%d %.6f;" % (self.steps, self.now))
            if not events or events[0][0] > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, events[0][0])
            while events and events[0][0] <= self.now:
                _, _, call, args = heapq.heappop(events)
                call(*args)

    @property
    def digest(self) -> str:
        """The same for two runs in which the same processes ran in the same order, as often, at the same times."""
        return self._digest.hexdigest()

"""Keep the processes of a plan alive: started stage by stage, restarted when they die, stopped in reverse."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from deploy import orphans
from deploy.backoff import Backoff
from deploy.child import Child
from deploy.errors import LaunchError
from deploy.plan import STOP_SECONDS, Process, Stage

TICK_SECONDS = 10.0
ORPHAN_SECONDS = 3.0
TAIL_LINES = 20


class Supervisor:
    """Children of this process, from their start to their end.

    Until `settled()`, a process that ends by its own decision ends the launch: it has said why, and would
    say so again. From then on every death is followed by a restart, at once or after a growing pause.
    `notice` is told in one line what happens.
    """

    def __init__(self, *, folder: Path, logs: Path, notice: Callable[[str], None]) -> None:
        self._folder = folder
        self._logs = logs
        self._notice = notice
        self._children: list[Child] = []
        self._keepers: dict[Child, asyncio.Task[None]] = {}
        self._settled = False
        self._hurry = asyncio.Event()
        self.failed: asyncio.Future[LaunchError] = asyncio.get_running_loop().create_future()
        self._foreign = set(orphans.children(os.getpid()))
        self._caretaker = asyncio.create_task(self._take_care())

    def start(self, processes: Iterable[Process]) -> None:
        """Start processes and keep them; raises `LaunchError` if the machine cannot start one."""
        for process in processes:
            child = self._child(process)
            self._start(child)
            self._children.append(child)
            self._keepers[child] = asyncio.create_task(self._keep(child))

    async def run(self, process: Process) -> None:
        """Run a step to its end; raises `LaunchError` with its last words if it fails."""
        child = self._child(process)
        self._children.append(child)
        self._start(child)
        status = await asyncio.shield(child.exited)  # as in _keep
        self._children.remove(child)
        if status != 0:
            raise self._blame(child, status)

    def settled(self) -> None:
        """The launch is over: from now on whatever dies is started again."""
        self._settled = True

    def hurry(self) -> None:
        """Stop waiting for anybody."""
        self._hurry.set()

    async def stop(self) -> None:
        """End every process, edges first, the database last; afterwards none is left. About 15 s at most."""
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        for stage in sorted(Stage, reverse=True):
            living = [child for child in self._children if child.process.stage is stage and child.pid]
            for child in living:
                child.send(signal.SIGTERM)
            await self._await_end(living, STOP_SECONDS[stage])
        self._caretaker.cancel()
        for pid in orphans.end_all(ORPHAN_SECONDS, but=self._foreign):
            self._notice(f"killed process {pid}, which nobody looked after any more")

    async def _await_end(self, living: list[Child], seconds: float) -> None:
        if not living:
            return
        ends = asyncio.gather(*(child.exited for child in living))
        hurried = asyncio.ensure_future(self._hurry.wait())
        either: set[asyncio.Future[Any]] = {ends, hurried}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        for child in living:
            if child.pid:
                if not self._hurry.is_set():
                    self._notice(f"{child.process.name} did not stop within {seconds:.0f} s: killed")
                child.send(signal.SIGKILL)
        await ends

    async def _keep(self, child: Child) -> None:
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while True:
            # Shielded: a stop cancels this task, and must still be able to wait for the child's end.
            status = await asyncio.shield(child.exited)
            if not self._settled and status >= 0:
                if not self.failed.done():
                    self.failed.set_result(self._blame(child, status))
                return
            pause = backoff.after(loop.time() - child.started_at)
            self._notice(f"{child.process.name} {_ended(status)}; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            try:
                self._start(child)
            except LaunchError as error:
                self._notice(str(error))
                await asyncio.sleep(pause)

    def _child(self, process: Process) -> Child:
        return Child(process, log=self._logs / f"{process.name}.log", folder=self._folder)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            raise LaunchError(f"{child.process.name} cannot be started: {error}") from error

    def _blame(self, child: Child, status: int) -> LaunchError:
        words = child.tail(TAIL_LINES)
        cause = words[-1].strip() if words else "it said nothing"
        return LaunchError(f"{child.process.name} {_ended(status)} at the start: {cause} (log: {child.log})", words)

    async def _take_care(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            orphans.reap(self._foreign | {child.pid for child in self._children if child.pid})
            for child in self._children:
                child.rotate()


def _ended(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"

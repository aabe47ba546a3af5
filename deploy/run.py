"""`python -m deploy.run`: one instance of Parley on this machine, in the foreground, until a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from deploy import home, orphans, preflight, ready, targets, words
from deploy.child import die_with_parent
from deploy.errors import LaunchError
from deploy.plan import Places, Plan, Stage, lay_out
from deploy.settings import LauncherSettings, read
from deploy.supervisor import Supervisor
from storage import embedded

ROOT = Path(__file__).resolve().parent.parent
DATABASE_SECONDS = 180.0
FOREIGN_SECONDS = 10.0
READY_SECONDS = 120.0
HURRY_AFTER_SECONDS = 0.5
NOT_MADE_YET = "the secret of this instance, as long as it has none"


def main(env: Mapping[str, str]) -> int:
    """Start everything, say where it is, keep it alive until a signal, stop it; the status to exit with."""
    try:
        settings = read(env)
        if settings.die_with_parent:
            die_with_parent(signal.SIGTERM)
        data_dir = Path(settings.data_dir).absolute()
        home.require_host(settings.host)
        places = Places(
            python=str(Path(sys.prefix) / "bin" / "python"),
            data_dir=data_dir,
            sockets=data_dir / "run",
            jwt_secret=settings.auth_jwt_secret or NOT_MADE_YET,
        )
        preflight.require_settings(lay_out(settings, places, env), ROOT)
        with ExitStack() as held:
            held.enter_context(home.taken(data_dir))
            places = msgspec.structs.replace(
                places,
                sockets=held.enter_context(home.sockets(data_dir)),
                jwt_secret=settings.auth_jwt_secret or home.jwt_secret(data_dir),
            )
            plan = lay_out(settings, places, env)
            for port in plan.ports:
                home.require_port(settings.host, port)
            for port in plan.metrics.values():
                home.require_port(targets.HOST, port, "METRICS_PORT")
            targets.write(plan, data_dir)
            home.private_subfolder(data_dir / "logs")
            asyncio.run(keep(plan, settings, data_dir))
    except LaunchError as error:
        words.failure(error)
        return 1
    except KeyboardInterrupt:  # before there was anything to stop
        return 130
    return 0


async def keep(plan: Plan, settings: LauncherSettings, data_dir: Path) -> None:
    """Launch the plan and watch over it until a signal; raises `LaunchError`. Leaves no process behind."""
    orphans.adopt()
    supervisor = Supervisor(folder=ROOT, logs=data_dir / "logs", notice=words.notice)
    asked = asyncio.Event()
    listen(asked, supervisor)
    leave = asyncio.ensure_future(asked.wait())
    launched = asyncio.ensure_future(launch(plan, settings, data_dir, supervisor))
    first: set[asyncio.Future[Any]] = {launched, leave, supervisor.failed}
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if supervisor.failed.done():
            raise supervisor.failed.result()
        if launched.done():
            launched.result()
            words.greeting(plan, settings, data_dir)
            await leave
        words.notice("stopping")
    finally:
        launched.cancel()
        leave.cancel()
        await asyncio.gather(launched, leave, return_exceptions=True)
        await supervisor.stop()
    words.notice("stopped; the data is kept")


async def launch(plan: Plan, settings: LauncherSettings, data_dir: Path, supervisor: Supervisor) -> None:
    """Bring everything up in order; returns when every edge can serve. Raises `LaunchError`."""
    if database := plan.of(Stage.DATABASE):
        words.notice("starting PostgreSQL (the first time it makes a database, which takes some seconds)")
        supervisor.start(database)
        ask = partial(ready.database_answers, partial(embedded.dsn, data_dir))
        if fault := await ready.until(ask, seconds=DATABASE_SECONDS, every=words.waiting("PostgreSQL")):
            raise LaunchError(f"PostgreSQL does not answer: {fault} (log: {data_dir / 'logs' / 'postgres.log'})")
    else:
        ask = partial(ready.database_answers, lambda: settings.database_url)
        if fault := await ready.until(ask, seconds=FOREIGN_SECONDS, every=words.waiting("DATABASE_URL")):
            raise LaunchError(
                f"DATABASE_URL does not lead to a PostgreSQL that answers ({fault}): start that server, "
                "correct DATABASE_URL, or unset it for the embedded one"
            )
    for step in plan.steps:
        await supervisor.run(step)
    words.notice("starting broker, workers and edge")
    for stage in (Stage.BROKERS, Stage.WORKERS, Stage.EDGES):
        supervisor.start(plan.of(stage))
    for port in plan.ports:
        ask = partial(ready.edge_answers, settings.host, port)
        if fault := await ready.until(ask, seconds=READY_SECONDS, every=words.waiting("the edge")):
            raise LaunchError(f"the edge on port {port} is not ready: {fault} (logs: {data_dir / 'logs'})")
    supervisor.settled()


def listen(asked: asyncio.Event, supervisor: Supervisor) -> None:
    """Let signals ask for a stop. A second Ctrl-C, a moment later, stops waiting.

    A moment, because `make` passes on what the terminal sent already. A SIGHUP that nohup has us ignore stays
    ignored.
    """
    loop = asyncio.get_running_loop()
    first: list[float] = []

    def stop(number: signal.Signals) -> None:
        if not first:
            first.append(loop.time())
            asked.set()
        elif number is signal.SIGINT and loop.time() - first[0] > HURRY_AFTER_SECONDS:
            supervisor.hurry()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)


if __name__ == "__main__":
    sys.exit(main(os.environ))

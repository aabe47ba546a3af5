"""The load test of Parley for Locust: `make bench`, or `locust -f bench/locustfile.py --hosts URL … [CLASS]`.

Without a class, `Talker`: users in conversations of ten who talk, type, read and reconnect. `RoomMember`,
`Returner` and `Quiet` are the others (bench/green/users.py). It fails when average delivery is not below 100 ms,
when 1 % of what users ask for fails, or when anything acknowledged was lost, doubled or misordered.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from locust import events
from locust.runners import WorkerRunner

from bench.dial import allow_files
from bench.green import verdict
from bench.green.record import lines
from bench.green.stage import Stage, add_options
from bench.green.users import Parley, Quiet, Returner, RoomMember, Talker
from bench.groups import SetupError
from bench.page import RESULTS, keep

__all__ = ["Quiet", "Returner", "RoomMember", "Talker"]


def _options(parser: Any) -> None:
    add_options(parser)


def _set_up(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    if not options.user_classes:
        environment.user_classes = [Talker]
    try:
        allow_files(options.num_users)
        Parley.stage = Stage(options, os.environ, environment.events.request.fire)
    except SetupError as fault:
        print(fault, file=sys.stderr)
        sys.exit(2)


def _begin(environment: Any, **_: Any) -> None:
    Parley.stage.begin()


def _settle(environment: Any, **_: Any) -> None:
    Parley.stage.settle()


def _judge(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return  # the master counts what all of them counted
    stage = Parley.stage
    found = lines(environment.stats, stage.times)
    failed = verdict.reasons(found, {one.proof for one in environment.user_classes})
    figures = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "users": stage.options.num_users,
        "group": stage.options.group,
        "classes": [one.__name__ for one in environment.user_classes],
        "passed": not failed,
        "reasons": failed,
        "lines": [line._asdict() for line in found],
        "notes": stage.words,
        "load_average": os.getloadavg(),
        "cpus": os.cpu_count(),
    }
    words = f"{figures['at']}, {', '.join(figures['classes'])}, {figures['users']} users, load average"
    words += f" {figures['load_average'][0]:.1f} on {figures['cpus']} CPUs"
    page = verdict.html(found, failed, stage.times, words)
    data, shown = keep("locust", figures, page, folder=stage.options.results or RESULTS)
    print("\n" + verdict.text(found, failed, [*stage.words, words]) + f"\n{data}\n{shown}")
    environment.process_exit_code = 1 if failed else 0


hooks: Any = events  # their methods have no types
hooks.init_command_line_parser.add_listener(_options)
hooks.init.add_listener(_set_up)
hooks.test_start.add_listener(_begin)
hooks.test_stopping.add_listener(_settle)
hooks.quitting.add_listener(_judge)

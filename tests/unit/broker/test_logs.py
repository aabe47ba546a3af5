"""Log lines are JSON, whoever writes them, and tell where something went wrong without what people wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broker.node.logs import told

ROOT = Path(__file__).resolve().parents[3]

BEGIN = "from broker.node.logs import configure_logs; configure_logs('edge')\n"


def lines_of(program: str) -> list[dict[str, Any]]:
    """What a process that configured its logs writes, line by line."""
    run = subprocess.run([sys.executable, "-c", BEGIN + program], cwd=ROOT, capture_output=True, text=True, timeout=30)
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_what_we_log_and_what_a_library_logs_are_the_same_kind_of_line():
    ours, theirs = lines_of(
        "import logging, structlog\n"
        "structlog.get_logger().warning('socket.closed', session='s', code=4408)\n"
        "logging.getLogger('uvicorn.error').warning('%s bytes', 3, extra={'epoch': 'e'})\n"
    )
    assert (ours["event"], ours["session"], ours["code"]) == ("socket.closed", "s", 4408)
    assert (theirs["event"], theirs["logger"], theirs["epoch"]) == ("3 bytes", "uvicorn.error", "e")
    for line in (ours, theirs):
        assert line["level"] == "warning"
        assert line["process"] == "edge"
        assert line["pid"]
        assert line["timestamp"].endswith("Z")


def test_a_disk_full_of_logs_stops_nobody():
    program = (
        "import logging, structlog\n"
        "structlog.get_logger().warning('database.lost')\n"
        "logging.getLogger('psycopg').warning('lost')\n"
        "structlog.get_logger().warning('database.back')\n"
        "print('served')\n"
    )
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-c", BEGIN + program], cwd=ROOT, stdout=subprocess.PIPE, stderr=full, timeout=30
        )
    assert run.stdout == b"served\n"


def test_a_library_is_heard_from_warning_up_and_so_is_the_interpreter():
    found = lines_of(
        "import logging, warnings\nlogging.getLogger('x').info('much')\nwarnings.warn('old', DeprecationWarning)\n"
    )
    assert ["old" in line["event"] for line in found] == [True]


@pytest.mark.parametrize(
    "log",
    [
        "structlog.get_logger().exception('append.failed')",
        "structlog.get_logger().error('append.failed', exc_info=fault)",
        "logging.getLogger('psycopg').exception('append.failed')",
    ],
)
def test_a_traceback_tells_places_and_no_variables(log: str):
    (line,) = lines_of(
        "import logging, structlog\n"
        "def store(body):\n"
        "    raise KeyError('seq')\n"
        "try:\n"
        "    try:\n"
        "        store('CANARY')\n"
        "    except KeyError as inner:\n"
        "        raise RuntimeError('it broke\\nCANARY') from inner\n"
        f"except RuntimeError as fault:\n    {log}\n"
    )
    assert [(one["type"], one["message"]) for one in line["exception"]] == [
        ("RuntimeError", "it broke"),
        ("KeyError", "'seq'"),
    ]
    assert line["exception"][1]["frames"][-1].endswith(" store")
    assert "CANARY" not in str(line)


def test_a_callback_that_fails_is_logged_without_what_it_was_called_with():
    (line,) = lines_of(
        "import asyncio, uvloop\n"
        "from broker.node.logs import log_loop_faults\n"
        "async def main():\n"
        "    log_loop_faults(asyncio.get_running_loop())\n"
        "    asyncio.get_running_loop().call_soon(lambda body: 1 / 0, 'CANARY')\n"
        "    await asyncio.sleep(0.01)\n"
        "uvloop.run(main())\n"
    )
    assert line["event"] == "loop.fault"
    assert line["exception"][0]["type"] == "ZeroDivisionError"
    assert "CANARY" not in json.dumps(line)


@pytest.mark.parametrize("value", ["'\\ud800'", "2**70", "object()", "{1: b'x'}"])
def test_a_value_that_json_does_not_know_does_not_stop_a_log(value: str):
    (line,) = lines_of(f"import structlog\nstructlog.get_logger().info('socket.opened', client={value})\n")
    assert line["event"] == "socket.opened"


def test_of_a_database_error_the_state_is_told_and_not_the_value_that_it_quotes():
    fault = psycopg.errors.lookup("22P02")('invalid input syntax for type uuid: "CANARY"')
    assert told(fault)[0]["message"] == "SQLSTATE 22P02"
    assert told(psycopg.OperationalError("connection refused"))[0]["message"] == "connection refused"


def test_a_chain_without_end_is_cut():
    fault: Exception = ValueError("innermost")
    for number in range(50):
        outer = ValueError(str(number))
        outer.__cause__ = fault
        fault = outer
    assert len(told(fault)) == 5

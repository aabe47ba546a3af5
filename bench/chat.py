"""Talk in a terminal: `python -m bench.chat --as client@demo.example`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from bench.http import ApiError
from bench.memory import MemoryFault, place
from bench.signin import SignIn, Unreachable
from bench.talk import Talk
from bench.terminal import Terminal

RETRY_SECONDS = 2.0


def arguments(argv: Sequence[str], env: Mapping[str, str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.chat", description=__doc__)
    parser.add_argument("--as", dest="email", required=True, metavar="EMAIL", help="who you are")
    parser.add_argument("--password", default=env.get("PARLEY_PASSWORD", "demo"), help="default: demo")
    parser.add_argument("--url", action="append", help="of a server; may be given several times")
    parser.add_argument("--conversation", metavar="SUBJECT|ID", help="what to open (default: the last one)")
    parser.add_argument("--state", type=Path, help="file that remembers cursors and unsent messages")
    given = parser.parse_args(argv)
    given.url = given.url or [f"http://127.0.0.1:{env.get('PORT', '8000')}"]
    given.state = given.state or place(env, given.email, given.url[0])
    return given


async def chat(given: argparse.Namespace, terminal: Terminal) -> int:
    """The whole conversation; returns the exit code."""
    terminal.start()
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, task.cancel)
    signin = SignIn(given.url, given.email, given.password)
    try:
        told = False
        while True:
            try:
                await signin.token()
                break
            except Unreachable as fault:
                if not told:
                    terminal.print(f"— no server at {fault} (make run starts one); trying again —")
                    told = True
                await asyncio.sleep(RETRY_SECONDS)
        account = signin.account
        terminal.print(f"— signed in as {account['name']} ({account['role']}); /help shows the commands —")
        await Talk(terminal, signin, given.state, given.conversation).run()
    except ApiError as fault:
        terminal.print(f"— {fault.detail or fault.code} —")
        return 1
    except MemoryFault as fault:
        terminal.print(f"— {fault} —")
        return 1
    except asyncio.CancelledError:
        pass  # somebody pressed Ctrl-C; what counts is on disk
    finally:
        await signin.close()
        terminal.close()
    return 0


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code 0, or 1 when signing in was refused or the state file cannot be read."""
    return uvloop.run(chat(arguments(argv, env), Terminal()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

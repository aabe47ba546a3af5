"""`make bench`: the Locust suite against an instance of its own, or with `--hosts` against yours.

`--port` is that of the instance's first edge (default: any that is free). Whatever else is on the command line is
Locust's or the locustfile's: `python -m bench.suite --users 500 --run-time 5m`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from bench.dial import allow_files
from bench.groups import SetupError
from bench.instance import ROOT, Instance

SOCKETS = 10_000
LOCUST = (sys.executable, "-m", "locust", "-f", "bench/locustfile.py", "--headless", "--only-summary")


def run(words: Sequence[str], env: Mapping[str, str]) -> int:
    """Locust to its end; its exit status."""
    command = [*LOCUST, *words]
    return subprocess.run(command, cwd=ROOT, env=dict(env), check=False).returncode  # noqa: S603 — our own


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Exit code: 0 when the test passed, 1 when not, 2 when there was none."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the instance is stopped
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--port", type=int)
    ours, words = parser.parse_known_args(argv)
    if any(word.partition("=")[0] in ("--hosts", "--help", "-h") for word in words):
        return run(words, env)
    try:
        allow_files(SOCKETS)
        with Instance(env, port=ours.port) as instance:
            found = ["--hosts", *instance.urls, "--data-dir", str(instance.data_dir)]
            return run([*words, *found], instance.environment())
    except SetupError as fault:
        print(fault, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""RFC 6455 to the letter: the server as deployed answers frames of every kind as Autobahn's suite wants it.

Our own cases run always. The suite itself runs beside them where there is one: `wstest` on the path, or named by
WSTEST (`pip install autobahntestsuite` under a Python 2.7). Where it is not, that is said as a warning.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.echo import echo_server
from tests.fixtures.frame_cases import CASES, NORMAL, Case
from tests.fixtures.wire import close, wire

pytestmark = pytest.mark.anyio

KNOWN = {
    "7.1.5": "a close between two fragments is answered with 1002 instead of 1000: websockets calls the message that it"
    " cuts short a fault. The message is dropped and the connection ends, as it should.",
}
"""What the suite calls failed, with the reason."""

WANTED = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
SIZES = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "10": 1}
"""Cases in each section of the suite."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with echo_server(tmp_path_factory.mktemp("echo") / "echo.log") as port:
        yield port


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_case_of_autobahns_suite_is_answered_as_it_should_be(port: int, case: Case):
    async with wire(port) as socket:
        assert await socket.upgrade(path="/", protocol=None) == 101
        await socket.send(*(case.sent if case.chop else [b"".join(case.sent)]), chop=case.chop)
        if case.code == NORMAL:
            await socket.send(close())
        heard, code = await socket.hear_all()
    assert (tuple(heard), code) == (case.heard, case.code)


def test_no_case_of_the_suites_sections_is_left_out():
    assert Counter(number.partition(".")[0] for number in CASES) == SIZES


async def test_what_autobahns_suite_itself_says_of_it(port: int, tmp_path: Path):
    suite = os.environ.get("WSTEST") or shutil.which("wstest")
    if suite is None:
        warnings.warn("AUTOBAHN DID NOT RUN: no `wstest` here. Our own cases are the test.", stacklevel=1)
        assert CASES
        return
    wanted = {"servers": [{"agent": "parley", "url": f"ws://127.0.0.1:{port}"}], "cases": WANTED}
    (tmp_path / "spec.json").write_text(json.dumps({"outdir": "reports", "exclude-agent-cases": {}, **wanted}))
    arguments = [suite, "-m", "fuzzingclient", "-s", "spec.json"]
    ran = await asyncio.to_thread(subprocess.run, arguments, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    told = json.loads((tmp_path / "reports" / "index.json").read_text())["parley"]
    assert told.keys() == CASES.keys()
    failed = {number for number, case in told.items() if "FAILED" in (case["behavior"], case["behaviorClose"])}
    wrong = {number for number, case in told.items() if case["behaviorClose"] == "WRONG CODE"}
    assert failed | wrong == KNOWN.keys()

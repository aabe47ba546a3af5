"""Tokens, back-off, memory, processes and report: the small parts of bench."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from bench.backoff import full_jitter
from bench.memory import Memory, MemoryFault, keep, place, recall, revive
from bench.processes import Usage, between, name_of, usage
from bench.report import render
from bench.tokens import mint

SECRET = "s" * 32


def test_a_minted_token_carries_what_the_protocol_asks_for():
    token = mint(SECRET, "id", name="Ada", email="a@b.c", role="agent", seconds=60)
    claims = jwt.decode(token, OctKey.import_key(SECRET.encode())).claims
    assert {k: claims[k] for k in ("sub", "name", "email", "role", "aud")} == {
        "sub": "id",
        "name": "Ada",
        "email": "a@b.c",
        "role": "agent",
        "aud": "parley",
    }
    assert 50 < claims["exp"] - time.time() <= 60
    assert claims["jti"]


def test_the_back_off_doubles_up_to_its_bound_and_spreads_below_it():
    random = Random(1)
    spread = [[full_jitter(attempt, random) for _ in range(200)] for attempt in (0, 1, 20, 2000)]
    for waits, bound in zip(spread, (0.5, 1.0, 30.0, 30.0), strict=True):
        assert 0 <= min(waits) < bound / 10
        assert bound * 0.9 < max(waits) <= bound


def test_memory_comes_back_as_it_was_kept(tmp_path):
    path = tmp_path / "new" / "state.json"
    assert recall(path) == Memory()
    memory = Memory(account="me", epoch="e", cursors={"c": 3}, outbox=[{"id": "1", "conversation": "c"}])
    keep(path, memory)
    assert recall(path) == memory
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]
    folds, outbox = revive(recall(path), "me")
    assert folds.cursors() == {"c": 3}
    assert [entry.id for entry in outbox] == ["1"]


def test_memory_of_another_account_is_not_taken_over():
    folds, outbox = revive(Memory(account="me", cursors={"c": 3}, outbox=[{"id": "1"}]), "you")
    assert not len(folds)
    assert not len(outbox)


def test_memory_that_cannot_be_read_names_its_file(tmp_path):
    (tmp_path / "s").write_text("[]")
    with pytest.raises(MemoryFault, match=r"/s cannot be read .* Remove it"):
        recall(tmp_path / "s")


def test_memory_has_a_place_by_account_and_server():
    assert place({"XDG_STATE_HOME": "/x"}, "a@b.c", "http://h:8000") == Path("/x/parley/a@b.c-h-8000.json")
    assert place({"HOME": "/h"}, "a@b.c", "h") == Path("/h/.local/state/parley/a@b.c-h.json")


@pytest.mark.parametrize(
    ("command", "executable", "name"),
    [
        (["/x/python3", "-m", "edge"], "python3", "python -m edge"),
        (["/x/python3", "-X", "dev", "-m", "workers.fanout", "--x"], "python3", "python -m workers.fanout"),
        (["postgres: writer"], "postgres", "postgres"),
        (["sleep", "9"], "sleep", "sleep"),
        ([], "gone", "gone"),
    ],
)
def test_processes_are_named_by_their_module(command, executable, name):
    assert name_of(command, executable) == name


def test_processes_of_an_instance_are_found_by_data_dir_and_descent(tmp_path):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], env={})"
    env = {**os.environ, "DATA_DIR": "."}
    child = subprocess.Popen([sys.executable, "-c", script], env=env, cwd=tmp_path, stdin=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while len(found := usage(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = {pid for pid, _ in found}
        assert {os.getpid(), child.pid} < pids
        assert len(pids) == 3
        assert all(one.rss_bytes > 0 for one in found.values())
        assert len(usage(tmp_path / "other")) == 1
    finally:
        child.communicate("\n")


def test_cost_is_the_difference_by_group_and_newcomers_count_whole():
    before = {(1, 0.0): Usage("postgres", 5.0, 1), (9, 0.0): Usage("gone", 1.0, 1)}
    after = {
        (1, 0.0): Usage("postgres", 6.0, 100),
        (2, 0.0): Usage("postgres", 0.5, 10),
        (3, 0.0): Usage("python -m edge", 4.0, 7),
    }
    assert between(before, after) == [("python -m edge", 1, 4.0, 7), ("postgres", 2, 1.5, 110)]


FIGURES = {
    "users": 100,
    "group": 10,
    "rate": 1000.0,
    "seconds": 10.0,
    "warmup": 1.0,
    "achieved_rate": 999.6,
    **dict.fromkeys(("sent", "acked", "refused", "unanswered", "delivered"), 11_000),
    **dict.fromkeys(("expected", "lost", "duplicated", "out_of_order", "foreign"), 0),
    **{name: {"p50": 1, "p95": 2, "p99": 3, "max": 4.5} for name in ("delivery_ms", "ack_ms", "send_lag_ms")},
    "processes": [{"name": "python -m edge", "processes": 1, "cpu_seconds": 5.5, "rss_bytes": 64 << 20}],
    "span_seconds": 11.0,
    "load_average": (1.0, 0.5, 0.25),
    "cpus": 2,
    "errors": {},
    "closes": {},
    "reconnects": 0,
    "sound": True,
}


def test_the_report_is_a_table():
    text = render(FIGURES)
    assert "100 users in groups of 10, 1,000 messages/s for 10 s after 1 s of warm-up (sent at 1,000/s)" in text
    assert "sent                11,000" in text
    assert "delivery            1.00      2.00      3.00      4.50" in text
    assert "python -m edge                   1      5.50      50        64" in text
    assert text.endswith("Sound: all answered, nothing lost, duplicated or out of order.")


def test_the_report_says_what_is_wrong():
    errors = {"rate_limited": 7, "overloaded": 1}
    text = render(FIGURES | {"errors": errors, "closes": {"4408": 2}, "reconnects": 1, "sound": False})
    assert "errors: overloaded 1, rate_limited 7" in text
    assert "connections ended early: 4408 2; 1 came back" in text
    assert "RATE_LIMIT=0" in text
    assert text.endswith("NOT SOUND: see the figures above.")

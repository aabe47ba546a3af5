"""What the Locust suite measured, whether it passed, and its report."""

from __future__ import annotations

import math
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from bench.green import record as records
from bench.green import verdict
from bench.green.record import Line, Record, lines


def line(name: str, requests: int = 100, failures: int = 0, mean: float = 5.0, kind: str = "WS") -> Line:
    return Line(kind, name, requests, failures, mean, 4.0, 8.0, 9.0, 10.0)


GOOD = [line("ack"), line("delivery", 1000), line("POST conversations", 10, kind="HTTP")]


def test_a_good_test_passes():
    assert verdict.reasons(GOOD) == []
    assert verdict.text(GOOD, []).endswith("PASSED")


@pytest.mark.parametrize("mean", [100.0, 250.0, math.nan])
def test_slow_delivery_fails(mean):
    (why,) = verdict.reasons([line("ack"), line("delivery", mean=mean)])
    assert "on average (below 100 ms)" in why


def test_errors_count_against_what_was_asked_and_not_against_what_was_heard():
    heard = line("delivery", 100_000)
    assert not verdict.reasons([line("ack", 1000, 9), heard])
    (why,) = verdict.reasons([line("ack", 1000, 10), heard])
    assert "1.0% of what was asked failed (10 of 1,000; below 1%)" in why


def test_one_lost_message_fails():
    assert verdict.reasons([*GOOD, line("lost", 1, 1, kind="AUDIT")]) == ["1 acknowledged messages were lost"]


def test_a_test_that_shows_nothing_fails():
    assert verdict.reasons([line("connect")], {"delivery"}) == ["there was no delivery"]
    assert "there was no delivery" in verdict.reasons([line("ack"), line("delivery", 3, 3)], {"delivery"})
    assert verdict.reasons(GOOD, {"delivery"}) == []


def test_a_test_that_asked_nothing_fails():
    assert verdict.reasons([]) == ["nothing was asked of the server"]


def test_the_text_is_a_table_and_says_why():
    shown = verdict.text(GOOD, ["it rained"], ["3 came twice"]).splitlines()
    assert shown[0].split() == ["what", "count", "failed", "mean", "p50", "p95", "p99", "max"]
    assert shown[2].split() == ["WS", "delivery", "1,000", "0", "5.0", "4.0", "8.0", "9.0", "10.0"]
    assert shown[-2:] == ["3 came twice", "FAILED: it rained"]


def test_the_page_draws_what_this_process_measured():
    record = Record()
    for ms in range(1, 50):
        record.add("WS", "delivery", ms / 1000)
    html = verdict.html(GOOD, [], record, "here")
    charts = html[html.index("<svg") : html.rindex("</svg>") + 6]
    assert len(ElementTree.fromstring(f"<p>{charts}</p>").findall(".//polyline")) == 2
    assert "<td>delivery</td>" in html


def entry(**figures: float) -> SimpleNamespace:
    figures = {"num_requests": 4, "num_failures": 1, "avg_response_time": 2.5, "max_response_time": 9, **figures}
    return SimpleNamespace(**figures, get_response_time_percentile=lambda q: 7)


def test_lines_have_exact_percentiles_where_this_process_measured_and_locusts_where_not():
    record = Record()
    for ms in (1.25, 2.25, 3.25):
        record.add("WS", "ack", ms / 1000)
    stats = SimpleNamespace(entries={("ack", "WS"): entry(), ("far", "WS"): entry()})
    ack, far = lines(stats, record)
    assert ack == ("WS", "ack", 4, 1, 2.5, 2.25, 3.25, 3.25, 3.25)
    assert far == ("WS", "far", 4, 1, 2.5, 7.0, 7.0, 7.0, 9.0)


def test_latencies_have_a_course_and_a_bound(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(records.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(records, "MOST", 3)
    record = Record()
    for at, ms in ((0.5, 1), (0.6, 3), (2.5, 2), (2.6, 50)):
        now[0] = 100.0 + at
        record.add("WS", "ack", ms / 1000)
    assert record.course("WS", "ack") == [(1.0, 3), (3.0, 2)]
    assert record.percentiles("WS", "nothing") is None
    assert record.curve("WS", "nothing") == record.course("WS", "nothing") == []
    record.clear()
    assert record.curve("WS", "ack") == []

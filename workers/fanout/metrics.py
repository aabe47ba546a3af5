"""What a fanout worker tells Prometheus: what it passed on and had to read again, and what it knows."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.fanout.service import Fanout


class FanoutMetrics(Collector):
    """Reads the worker's own numbers when somebody asks."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        fanout = self._fanout
        for name, words, number in (
            ("parley_fanout_events_total", "Events passed on, once for all edges.", fanout.forwarded),
            ("parley_fanout_filled_events_total", "Events read from the log because none came.", fanout.filled),
            ("parley_fanout_heads_told_total", "Heads of conversations told to edges.", fanout.heads_told),
            ("parley_fanout_malformed_total", "Frames that could not be understood.", fanout.refused),
            ("parley_fanout_unsent_total", "Frames for edges that the link did not take.", fanout.unsent),
        ):
            yield CounterMetricFamily(name, words, value=number)
        known, unknown, accounts = fanout.audiences.count()
        edges = GaugeMetricFamily(
            "parley_fanout_edges", "Edges by whether it is known who is connected there.", labels=["state"]
        )
        edges.add_metric(["known"], known)
        edges.add_metric(["unknown"], unknown)
        yield edges
        for name, words, level in (
            ("parley_fanout_accounts", "Accounts that are connected somewhere.", accounts),
            ("parley_fanout_conversations", "Conversations whose members are known here.", len(fanout.conversations)),
            ("parley_fanout_watched", "Conversations whose members' presence is watched.", len(fanout.presences)),
        ):
            yield GaugeMetricFamily(name, words, value=level)
        yield GaugeMetricFamily(
            "parley_fanout_feed_age_seconds",
            "How long ago the feed of commits was read (about 1).",
            value=time.monotonic() - fanout.followed_at,
        )

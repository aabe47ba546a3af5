"""What a broker tells Prometheus: its roster, what it routed and dropped, what waits for whom."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from broker.gatekeeper import Handshakes
from broker.routing.router import Router

COUNTED = {
    "batches": ("parley_broker_batches_total", "Batches received from known peers."),
    "frames": ("parley_broker_frames_total", "Frames in them."),
    "undeliverable": ("parley_broker_undeliverable_total", "Commands not passed on; their senders were told why."),
    "expired": ("parley_broker_expired_total", "Those of them whose time was over."),
    "overruns": ("parley_broker_overruns_total", "Times that an edge's queue was dropped, and the edge told."),
    "clogged": ("parley_broker_clogged_total", "Batches that ZeroMQ's own queue did not take at once."),
    "unreachable": ("parley_broker_unreachable_total", "Peers that were gone when something was sent."),
}
DROPPED = {"dropped_hints": "hint", "dropped_reports": "report"}
REJECTED = ("malformed", "strangers", "impostors", "crowded")


class BrokerMetrics(Collector):
    """Reads the router's own numbers when somebody asks."""

    def __init__(self, router: Router, handshakes: Handshakes) -> None:
        self._router = router
        self._handshakes = handshakes

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        counts = self._router.counts
        for field, (name, words) in COUNTED.items():
            yield CounterMetricFamily(name, words, value=getattr(counts, field))
        dropped = CounterMetricFamily("parley_broker_dropped_total", "Frames dropped unreported.", labels=["what"])
        for field, what in DROPPED.items():
            dropped.add_metric([what], getattr(counts, field))
        yield dropped
        rejected = CounterMetricFamily(
            "parley_broker_rejected_total", "Batches and greetings not accepted.", labels=["reason"]
        )
        for field in REJECTED:
            rejected.add_metric([field], getattr(counts, field))
        yield rejected
        refused = CounterMetricFamily(
            "parley_broker_handshakes_refused_total", "Connections that ended before a word.", labels=["reason"]
        )
        for reason, count in sorted(self._handshakes.failed.items()):
            refused.add_metric([reason], count)
        yield refused
        yield from self._roster()
        yield from self._waiting()

    def _roster(self) -> Iterator[Metric]:
        roster = self._router.roster.nodes
        states = Counter[tuple[str, str]]()
        for peer in self._router.peers():
            node = roster[peer.name]
            states[peer.role, "suspect" if node.suspect else "live" if node.role else "leaving"] += 1
        nodes = GaugeMetricFamily("parley_broker_nodes", "The roster, by role and state.", labels=["role", "state"])
        for labels, count in sorted(states.items()):
            nodes.add_metric(labels, count)
        yield nodes

    def _waiting(self) -> Iterator[Metric]:
        now = time.monotonic()
        frames, cost, stuck = Counter[str](), Counter[str](), dict[str, float]()
        for peer in self._router.peers():
            frames[peer.role] += len(peer.gate)
            cost[peer.role] += peer.gate.waiting_cost
            stuck[peer.role] = max(stuck.get(peer.role, 0.0), peer.gate.age(now))
        for name, words, values in (
            ("parley_broker_waiting_frames", "Frames that wait for peers of a role.", frames),
            ("parley_broker_waiting_bytes", "The same in bytes, 128 more for each.", cost),
            ("parley_broker_stuck_seconds", "For how long a peer took nothing though something waited.", stuck),
        ):
            family = GaugeMetricFamily(name, words, labels=["role"])
            for role in sorted(values):
                family.add_metric([role], values[role])
            yield family

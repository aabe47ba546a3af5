"""What a link tells Prometheus: the brokers that it speaks to, what waits for them, whom it knows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from broker.link.client import Link
from broker.link.connection import State
from broker.wire.envelope import REASONS


class LinkMetrics(Collector):
    """Reads the link's own numbers when somebody asks."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        yield from self._waiting()
        yield from self._counted()
        brokers = GaugeMetricFamily("parley_link_brokers", "Brokers by the state of the connection.", labels=["state"])
        states = Counter(connection.state for connection in self._link.connections)
        for state in State:
            brokers.add_metric([state.value], states[state])
        yield brokers
        peers = GaugeMetricFamily("parley_link_peers", "Trusted nodes as this one knows them.", labels=["role"])
        for role in ("edge", "persistence", "fanout"):
            peers.add_metric([role], len(self._link.peers(role)))
        yield peers

    def _waiting(self) -> Iterator[Metric]:
        now = time.monotonic()
        gates = [connection.gate for connection in self._link.connections]
        yield GaugeMetricFamily(
            "parley_link_waiting_frames", "Frames that wait for credit or a broker.", value=sum(map(len, gates))
        )
        yield GaugeMetricFamily(
            "parley_link_waiting_bytes",
            "The same in bytes, 128 more for each.",
            value=sum(gate.waiting_cost for gate in gates),
        )
        yield GaugeMetricFamily(
            "parley_link_stuck_seconds",
            "For how long nothing left though something waited, the longest of all brokers.",
            value=max((gate.age(now) for gate in gates), default=0.0),
        )

    def _counted(self) -> Iterator[Metric]:
        link = self._link
        undeliverable = CounterMetricFamily(
            "parley_link_undeliverable_total", "Commands reported as not delivered.", labels=["reason"]
        )
        for reason in sorted(REASONS):
            undeliverable.add_metric([reason], link.undeliverable[reason])
        yield undeliverable
        yield CounterMetricFamily(
            "parley_link_overruns_total", "Times that a broker dropped what it had for this node.", value=link.overruns
        )
        yield CounterMetricFamily(
            "parley_link_refused_total", "Frames not taken: no broker, or too much waits.", value=link.refused
        )
        connections = list(link.connections)
        yield CounterMetricFamily(
            "parley_link_expired_total",
            "Frames that came in too late and were dropped.",
            value=sum(connection.expired for connection in connections),
        )
        yield CounterMetricFamily(
            "parley_link_malformed_total",
            "Batches from brokers that could not be read.",
            value=sum(connection.malformed for connection in connections),
        )
        yield CounterMetricFamily(
            "parley_link_lives_total",
            "Lives of connections, the first of each included.",
            value=sum(connection.life for connection in connections),
        )

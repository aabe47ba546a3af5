"""What a database's pool tells Prometheus, in every process that has one."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storage.pool import Database


class DatabaseMetrics(Collector):
    """Reads the pool's own numbers when somebody asks. Appends go beside the pool and are told by persistence."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        stats = self._db.stats()
        idle = stats.get("pool_available", 0)
        connections = GaugeMetricFamily("parley_database_connections", "Connections of the pool.", labels=["state"])
        connections.add_metric(["idle"], idle)
        connections.add_metric(["busy"], stats.get("pool_size", 0) - idle)
        yield connections
        yield GaugeMetricFamily(
            "parley_database_requests_waiting", "Requests that wait for one.", value=stats.get("requests_waiting", 0)
        )
        for name, words, number in (
            ("parley_database_requests_total", "Requests for a connection.", stats.get("requests_num", 0)),
            ("parley_database_request_errors_total", "Those that got none.", stats.get("requests_errors", 0)),
            (
                "parley_database_wait_seconds_total",
                "What requests waited for a connection, in all.",
                stats.get("requests_wait_ms", 0) / 1000,
            ),
            (
                "parley_database_connections_lost_total",
                "Connections found dead.",
                stats.get("connections_lost", 0),
            ),
        ):
            yield CounterMetricFamily(name, words, value=number)
        yield GaugeMetricFamily(
            "parley_database_durable", "1 while a commit means the disk.", value=int(self._db.durable)
        )

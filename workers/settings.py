"""The workers' settings, read from the environment: WORKER_*, and what all peers share of BROKER_*."""

from __future__ import annotations

import msgspec

from broker.link.needs import LinkSettings
from broker.node.environment import check, port_fault

PREFIX = "WORKER_"
SHARED = frozenset({"metrics_port", "broker_addresses", "broker_window_bytes", "broker_waiting_bytes", "broker_keys"})


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the brokers are, and how much a worker holds. `broker_window_bytes` and `broker_waiting_bytes`
    are as in the broker's settings, for the worker's end.

    `queue_commands` and `queue_bytes` bound what waits for the log; past them senders hear `overloaded` and
    come again after `retry_after_seconds`. `batch_commands` and `batch_bytes` bound one append: PostgreSQL
    stores 500 usual commands in some 15 ms, and nobody else is served meanwhile. `retry_seconds` is the
    first pause after a database failure, doubled up to `retry_most_seconds`. `drain_seconds` is how long a
    stop waits for what is queued; a supervisor kills after ten. Metrics are told on `metrics_port` (0 or none:
    nowhere).
    """

    broker_addresses: str = ""
    broker_window_bytes: int = 4 * 1024 * 1024
    broker_waiting_bytes: int = 8 * 1024 * 1024
    broker_keys: str = ""
    queue_commands: int = 20_000
    queue_bytes: int = 16 * 1024 * 1024
    batch_commands: int = 500
    batch_bytes: int = 2 * 1024 * 1024
    retry_after_seconds: float = 1.0
    retry_seconds: float = 0.05
    retry_most_seconds: float = 1.0
    drain_seconds: float = 5.0
    metrics_port: int | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not name.startswith(("broker_", "metrics_")) and value <= 0:
                raise ValueError(f"{PREFIX}{name.upper()} must be above 0")
        _ = self.link
        if fault := port_fault("METRICS_PORT", self.metrics_port):
            raise ValueError(fault)
        if self.batch_commands > 500:
            raise ValueError("WORKER_BATCH_COMMANDS must be at most 500, which is what one append takes")

    @property
    def link(self) -> LinkSettings:
        """What a link needs; raises ValueError."""
        return LinkSettings.of(
            self.broker_addresses, self.broker_window_bytes, self.broker_waiting_bytes, self.broker_keys
        )


if __name__ == "__main__":
    check(WorkerSettings, PREFIX, SHARED)

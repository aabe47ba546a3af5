"""The broker's settings, read from the environment: BROKER_*."""

from __future__ import annotations

import msgspec

from broker.flow.credit import check_bounds
from broker.node.environment import check, port_fault

PREFIX = "BROKER_"
SHARED = frozenset({"metrics_port"})


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a broker listens, and how much it holds.

    `window_bytes` is what may be on its way to one peer unconsumed; `waiting_bytes` what waits for one peer beyond
    that (each frame counts 128 bytes more than its payload). A peer silent for `suspect_seconds` is avoided, for
    `gone_seconds` forgotten; everyone speaks every half second. `addresses` is the list of all brokers, which a
    broker itself does not need: it is here because edges and workers read it under this prefix. `keys` is a folder of
    CURVE keys (`python -m broker.keys`), without which TCP is spoken on loopback only. Metrics are told on
    `metrics_port` (0 or none: nowhere).
    """

    bind: str = "ipc://.parley/run/broker.ipc"
    addresses: str = ""
    window_bytes: int = 4 * 1024 * 1024
    waiting_bytes: int = 8 * 1024 * 1024
    suspect_seconds: float = 1.5
    gone_seconds: float = 3.0
    keys: str = ""
    metrics_port: int | None = None

    def __post_init__(self) -> None:
        check_bounds(self.window_bytes, self.waiting_bytes)
        if not 1.0 <= self.suspect_seconds < self.gone_seconds:
            raise ValueError("BROKER_SUSPECT_SECONDS must be at least 1 and below BROKER_GONE_SECONDS")
        if fault := port_fault("METRICS_PORT", self.metrics_port):
            raise ValueError(fault)


if __name__ == "__main__":
    check(BrokerSettings, PREFIX, SHARED)

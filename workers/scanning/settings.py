"""The scanning workers' settings, read from the environment: SCAN_*, and names that all of Parley shares."""

from __future__ import annotations

import msgspec

from broker.link.needs import LinkSettings
from broker.node.environment import check, port_fault
from workers.scanning.engines.choice import chosen
from workers.scanning.engines.contract import Engine

PREFIX = "SCAN_"
SHARED = frozenset(
    {
        "metrics_port",
        *("broker_addresses", "broker_window_bytes", "broker_waiting_bytes", "broker_keys"),
        *("clamd_address", "virus_scan_url", "virus_scan_api_key"),
    }
)


class ScanningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What scans, and how much at a time.

    `clamd_address` is `host:port` or the path of a socket, `virus_scan_url` a service that is asked over HTTP with
    `virus_scan_api_key`; without either our own rules are looked for. `at_once` files are scanned at a time by one
    worker; each is its own for `lease_seconds`, which it renews while it lives. What could not be judged is tried
    again after `retry_seconds`, doubled each time up to `retry_most_seconds`. A clean file is scanned again when the
    engine or its signatures changed, and `rescan_days` after its last scan (0: never), `rescan_batch` of them a minute.
    The broker's are as in its own settings, for the worker's end.
    """

    broker_addresses: str = ""
    broker_window_bytes: int = 4 * 1024 * 1024
    broker_waiting_bytes: int = 8 * 1024 * 1024
    broker_keys: str = ""
    metrics_port: int | None = None
    clamd_address: str = ""
    virus_scan_url: str = ""
    virus_scan_api_key: str = ""
    at_once: int = 2
    lease_seconds: float = 20.0
    retry_seconds: float = 5.0
    retry_most_seconds: float = 600.0
    rescan_days: float = 7.0
    rescan_batch: int = 60

    def __repr__(self) -> str:
        return f"ScanningSettings({self.engine.name})"  # never the key

    def __post_init__(self) -> None:
        if not 1 <= self.at_once <= 16:
            raise ValueError("SCAN_AT_ONCE must be between 1 and 16")
        if not 0 < self.retry_seconds <= self.retry_most_seconds:
            raise ValueError("SCAN_RETRY_SECONDS must be above 0 and not above SCAN_RETRY_MOST_SECONDS")
        if self.lease_seconds < 1:
            raise ValueError("SCAN_LEASE_SECONDS must be at least 1")
        if self.rescan_days < 0 or self.rescan_batch < 1:
            raise ValueError("SCAN_RESCAN_DAYS must not be below 0, SCAN_RESCAN_BATCH at least 1")
        if fault := port_fault("METRICS_PORT", self.metrics_port):
            raise ValueError(fault)
        _ = self.link, self.engine

    @property
    def engine(self) -> Engine:
        """What scans; raises ValueError."""
        return chosen(self.clamd_address, self.virus_scan_url, self.virus_scan_api_key)

    @property
    def link(self) -> LinkSettings:
        """What a link needs; raises ValueError."""
        return LinkSettings.of(
            self.broker_addresses, self.broker_window_bytes, self.broker_waiting_bytes, self.broker_keys
        )


if __name__ == "__main__":
    check(ScanningSettings, PREFIX, SHARED)

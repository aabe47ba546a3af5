"""What `make run` reads from the environment: names that all parts share, and the number of processes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import msgspec

from broker.node.environment import LAST_PORT, SettingError, load
from deploy.errors import LaunchError

PREFIX = "PARLEY_"
SHARED = frozenset(
    {
        *("host", "port", "data_dir", "database_url", "auth_jwt_secret"),
        *("edges", "brokers", "persistence_workers", "fanout_workers", "scanning_workers", "metrics_port"),
    }
)
CLIENTS = frozenset({"PARLEY_PASSWORD"})  # of `python -m bench.chat`; it may well be set in the same terminal
MOST_PROCESSES = 64


class LauncherSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an instance listens, where it keeps its data, and how many of each process it runs.

    Edges listen on `port`, `port` + 1, …; processes tell their metrics on `metrics_port`, `metrics_port` + 1, … of the
    loopback (0 or none: nowhere). `demo` unset means: while `host` is a loopback address, since the
    demo's password is known to all. `die_with_parent` makes the launcher stop when `make` is killed.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: str = ".parley"
    database_url: str = ""
    auth_jwt_secret: str = ""
    edges: int = 1
    brokers: int = 1
    persistence_workers: int = 1
    fanout_workers: int = 1
    scanning_workers: int = 1
    metrics_port: int | None = None
    demo: bool | None = None
    die_with_parent: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.port <= LAST_PORT - self.edges + 1:
            raise ValueError(f"PORT must be between 1 and {LAST_PORT}, all edges' ports too")
        for name in ("edges", "brokers", "persistence_workers", "fanout_workers", "scanning_workers"):
            if not 1 <= getattr(self, name) <= MOST_PROCESSES:
                raise ValueError(f"{name.upper()} must be between 1 and {MOST_PROCESSES}")
        if self.metrics_port:
            workers = self.persistence_workers + self.fanout_workers + self.scanning_workers
            processes = self.brokers + workers + self.edges
            if not 1 <= self.metrics_port <= LAST_PORT - processes + 1:
                raise ValueError(f"METRICS_PORT must be between 1 and {LAST_PORT}, all processes' ports too; 0: none")
            if self.metrics_port < self.port + self.edges and self.port < self.metrics_port + processes:
                raise ValueError("METRICS_PORT and PORT overlap: each process and each edge takes one port from there")

    @property
    def shows_demo(self) -> bool:
        """Are demo accounts and conversations wanted?"""
        return self.demo if self.demo is not None else is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Can only this machine reach `host`?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read(env: Mapping[str, str]) -> LauncherSettings:
    """The settings that `env` holds; raises `LaunchError`."""
    own = {name: value for name, value in env.items() if name not in CLIENTS}
    try:
        return load(LauncherSettings, own, PREFIX, SHARED)
    except SettingError as error:
        raise LaunchError(str(error)) from error

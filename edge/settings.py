"""The edge's settings, read from the environment: EDGE_*, and the names that all of Parley shares."""

from __future__ import annotations

import math
import re
from pathlib import Path

import msgspec

from broker.link.needs import LinkSettings
from broker.node.environment import check, port_fault
from storage import filetypes

PREFIX = "EDGE_"
BUILT = Path(__file__).with_name("web") / "dist"
ORIGIN = re.compile(r"https?://[^\s/?#@]+")
SHARED = frozenset(
    {
        "host",
        "port",
        "rate_limit",
        "auth_jwt_secret",
        "auth_jwks_file",
        "allowed_origins",
        "socket_io_cors_origin",
        "feature_messaging_enabled",
        "messaging_rollout_percentage",
        "metrics_port",
        *("max_file_size", "allowed_file_types", "file_quota", "files_origin"),
        *("broker_addresses", "broker_window_bytes", "broker_waiting_bytes", "broker_keys"),
    }
)


class EdgeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an edge listens, whom it believes, and how much it takes from one account.

    `rate_limit` is commands per second and account (0: no limit), `rate_burst` how many may come at once, both held
    by each edge for itself. `auth_jwt_secret` signs our tokens and verifies those of the host application (HS256, at
    least 32 bytes); `auth_jwks_file` holds public keys of a host that signs with EdDSA, ES256 or RS256.
    `allowed_origins` are the pages of others that may use the API and open sockets, comma-separated, exactly as a
    browser sends them; `socket_io_cors_origin` is another name for the same list. While `feature_messaging_enabled` is
    false nobody writes; `messaging_rollout_percentage` is the share of clients who may (`edge.switch`). Access tokens
    live `access_seconds`; a session ends `refresh_seconds` after its sign-in, however often it is refreshed.
    `broker_window_bytes`, `broker_waiting_bytes` and `broker_keys` are as in the broker's settings,
    for the edge's end. A file has at most `max_file_size` bytes and an ending among `allowed_file_types`, the files of
    an account at most `file_quota` bytes together; they are served from `files_origin`, another name of this host, if
    given. Metrics are told on `metrics_port` (0 or none: nowhere). The built web app is read from
    `web_dir` (none: where `make run` builds it).
    """

    host: str = "127.0.0.1"
    port: int = 8000
    rate_limit: float = 10.0
    rate_burst: int = 30
    auth_jwt_secret: str = ""
    auth_jwks_file: str = ""
    allowed_origins: str = ""
    socket_io_cors_origin: str = ""
    feature_messaging_enabled: bool = True
    messaging_rollout_percentage: int = 100
    broker_addresses: str = ""
    broker_window_bytes: int = 4 * 1024 * 1024
    broker_waiting_bytes: int = 8 * 1024 * 1024
    broker_keys: str = ""
    access_seconds: int = 900
    refresh_seconds: int = 30 * 86_400
    metrics_port: int | None = None
    web_dir: str = ""
    max_file_size: int = 10 * 1024 * 1024
    allowed_file_types: str = filetypes.DEFAULT
    file_quota: int = 1024 * 1024 * 1024
    files_origin: str = ""

    def __repr__(self) -> str:
        return f"EdgeSettings({self.host}:{self.port})"  # never the secret

    def __post_init__(self) -> None:
        if len(self.auth_jwt_secret.encode()) < 32:
            raise ValueError(
                "AUTH_JWT_SECRET must have at least 32 bytes: make one with"
                " `python -c 'import secrets; print(secrets.token_urlsafe(48))'`"
            )
        if not 1 <= self.port <= 65_535:
            raise ValueError("PORT must be between 1 and 65535")
        if fault := port_fault("METRICS_PORT", self.metrics_port):
            raise ValueError(fault)
        if not 0 <= self.rate_limit < math.inf or self.rate_burst < 1:
            raise ValueError("RATE_LIMIT must not be below 0, EDGE_RATE_BURST at least 1")
        if self.access_seconds < 10 or self.refresh_seconds < self.access_seconds:
            raise ValueError("EDGE_ACCESS_SECONDS must be at least 10, EDGE_REFRESH_SECONDS not below it")
        _ = self.link
        if not 0 <= self.messaging_rollout_percentage <= 100:
            raise ValueError("MESSAGING_ROLLOUT_PERCENTAGE must be between 0 and 100")
        if not 1 <= self.max_file_size <= self.file_quota:
            raise ValueError("MAX_FILE_SIZE must be at least 1 and not above FILE_QUOTA")
        try:
            _ = self.file_types
        except ValueError as fault:
            raise ValueError(f"ALLOWED_FILE_TYPES: {fault}") from None
        if self.files_origin and not ORIGIN.fullmatch(self.files_origin):
            raise ValueError("FILES_ORIGIN is an origin: write https://files.example")
        if self.socket_io_cors_origin and self.allowed_origins and listed(self.socket_io_cors_origin) != self.origins:
            raise ValueError("SOCKET_IO_CORS_ORIGIN is another name for ALLOWED_ORIGINS: set one of them")
        for origin in self.origins:
            if origin == "*":
                raise ValueError("ALLOWED_ORIGINS: '*' would let any page act for whoever is signed in; name the pages")
            if not ORIGIN.fullmatch(origin):
                raise ValueError(f"ALLOWED_ORIGINS: {origin!r} is no origin; write https://app.example")

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins, lower-case."""
        return listed(self.allowed_origins or self.socket_io_cors_origin)

    @property
    def file_types(self) -> frozenset[str]:
        """The endings that files may have; raises ValueError."""
        return filetypes.allowed(self.allowed_file_types)

    @property
    def web_folder(self) -> Path:
        """Where the built web app lies, or would."""
        return Path(self.web_dir) if self.web_dir else BUILT

    @property
    def link(self) -> LinkSettings:
        """What a link needs; raises ValueError."""
        return LinkSettings.of(
            self.broker_addresses, self.broker_window_bytes, self.broker_waiting_bytes, self.broker_keys
        )


def listed(origins: str) -> tuple[str, ...]:
    """The origins between the commas, lower-case, as they are compared (RFC 6454, 6.2 has them so)."""
    return tuple(part for one in origins.split(",") if (part := one.strip().lower()))


def read_keys(settings: EdgeSettings) -> None:
    """Raises `SettingError` when the file of keys cannot be used."""
    from edge.auth.tokens import Tokens  # here, because it imports this module

    Tokens(settings)


if __name__ == "__main__":
    check(EdgeSettings, PREFIX, SHARED, then=read_keys)

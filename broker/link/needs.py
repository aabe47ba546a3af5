"""What a link needs to know, and the same as the environment of every peer says it. Pure."""

from __future__ import annotations

import msgspec

from broker.flow.credit import check_bounds


class LinkSettings(msgspec.Struct, frozen=True):
    """`brokers` are all their addresses; window and waiting as in the broker's settings, for the other direction;
    `keys` is the folder of CURVE keys, empty for none."""

    brokers: tuple[str, ...]
    window_bytes: int = 4 * 1024 * 1024
    waiting_bytes: int = 8 * 1024 * 1024
    keys: str = ""

    @classmethod
    def of(cls, addresses: str, window_bytes: int, waiting_bytes: int, keys: str) -> LinkSettings:
        """From BROKER_ADDRESSES (with commas between them), BROKER_WINDOW_BYTES, BROKER_WAITING_BYTES, BROKER_KEYS.

        Raises ValueError that names what cannot be used.
        """
        brokers = tuple(part for one in addresses.split(",") if (part := one.strip()))
        if not brokers:
            raise ValueError("BROKER_ADDRESSES must name at least one broker, like ipc:///run/parley/broker.ipc")
        check_bounds(window_bytes, waiting_bytes)
        return cls(brokers, window_bytes, waiting_bytes, keys)

"""Which addresses a broker and its links will use."""

from __future__ import annotations

import pytest

from broker.link.sockets import AddressError, check_address


@pytest.mark.parametrize(
    "address",
    [
        "ipc:///run/parley/broker.ipc",
        "ipc://relative.ipc",
        "tcp://127.0.0.1:5555",
        "tcp://localhost:1",
        "tcp://[::1]:2",
    ],
)
def test_local_addresses_are_used(address):
    check_address(address)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("ipc://", "1 to 106 bytes"),
        ("ipc:///" + "é" * 54, "choose a shorter DATA_DIR"),
        ("tcp://127.0.0.1", "is no address"),
        ("tcp://127.0.0.1:ninety", "is no address"),
        ("tcp://:5555", "is no address"),
        ("http://127.0.0.1:80", "is no address"),
        ("", "is no address"),
        ("tcp://0.0.0.0:5555", "loopback"),
        ("tcp://192.0.2.1:5555", "loopback"),
        ("tcp://example.org:5555", "loopback"),
        ("tcp://*:5555", "loopback"),
    ],
)
def test_any_other_is_refused_with_the_reason(address, fault):
    with pytest.raises(AddressError, match=fault):
        check_address(address)

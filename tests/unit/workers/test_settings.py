"""The workers' settings refuse what could not work."""

from __future__ import annotations

import msgspec
import pytest

from workers.settings import WorkerSettings


def test_the_brokers_are_a_list_with_commas():
    """Spaces and empty parts do not matter."""
    settings = WorkerSettings(broker_addresses="ipc:///run/a, tcp://10.0.0.1:7000,")
    assert settings.link.brokers == ("ipc:///run/a", "tcp://10.0.0.1:7000")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("queue_commands", 0, "WORKER_QUEUE_COMMANDS must be above 0"),
        ("drain_seconds", -1.0, "WORKER_DRAIN_SECONDS must be above 0"),
        ("batch_commands", 501, "WORKER_BATCH_COMMANDS must be at most 500"),
        ("broker_window_bytes", 65_535, "BROKER_WINDOW_BYTES and BROKER_WAITING_BYTES must be at least 65536"),
        ("broker_addresses", " , ", "BROKER_ADDRESSES must name at least one broker"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(field, value, said):
    """The message says which setting, and what it takes."""
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({"broker_addresses": "ipc:///run/a", field: value}, WorkerSettings)

"""`python -m broker`: one broker process."""

from __future__ import annotations

from collections.abc import Mapping

import zmq

from broker.link.sockets import AddressError
from broker.loop import open_broker
from broker.metrics import BrokerMetrics
from broker.node.environment import SettingError, load
from broker.node.exposition import open_exposition
from broker.node.lifecycle import stop_signal
from broker.node.process import run_process
from broker.settings import PREFIX, SHARED, BrokerSettings


async def main(env: Mapping[str, str]) -> None:
    """Route until a signal."""
    settings = load(BrokerSettings, env, PREFIX, SHARED)
    stop = stop_signal()
    try:
        async with (
            open_broker(settings) as broker,
            open_exposition(settings.metrics_port, [BrokerMetrics(broker.router, broker.handshakes)]),
        ):
            await broker.serve(stop)
    except (zmq.ZMQError, OSError) as fault:
        raise SettingError(f"BROKER_BIND={settings.bind!r} cannot be bound: {fault}.") from None


if __name__ == "__main__":
    run_process("broker", main, AddressError)

"""`python -m broker`: one broker process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import uvloop
import zmq

from broker.link.sockets import AddressError
from broker.loop import open_broker
from broker.node.environment import SettingError, load
from broker.node.lifecycle import die_with_parent, stop_signal
from broker.node.logs import configure_logs
from broker.settings import PREFIX, BrokerSettings


async def main(env: Mapping[str, str]) -> None:
    """Route until a signal."""
    settings = load(BrokerSettings, env, PREFIX)
    stop = stop_signal()
    async with open_broker(settings) as broker:
        await broker.serve(stop)


if __name__ == "__main__":
    die_with_parent(os.environ)
    configure_logs("broker")
    try:
        uvloop.run(main(os.environ))
    except (SettingError, AddressError) as fault:
        sys.exit(str(fault))
    except (zmq.ZMQError, OSError) as fault:
        sys.exit(f"BROKER_BIND={os.environ.get('BROKER_BIND', '')!r} cannot be bound: {fault}.")

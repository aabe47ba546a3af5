"""The edge-triggered descriptor of a real ZeroMQ socket: every message is read, however few wake-ups there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import zmq

from broker.link.drain import MESSAGES_PER_TURN, Drain
from tests.fixtures.backbone import until

pytestmark = pytest.mark.anyio

MESSAGES = 500


@pytest.fixture
def pair() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    """Who sends, who is drained."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sender, receiver = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    receiver.bind("inproc://pair")
    sender.connect("inproc://pair")
    yield sender, receiver
    context.destroy(linger=0)


def send(socket: zmq.Socket[bytes], count: int) -> list[bytes]:
    messages = [str(number).encode() for number in range(count)]
    for message in messages:
        socket.send(message)
    return messages


async def test_five_hundred_messages_that_came_at_once_are_all_read_in_order(pair):
    sender, receiver = pair
    heard: list[bytes] = []
    drain = Drain(receiver, lambda parts: heard.append(parts[0]), lambda: None)
    sent = send(sender, MESSAGES)
    await until(lambda: heard == sent)
    drain.close()


async def test_messages_that_came_before_anybody_listened_are_read_too(pair):
    sender, receiver = pair
    heard: list[bytes] = []
    sent = send(sender, MESSAGES)
    drain = Drain(receiver, lambda parts: heard.append(parts[0]), lambda: None)
    await until(lambda: heard == sent)
    drain.close()


async def test_others_get_their_turn_in_between(pair):
    """No turn hands out more than 256, and the word that a turn is over follows each."""
    sender, receiver = pair
    turns = [0]

    def over() -> None:
        turns.append(0)

    def count(parts: list[bytes]) -> None:
        turns[-1] += 1

    send(sender, 2 * MESSAGES)
    drain = Drain(receiver, count, over)
    await until(lambda: sum(turns) == 2 * MESSAGES)
    assert max(turns) == MESSAGES_PER_TURN
    assert len(turns) > 3
    drain.close()


async def test_a_fault_in_what_is_done_with_a_message_leaves_none_behind_it_unread(pair):
    sender, receiver = pair
    heard: list[bytes] = []
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(str(context["exception"])))

    def receive(parts: list[bytes]) -> None:
        heard.append(parts[0])
        if parts[0] == b"100":
            raise RuntimeError("planted")

    drain = Drain(receiver, receive, lambda: None)
    sent = send(sender, MESSAGES)
    await until(lambda: heard == sent)
    assert faults == ["planted"]
    drain.close()


async def test_what_came_while_something_was_sent_is_found_by_looking(pair):
    """A send may swallow the edge: so who sent looks, and needs no wake-up of the descriptor."""
    sender, receiver = pair
    heard: list[bytes] = []
    drain = Drain(receiver, lambda parts: heard.append(parts[0]), lambda: None)
    asyncio.get_running_loop().remove_reader(receiver.getsockopt(zmq.FD))
    send(sender, 3)
    await asyncio.sleep(0.05)
    assert heard == []
    drain.look()
    await until(lambda: len(heard) == 3)
    drain.close()


async def test_closed_it_reads_no_more(pair):
    sender, receiver = pair
    heard: list[bytes] = []
    send(sender, 3)
    Drain(receiver, lambda parts: heard.append(parts[0]), lambda: None).close()
    send(sender, 3)
    await asyncio.sleep(0.05)
    assert heard == []

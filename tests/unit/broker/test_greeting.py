"""Who greets, and does not hear the answer: the router's side."""

from __future__ import annotations

from broker.wire.envelope import Op
from tests.unit.broker.test_router import Hub


def test_who_greets_and_greets_does_not_hear_us_and_is_not_chosen():
    """The line is broken towards it alone: what is for it goes by another broker, what is for its role to another."""
    hub = Hub()
    hub.join("edge-1", "worker-1", "worker-2")
    for life in (2, 3):
        hub.pass_time(0.5, "edge-1", "worker-2")
        hub.say("worker-1", (int(Op.HELLO), "worker", "worker-1", life))
        hub.say("worker-1", (int(Op.HELLO), "worker", "worker-1", life))
        assert hub.router.roster.nodes["worker-1"].suspect
        assert {hub.router.owner("worker", f"key-{number}") for number in range(50)} == {"worker-2"}
    hub.say("worker-1")
    assert not hub.router.roster.nodes["worker-1"].suspect


def test_who_greets_and_then_says_nothing_is_gone_like_anybody_else():
    hub = Hub()
    hub.join("edge-1", "worker-1")
    hub.say("worker-2", (int(Op.HELLO), "worker", "worker-2", 1))
    assert hub.pass_time(3.1, "edge-1", "worker-1") == ["worker-2"]

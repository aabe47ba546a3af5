"""A node gives up its role before it goes: the router's side."""

from __future__ import annotations

from broker.wire.envelope import HINT, Op, unpack_roster
from tests.unit.broker.test_router import Hub, delivered, undeliverable


def test_who_gives_up_its_role_owns_no_key_and_is_heard_and_told_as_before():
    hub = Hub()
    hub.join("edge-1", "worker-1", "worker-2")
    owned = next(key for key in map(str, range(100)) if hub.router.owner("worker", key) == "worker-1")
    hub.say("worker-1", (int(Op.LEAVING),))
    assert hub.router.owner("worker", owned) == "worker-2"
    hub.to("edge-1", "worker-1", 1)
    hub.to("worker-1", "edge-1", 2)
    hub.flush()
    assert hub.take("worker-1") == delivered(1)
    assert hub.take("edge-1") == delivered(2, source="worker-1")
    hub.say("worker-2", (int(Op.LEAVING),))
    hub.say("edge-1", (int(Op.TO_KEY), 3, "worker", owned, 5_000, b""))
    hub.flush()
    assert hub.take("edge-1") == undeliverable("no_peer", 3), "better than to one who will not answer"
    hub.join("worker-2", life=2)
    assert hub.router.owner("worker", owned) == "worker-2"


def test_everyone_is_told_who_gave_up_its_role():
    hub = Hub()
    hub.join("edge-1", "worker-1")
    version = hub.router.roster.version
    hub.say("worker-1", (int(Op.LEAVING),), (int(Op.LEAVING),))
    assert hub.router.roster.version == version + 1
    hub.flush()
    (told,) = [frame for frame in hub.got["edge-1"] if frame[0] == Op.ROSTER and frame[1] == version + 1]
    assert set(unpack_roster(told[2])) == {("edge-1", "edge", False), ("worker-1", "", False)}


def test_commands_that_wait_for_a_peer_that_leaves_go_back_at_once_and_hints_wait_on():
    hub = Hub(window=1_000)
    hub.join("edge-1", "worker-1")
    hub.to("edge-1", "worker-1", 1, size=872)
    hub.to("edge-1", "worker-1", 2)
    hub.to("edge-1", "worker-1", 3, ttl=HINT)
    hub.flush()
    assert hub.take("worker-1") == delivered(1, size=872)
    hub.say("worker-1", (int(Op.LEAVING),))
    hub.flush()
    assert hub.take("edge-1") == undeliverable("gone", 2)
    hub.consumed["worker-1"] = 1_000
    hub.say("worker-1")
    hub.flush()
    assert hub.take("worker-1") == delivered(3, ttl=HINT)

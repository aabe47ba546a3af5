"""Where there are keys, a name belongs to the key under which it was said first."""

from __future__ import annotations

from typing import Any

import pytest

from broker.routing.roster import Roster
from broker.routing.router import Router
from broker.wire.envelope import Op, pack

HELLO = (int(Op.HELLO), "edge", "edge-1", 1)
BY_KEY = (int(Op.TO_KEY), 7, "worker", "k", 5_000, b"")


@pytest.fixture
def router() -> Router:
    return Router("broker-1", Roster(), window=2_000, limit=3_000)


def say(router: Router, user: str, *frames: Any) -> None:
    router.receive(b"edge-1", pack(0, 0, 0, 0, frames), 1_000.0, user)


def told(router: Router) -> list[str]:
    return [peer.name for peer, _ in router.outgoing(1_000.0)]


@pytest.mark.parametrize(
    "frames",
    [[BY_KEY], [HELLO, BY_KEY], [(int(Op.BYE),)], [(int(Op.LEAVING),)], [(*HELLO[:3], 2)]],
    ids=["a command", "a greeting", "a goodbye", "a leaving", "another life"],
)
def test_what_comes_under_another_key_is_not_heard(router: Router, frames: list[Any]):
    say(router, "ours", HELLO)
    told(router)
    say(router, "another", *frames)
    assert router.counts.impostors == 1
    assert told(router) == []
    assert router.roster.nodes["edge-1"].role == "edge"
    say(router, "ours", BY_KEY)
    assert told(router) == ["edge-1"]
    assert router.counts.impostors == 1


def test_a_name_whose_owner_said_goodbye_is_free(router: Router):
    say(router, "ours", HELLO)
    say(router, "ours", (int(Op.BYE),))
    say(router, "another", HELLO)
    assert told(router) == ["edge-1"]
    assert router.counts.impostors == 0

"""Who of a watched conversation is there: told at once to who looks, then as it changes, and never in a storm."""

from __future__ import annotations

from broker.wire.payloads import Watch
from workers.fanout.presence import (
    ANEW_SECONDS,
    GRACE_SECONDS,
    LEASE_SECONDS,
    NEWS_A_SECOND,
    SNAPSHOT_MEMBERS,
    Presences,
)

ROOM = "room"
MEMBERS = frozenset({"ann", "bob", "eve"})


class World:
    def __init__(self, **where):
        self.where = where
        self.sure = True
        self.presences = Presences(lambda account: self.where.get(account), lambda: self.sure, lambda: "now")

    def watch(self, now=0.0, edge="edge-1", accounts=("ann",), fresh=("ann",), members=MEMBERS, room=ROOM):
        return [shown(tell) for tell in self.presences.watch(Watch(room, accounts, fresh), edge, members, now)]

    def tick(self, now, members=None):
        return [shown(tell) for tell in self.presences.tick(now, lambda room: members)]


def shown(tell):
    return tell.edge, set(tell.watchers), {item.account: item.state for item in tell.items}


def test_who_looks_sees_everybody_at_once():
    world = World(ann="online", bob="away")
    assert world.watch() == [("edge-1", {"ann"}, {"ann": "online", "bob": "away", "eve": "offline"})]
    assert world.tick(1.0) == []


def test_a_stranger_sees_nothing():
    world = World(ann="online")
    assert world.watch(accounts=("mallory",), fresh=("mallory",)) == []
    assert world.watch(accounts=("ann", "mallory"), fresh=("mallory",)) == []
    world.where["bob"] = "online"
    assert world.tick(1.0) == [("edge-1", {"ann"}, {"bob": "online"})]


def test_changes_are_told_to_every_edge_that_looks():
    world = World()
    world.watch()
    world.watch(edge="edge-2", accounts=("bob",), fresh=("bob",))
    world.where["eve"] = "online"
    assert world.tick(1.0) == [("edge-1", {"ann"}, {"eve": "online"}), ("edge-2", {"bob"}, {"eve": "online"})]
    world.where["eve"] = "away"
    assert [items for _, _, items in world.tick(2.0)] == [{"eve": "away"}] * 2
    assert world.tick(3.0) == []


def test_a_reconnect_is_no_news_and_who_stays_away_is_offline():
    world = World(bob="online")
    world.watch()
    del world.where["bob"]
    assert world.tick(1.0) == []
    world.where["bob"] = "online"
    assert world.tick(2.0) == []
    del world.where["bob"]
    assert world.tick(3.0) == []
    assert world.tick(3.0 + GRACE_SECONDS - 0.1) == []
    assert world.tick(3.0 + GRACE_SECONDS) == [("edge-1", {"ann"}, {"bob": "offline"})]


def test_who_is_offline_was_last_seen_when_it_went():
    world = World(bob="online")
    world.watch()
    del world.where["bob"]
    list(world.presences.tick(1.0, lambda room: None))
    (tell,) = world.presences.tick(1.0 + GRACE_SECONDS, lambda room: None)
    assert (tell.items[0].account, tell.items[0].last_seen) == ("bob", "now")


def test_nobody_is_called_offline_while_an_edge_has_not_said_who_is_there():
    world = World(bob="online")
    world.watch()
    del world.where["bob"]
    world.sure = False
    assert world.tick(1.0) == []
    assert world.tick(30.0) == []
    world.sure = True
    assert world.tick(31.0) == [("edge-1", {"ann"}, {"bob": "offline"})]


def test_everything_is_told_anew_so_that_what_was_lost_is_right_within_a_minute():
    world = World(ann="online")
    world.watch()
    world.watch(now=ANEW_SECONDS - 1, fresh=())
    assert world.tick(ANEW_SECONDS - 0.5) == []
    assert world.tick(ANEW_SECONDS) == [("edge-1", {"ann"}, {"ann": "online", "bob": "offline", "eve": "offline"})]
    assert ANEW_SECONDS + 1 <= 60


def test_a_watch_that_is_not_renewed_ends():
    world = World()
    world.watch()
    world.tick(LEASE_SECONDS)
    assert len(world.presences) == 0


def test_who_looks_away_hears_no_more():
    world = World()
    world.watch()
    world.watch(accounts=(), fresh=())
    assert len(world.presences) == 0


def test_who_was_removed_sees_nothing_more():
    world = World()
    world.watch()
    world.where["bob"] = "online"
    assert world.tick(1.0, members=frozenset({"bob", "eve"})) == []


def test_what_others_own_now_and_edges_that_are_gone_are_forgotten():
    world = World()
    world.watch()
    world.watch(edge="edge-2", room="hall")
    world.presences.forget(lambda room: True, frozenset({"edge-2"}))
    assert len(world.presences) == 1
    world.presences.forget(lambda room: room != "hall", frozenset({"edge-2"}))
    assert len(world.presences) == 0


def test_a_thousand_who_come_at_once_are_told_in_portions():
    members = frozenset(f"person {n}" for n in range(1000)) | {"ann"}
    world = World(ann="online")
    ((_, _, first),) = world.watch(members=members)
    assert len(first) == SNAPSHOT_MEMBERS
    world.where |= dict.fromkeys(members, "online")
    told = [items for second in range(1, 39) for _, _, items in world.tick(float(second))]
    assert max(map(len, told)) == NEWS_A_SECOND
    assert sum(map(len, told)) == 1000, "each once"


def test_a_thousand_who_reconnect_within_the_grace_are_no_news():
    members = frozenset(f"person {n}" for n in range(1000)) | {"ann"}
    world = World(**dict.fromkeys(members, "online"))
    world.watch(members=members)
    world.where = {}
    assert world.tick(1.0) == []
    world.where = dict.fromkeys(members, "online")
    assert world.tick(2.0) == []


def test_who_went_while_nobody_looked_is_offline_at_once_and_nobody_knows_since_when():
    world = World(ann="online", bob="online")
    world.watch()
    world.watch(accounts=(), fresh=())
    del world.where["bob"]
    ((_, _, items),) = world.watch(now=7200.0)
    assert items["bob"] == "offline"
    (tell,) = world.presences.tick(7200.0 + ANEW_SECONDS, lambda room: None)
    assert [item.last_seen for item in tell.items if item.account == "bob"] == [None]


def test_a_worker_that_has_not_been_told_who_is_there_calls_nobody_offline():
    world = World(ann="online")
    world.sure = False
    assert world.watch() == [("edge-1", {"ann"}, {"ann": "online"})]
    world.sure = True
    assert world.tick(ANEW_SECONDS) == [("edge-1", {"ann"}, {"ann": "online", "bob": "offline", "eve": "offline"})]

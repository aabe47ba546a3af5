"""The router, told as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from broker.routing.roster import Roster
from broker.routing.router import STRANGERS, Router
from broker.wire.envelope import HINT, Op, cost, pack, unpack, unpack_roster
from broker.wire.limits import BATCH_FRAMES, CONTROL_FRAMES, NAME_BYTES, TTL_MS

WHO = ((int(Op.WHO),),)


class Hub:
    """A router and its peers. What each was sent is kept, newest last; `deaf` ones are clogged."""

    def __init__(self, *, window: int = 2_000, limit: int = 3_000) -> None:
        self.now = 1_000.0
        self.router = Router("broker-1", Roster(), window=window, limit=limit)
        self.sent: dict[str, int] = {}
        self.got: dict[str, list[Any]] = {}
        self.heard: dict[str, int] = {}
        self.consumed: dict[str, int] = {}
        self.deaf: set[str] = set()

    def say(self, name: str, *frames: Any, clock: float | None = None) -> None:
        ms = int((self.now if clock is None else clock) * 1000)
        consumed = self.consumed.get(name, 0)
        self.router.receive(name.encode(), pack(ms, ms, self.sent.get(name, 0), consumed, frames), self.now)

    def join(self, *names: str, life: int = 1) -> None:
        for name in names:
            self.say(name, (int(Op.HELLO), name.partition("-")[0], name, life))
        self.flush()
        for name in names:
            self.say(name)
        self.flush()
        for name in names:
            self.take(name)

    def to(self, source: str, node: str, tag: int, ttl: int = 5_000, size: int = 0) -> None:
        self.sent[source] = self.sent.get(source, 0) + cost(bytes(size))
        self.say(source, (int(Op.TO_NODE), tag, node, "", ttl, bytes(size)))

    def flush(self) -> list[str]:
        """Send; to whom."""
        whom = []
        for peer, batch in self.router.outgoing(self.now):
            if peer.name in self.deaf:
                self.router.clogged(peer)
                continue
            whom.append(peer.name)
            self.heard[peer.name] = unpack(batch).sent
            self.got.setdefault(peer.name, []).extend(unpack(batch).frames)
        return whom

    def take(self, name: str) -> list[Any]:
        """The frames that `name` got since the last time, its rosters left out, ages rounded to 10 ms."""
        frames = [frame for frame in self.got.pop(name, []) if frame[0] != Op.ROSTER]
        return [(*f[:4], round(f[4], -1) if f[4] > 0 else f[4], f[5]) if f[0] == Op.DELIVER else f for f in frames]

    def pass_time(self, seconds: float, *speaking: str) -> list[str]:
        gone = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            for name in speaking:
                self.say(name)
            gone += self.router.tick(self.now)[1]
            self.flush()
        return gone


def delivered(*tags: int, source: str = "edge-1", ttl: int = 5_000, size: int = 0) -> list[Any]:
    return [(int(Op.DELIVER), source, tag, "", ttl, bytes(size)) for tag in tags]


def undeliverable(reason: str, *tags: int) -> list[Any]:
    return [(int(Op.UNDELIVERABLE), tag, reason) for tag in tags]


@pytest.fixture
def hub() -> Hub:
    hub = Hub()
    hub.join("edge-1", "worker-1")
    return hub


def test_a_hello_is_answered_with_its_life_and_the_roster():
    hub = Hub()
    hub.say("edge-1", (int(Op.HELLO), "edge", "edge-1", 7))
    hub.flush()
    welcome, roster = hub.got["edge-1"]
    assert welcome == (int(Op.WELCOME), "broker-1", 7)
    assert unpack_roster(roster[2]) == (("edge-1", "edge", True),), "suspect until it has answered"
    hub.say("edge-1")
    hub.flush()
    assert unpack_roster(hub.got["edge-1"][-1][2]) == (("edge-1", "edge", False),)


def test_a_second_hello_of_the_same_life_is_answered_and_changes_nothing(hub):
    """Its welcome was slow. Were it a new life, both ends would count from different beginnings."""
    hub.to("edge-1", "worker-1", 1)
    hub.flush()
    version, sent = hub.router.roster.version, hub.heard["worker-1"]
    hub.say("worker-1", (int(Op.HELLO), "worker", "worker-1", 1))
    hub.flush()
    assert hub.take("worker-1") == [*delivered(1), (int(Op.WELCOME), "broker-1", 1)]
    assert (hub.router.roster.version, hub.heard["worker-1"]) == (version, sent)


def test_a_new_life_starts_counting_anew_and_what_waited_is_reported(hub):
    for tag in range(1, 4):
        hub.to("edge-1", "worker-1", tag, size=1_500)
        hub.flush()
    assert hub.take("worker-1") == delivered(1, size=1_500)
    hub.say("worker-1", (int(Op.HELLO), "worker", "worker-1", 2))
    hub.flush()
    assert hub.take("edge-1") == undeliverable("full", 3) + undeliverable("gone", 2)
    assert hub.take("worker-1") == [(int(Op.WELCOME), "broker-1", 2)]
    assert hub.heard["worker-1"] == 0


def test_reports_outlive_the_connection_for_which_they_waited(hub):
    hub.deaf.add("edge-1")
    hub.to("edge-1", "nobody", 1)
    hub.flush()
    hub.deaf.clear()
    hub.say("edge-1", (int(Op.HELLO), "edge", "edge-1", 2))
    hub.flush()
    assert hub.take("edge-1") == [(int(Op.WELCOME), "broker-1", 2), *undeliverable("no_peer", 1)]


def test_a_link_that_connects_anew_is_known_under_its_new_routing_id(hub):
    """And what is still on the way from the old one is a stranger's."""
    hub.router.receive(b"worker-1#1", pack(0, 0, 0, 0, [(int(Op.HELLO), "worker", "worker-1", 1)]), hub.now)
    hub.to("edge-1", "worker-1", 1)
    peers = {peer.identity for peer, _ in hub.router.outgoing(hub.now)}
    assert b"worker-1#1" in peers
    assert b"worker-1" not in peers
    hub.say("worker-1")
    assert list(hub.router.strangers()) == [(b"worker-1", pack(0, 0, 0, 0, WHO))]


@pytest.mark.parametrize(
    ("identity", "role", "name"),
    [
        (b"edge-2", "edge", "edge-1"),
        (b"edge-1x", "edge", "edge-1"),
        (b"#1", "edge", "edge-1"),
        (b"edge#1", "edge", "edge#1"),
        (b"edge-3", "", "edge-3"),
        (b"n" * (NAME_BYTES + 1), "edge", "n" * (NAME_BYTES + 1)),
        (b"edge-3", "r" * (NAME_BYTES + 1), "edge-3"),
    ],
)
def test_whoever_says_he_is_another_or_has_an_endless_name_is_not_let_in(hub, identity, role, name):
    before = hub.router.roster.version
    frames = [(int(Op.HELLO), role, name, 1), (int(Op.TO_NODE), 1, "worker-1", "", HINT, b"")]
    hub.router.receive(identity, pack(0, 0, 0, 0, frames), hub.now)
    assert hub.router.counts.impostors == 1
    assert hub.router.roster.version == before
    assert hub.flush() == []
    assert list(hub.router.strangers()) == []


def test_a_crowded_broker_lets_nobody_else_in(hub, monkeypatch):
    monkeypatch.setattr("broker.routing.router.ROSTER_NODES", 2)
    hub.join("edge-2")
    assert hub.router.counts.crowded == 1
    hub.join("edge-1", life=2)
    assert hub.router.counts.crowded == 1


def test_strangers_are_asked_who_they_are_once_each_and_not_without_bound(hub):
    for number in range(STRANGERS + 5):
        hub.say(f"edge-x{number}", (int(Op.PING), 0))
        hub.say(f"edge-x{number}", (int(Op.PING), 0))
    asked = list(hub.router.strangers())
    assert len(asked) == len(dict(asked)) == STRANGERS
    assert hub.router.counts.strangers == 2 * (STRANGERS + 5)
    assert list(hub.router.strangers()) == []


def test_a_hint_to_nobody_is_dropped_and_a_command_reported(hub):
    hub.say("edge-1", (int(Op.TO_KEY), 1, "fanout", "key", HINT, b""), (int(Op.TO_KEY), 2, "fanout", "key", 9, b""))
    hub.to("edge-1", "worker-9", 3)
    hub.flush()
    assert hub.take("edge-1") == undeliverable("no_peer", 2, 3)
    assert hub.router.counts.dropped_hints == 1


def test_a_command_that_is_too_old_when_it_comes_is_reported_and_a_hint_is_never_too_old(hub):
    late = hub.now - 6
    frames = [(int(Op.TO_NODE), n, "worker-1", "", ttl, b"") for n, ttl in ((1, 5_000), (2, 7_000), (3, HINT))]
    hub.say("edge-1", *frames, clock=late)
    hub.flush()
    assert hub.take("edge-1") == undeliverable("expired", 1)
    assert [(frame[2], frame[4]) for frame in hub.take("worker-1")] == [(2, 1_000), (3, HINT)]


def test_a_command_dies_while_it_waits_and_its_sender_hears_when_it_would_have_left(hub):
    hub.deaf.add("worker-1")
    hub.to("edge-1", "worker-1", 1, ttl=200)
    hub.to("edge-1", "worker-1", 2, ttl=2_000)
    hub.flush()
    hub.now += 0.2
    hub.deaf.clear()
    hub.say("worker-1")
    hub.router.tick(hub.now)
    hub.flush()
    assert hub.take("edge-1") == undeliverable("expired", 1)
    assert hub.take("worker-1") == delivered(2, ttl=1_800)


def test_a_command_with_less_than_a_millisecond_left_does_not_leave(hub):
    """The wire would say 0, and its receiver drop it without a word."""
    hub.to("edge-1", "worker-1", 1, ttl=200)
    hub.now += 0.1985
    hub.flush()
    assert hub.take("worker-1") == []
    assert hub.take("edge-1") == undeliverable("expired", 1)


def test_commands_for_a_peer_that_lives_but_takes_nothing_expire_within_a_second(hub):
    for tag in range(1, 4):
        hub.to("edge-1", "worker-1", tag, ttl=1_000, size=1_200)
        hub.flush()
    hub.take("edge-1")
    hub.pass_time(2.5, "edge-1", "worker-1")
    assert hub.take("edge-1") == undeliverable("expired", 2, 3)


def test_no_time_to_live_is_longer_than_a_minute(hub):
    hub.to("edge-1", "worker-1", 1, ttl=2**64 - 1)
    hub.flush()
    assert hub.take("worker-1") == delivered(1, ttl=TTL_MS)


def test_credit_that_comes_back_lets_what_waits_go_on(hub):
    for tag in range(1, 4):
        hub.to("edge-1", "worker-1", tag, size=1_200)
    hub.flush()
    assert hub.take("worker-1") == delivered(1, size=1_200)
    hub.consumed["worker-1"] = hub.heard["worker-1"]
    hub.say("worker-1")
    hub.flush()
    assert hub.take("worker-1") == delivered(2, size=1_200)


def test_what_a_peer_has_sent_is_given_back_in_a_batch_of_its_own(hub):
    hub.to("worker-1", "worker-1", 1, ttl=HINT, size=300)
    hub.flush()
    hub.to("edge-1", "worker-1", 1, ttl=HINT, size=500)
    assert hub.flush().count("edge-1") == 1


def test_a_full_queue_refuses_commands_and_what_goes_to_workers_and_overruns_an_edge(hub):
    hub.join("worker-2")
    for tag in range(1, 7):
        hub.to("worker-1", "worker-2", tag, size=1_200, ttl=HINT)
    assert hub.router.counts.dropped_hints == 4
    for tag in range(1, 3):
        hub.to("worker-1", "edge-1", tag, size=1_200, ttl=5_000 if tag == 1 else HINT)
    hub.to("worker-1", "edge-1", 3, size=1_200)
    hub.to("worker-1", "edge-1", 4, size=1_200, ttl=HINT)
    hub.to("worker-1", "edge-1", 5, ttl=HINT)
    hub.flush()
    assert hub.take("worker-1") == undeliverable("full", 3, 1)
    assert hub.take("edge-1") == [(int(Op.OVERRUN),), *delivered(5, source="worker-1", ttl=HINT)]
    assert hub.router.counts.overruns == 1


def test_a_silent_peer_loses_its_waiting_commands_when_suspect_and_all_when_gone(hub):
    """Its keys move at once, hints wait on, and nothing is sent to it when it is gone."""
    hub.join("worker-2")
    for _ in range(2):
        hub.to("edge-1", "worker-1", 1, ttl=HINT, size=1_200)
    hub.to("edge-1", "worker-1", 2)
    hub.flush()
    hub.take("worker-1")
    assert hub.pass_time(1.6, "edge-1", "worker-2") == []
    assert hub.take("edge-1") == undeliverable("gone", 2)
    assert hub.router.owner("worker", "any key") == "worker-2"
    assert len(hub.router._by_name["worker-1"].gate) == 1
    assert hub.pass_time(1.6, "edge-1", "worker-2") == ["worker-1"]
    hub.got.clear()
    hub.to("edge-1", "worker-1", 3)
    assert set(hub.flush()) == {"edge-1"}
    assert hub.take("edge-1") == undeliverable("no_peer", 3)


def test_a_suspect_that_speaks_gets_its_keys_back(hub):
    hub.pass_time(1.6, "edge-1")
    assert hub.router.roster.nodes["worker-1"].suspect
    assert hub.router.owner("worker", "key") == "worker-1", "there is nobody else"
    hub.join("worker-2")
    assert hub.router.owner("worker", "key") == "worker-2"
    hub.say("worker-1")
    owners = {hub.router.owner("worker", f"key-{number}") for number in range(50)}
    assert owners == {"worker-1", "worker-2"}


def test_whoever_says_goodbye_is_gone_at_once_and_what_follows_is_not_heard(hub):
    hub.join("worker-2")
    hub.say("worker-1", (int(Op.BYE),), (int(Op.PING), 0), (int(Op.TO_NODE), 1, "edge-1", "", HINT, b""))
    assert "worker-1" not in hub.flush()
    assert hub.take("edge-1") == []
    assert hub.router.owner("worker", "key") == "worker-2"


def test_roles_that_nobody_has_are_forgotten(hub):
    hub.router.owner("worker", "key")
    hub.say("worker-1", (int(Op.BYE),))
    assert hub.router.owner("worker", "key") is None
    assert "worker" not in hub.router._shards


def test_whom_zeromq_does_not_know_any_more_is_gone_with_a_word_to_the_senders(hub):
    hub.to("edge-1", "worker-1", 1)
    told = []
    for peer, batch in hub.router.outgoing(hub.now):
        if peer.name == "worker-1":
            hub.router.unreachable(peer)
        else:
            told += [frame for frame in unpack(batch).frames if frame[0] == Op.UNDELIVERABLE]
    assert told == undeliverable("gone", 1)
    assert "worker-1" not in hub.router.roster.nodes
    assert hub.router.counts.unreachable == 1


def test_a_clogged_peer_gets_everything_later_in_order_and_nobody_waits_for_it(hub):
    hub.deaf.add("worker-1")
    hub.to("edge-1", "worker-1", 1)
    hub.flush()
    hub.to("edge-1", "worker-1", 2)
    hub.to("worker-1", "nobody", 9)
    assert "worker-1" not in hub.flush()
    assert hub.router.counts.clogged == 2
    hub.deaf.clear()
    hub.router.tick(hub.now)
    hub.flush()
    assert hub.take("worker-1") == undeliverable("no_peer", 9) + delivered(1, 2)
    assert hub.heard["worker-1"] == 256


def test_a_roster_that_could_not_be_told_is_told_later_as_it_is_then(hub):
    hub.deaf.add("worker-1")
    hub.join("edge-2")
    hub.join("edge-3")
    hub.deaf.clear()
    hub.got.clear()
    hub.router.tick(hub.now)
    hub.flush()
    (roster,) = hub.got["worker-1"]
    assert roster[1] == hub.router.roster.version
    assert {name for name, _, _ in unpack_roster(roster[2])} == {"edge-1", "edge-2", "edge-3", "worker-1"}


def test_a_peer_with_an_older_roster_gets_ours_with_its_next_ping(hub):
    hub.say("worker-1", (int(Op.PING), hub.router.roster.version))
    hub.flush()
    assert [frame[0] for frame in hub.got.pop("worker-1")] == [Op.PONG]
    hub.say("worker-1", (int(Op.PING), 1))
    hub.flush()
    assert [frame[0] for frame in hub.got.pop("worker-1")] == [Op.PONG, Op.ROSTER]


def test_many_reports_leave_in_batches_that_their_reader_accepts():
    hub = Hub(window=10**6, limit=10**6)
    hub.join("edge-1")
    hub.say("edge-1", *[(int(Op.TO_NODE), tag, "nobody", "", 1_000, b"") for tag in range(900)])
    hub.say("edge-1", *[(int(Op.TO_NODE), tag, "nobody", "", 1_000, b"") for tag in range(900, 1_800)])
    assert hub.flush().count("edge-1") == -(-1_800 // BATCH_FRAMES)
    assert [frame[1] for frame in hub.take("edge-1")] == list(range(1_800))


def test_a_peer_that_never_reads_costs_bounded_memory(hub):
    hub.deaf.add("edge-1")
    for _ in range(CONTROL_FRAMES + 10):
        hub.say("edge-1", (int(Op.PING), hub.router.roster.version))
    hub.flush()
    assert len(hub.router._by_name["edge-1"].control) == CONTROL_FRAMES
    assert hub.router.counts.dropped_reports == 10


def test_junk_and_frames_for_links_are_counted_and_harmless(hub):
    hub.router.receive(b"edge-1", b"junk", hub.now)
    hub.say("edge-1", (int(Op.PONG),), (int(Op.HELLO), "edge", "edge-1", 1), (int(Op.OVERRUN),))
    assert hub.router.counts.malformed == 4


def test_a_broker_that_stops_says_so_to_everyone(hub):
    farewells = dict(hub.router.farewells())
    assert farewells.keys() == {b"edge-1", b"worker-1"}
    assert all(unpack(batch).frames == ((int(Op.BYE),),) for batch in farewells.values())

"""A link's end of a connection, told as sentences; the other end is played by hand, batch by batch."""

from __future__ import annotations

from typing import Any

import pytest

from broker.link.client import LinkSettings
from broker.link.connection import Connection, Received, State
from broker.wire.envelope import HINT, Op, cost, pack, pack_roster, unpack

ROSTER = ("worker-1", "worker", False), ("worker-2", "worker", True), ("edge-1", "edge", False)


class Broker:
    """What the other end says. Its clock shows 5,000 s less; nothing takes time on the way unless a test says so."""

    def __init__(self, *, manual: bool = False, window: int = 4_000) -> None:
        settings = LinkSettings(("ipc://b",), window_bytes=window, waiting_bytes=3_000)
        self.connection = Connection("ipc://b", "edge-1", "edge", settings, manual=manual)
        self.now = 10_000.0
        self.sent = 0
        self.consumed = 0
        self.heard: list[Any] = []

    def say(self, *frames: Any, late: float = 0.0) -> list[Any]:
        """Frames in one batch; what the connection makes of them."""
        clock = int((self.now - 5_000) * 1000)
        self.sent += sum(cost(frame[-1]) for frame in frames if frame[0] == Op.DELIVER)
        batch = pack(clock, int(self.now * 1000), self.sent, self.consumed, frames)
        self.now += late
        return list(self.connection.receive([batch], self.now))

    def hear(self) -> list[Any]:
        """The frames of everything that leaves now."""
        frames: list[Any] = []
        while (batch := self.connection.batch(self.now)) is not None:
            self.heard.append(unpack(batch))
            frames += unpack(batch).frames
        return frames

    def tick(self, seconds: float) -> list[str]:
        """Time in steps of 0.1 s; what happened."""
        happened = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            event = self.connection.tick(self.now)
            self.hear()
            if event:
                happened.append(event)
        return happened

    def welcome(self) -> list[Any]:
        self.sent = self.consumed = 0
        return self.say((int(Op.WELCOME), "broker-1", self.connection.life), roster(1))

    def queue(self, *, ttl: float | None = None, tag: int = 0, size: int = 0) -> bool:
        deadline = float("inf") if ttl is None else self.now + ttl
        payload = bytes(size)
        return self.connection.gate.offer((True, tag, "worker", "key", deadline, payload), cost(payload))


def roster(version: int, nodes: Any = ROSTER) -> Any:
    return (int(Op.ROSTER), version, pack_roster(nodes))


def deliver(tag: int, ttl_ms: int = HINT, payload: bytes = b"") -> Any:
    return (int(Op.DELIVER), "worker-1", tag, "", ttl_ms, payload)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def live(broker: Broker) -> Broker:
    broker.hear()
    broker.welcome()
    broker.hear()
    broker.connection.tick(broker.now)
    return broker


def test_it_greets_every_half_second_until_it_is_welcomed(broker):
    assert broker.hear() == [(int(Op.HELLO), "edge", "edge-1", 1)]
    assert broker.hear() == []
    broker.tick(1.05)
    assert len(broker.heard) == 3
    assert broker.welcome() == ["roster", "roster"]
    assert broker.connection.state is State.LIVE


def test_it_answers_a_welcome_at_once_so_that_the_broker_learns_the_age_of_its_batches(broker):
    broker.hear()
    broker.welcome()
    assert broker.hear() == [(int(Op.PING), 1)]
    assert broker.heard[-1].echo == int((broker.now - 5_000) * 1000)


def test_nothing_of_another_life_is_listened_to(broker):
    broker.hear()
    assert broker.say(deliver(1), (int(Op.UNDELIVERABLE), 2, "gone")) == []
    assert broker.say((int(Op.WELCOME), "broker-1", 7)) == []
    assert broker.connection.state is State.GREETING
    broker.welcome()
    assert [event.tag for event in broker.say(deliver(1))] == [1]


def test_a_second_welcome_of_the_same_life_changes_nothing(live):
    """The broker was slow, and answered two greetings."""
    live.queue(size=1_000)
    live.hear()
    sent = live.connection.gate.sent
    assert live.say((int(Op.WELCOME), "broker-1", 1)) == []
    assert live.connection.gate.sent == sent == 1_128


def test_asked_who_it_is_it_starts_anew_and_says_so(live):
    live.queue(size=100, tag=5)
    live.hear()
    assert live.say((int(Op.WHO),)) == ["ended"]
    assert live.connection.nodes == {}
    assert live.say((int(Op.WHO),)) == [], "the greeting is on its way"
    assert live.hear() == [(int(Op.HELLO), "edge", "edge-1", 2)]
    assert live.heard[-1].echo == 0, "the clock of another broker, perhaps"
    live.queue(size=50)
    assert live.hear() == [], "what waits goes on waiting"
    assert live.welcome() == ["roster", "overrun", "roster"]
    assert [frame[0] for frame in live.hear()] == [Op.PING, Op.TO_KEY]
    assert live.heard[-1].sent == 178, "counts begin at zero"


def test_a_broker_that_says_goodbye_is_greeted_again_in_its_own_time(live):
    assert live.say((int(Op.BYE),)) == ["ended"]
    assert live.hear() == []
    live.tick(0.6)
    assert live.heard[-1].frames == ((int(Op.HELLO), "edge", "edge-1", 2),)


def test_a_silent_broker_is_suspect_then_gone_and_a_word_in_between_forgives(live):
    assert live.tick(1.4) == []
    assert live.tick(0.2) == ["suspect"]
    live.queue()
    assert live.hear() == [], "nothing but heartbeats for a suspect"
    assert live.say((int(Op.PONG),)) == ["roster"]
    assert [frame[0] for frame in live.hear()] == [Op.TO_KEY]
    assert live.tick(3.1) == ["suspect", "gone"]
    assert live.connection.state is State.GREETING


def test_whoever_was_stopped_himself_suspects_nobody(live):
    live.now += 6
    assert live.connection.tick(live.now) is None
    assert live.tick(1.4) == []
    assert live.tick(0.2) == ["suspect"]


def test_what_waits_for_a_suspect_is_reported_and_hints_wait_on(live):
    live.tick(1.6)
    live.queue(tag=1, ttl=5)
    live.queue()
    live.queue(tag=2, ttl=5)
    assert live.connection.abandon(hints=False) == [1, 2]
    assert len(live.connection.gate) == 1
    assert live.connection.abandon(hints=True) == []
    assert len(live.connection.gate) == 0


def test_what_waits_for_a_welcome_that_never_comes_is_given_up_after_three_seconds(live):
    live.say((int(Op.WHO),))
    live.queue(tag=1, ttl=5)
    assert live.tick(2.9) == []
    assert "gone" in live.tick(0.2)
    assert live.connection.abandon(hints=True) == [1]
    assert live.tick(1.0) == []


def test_a_link_that_nobody_answers_asks_for_another_connection_every_five_seconds(broker):
    assert broker.tick(11) == ["deaf", "deaf"]


def test_a_stopped_link_takes_nothing_old_for_fresh(broker):
    """Stopped right after its greeting, for 6 s; welcome and command wait in its socket."""
    broker.hear()
    then = broker.now
    hello = int(then * 1000)
    welcome = pack(int((then - 5_000) * 1000), hello, 0, 0, [(int(Op.WELCOME), "broker-1", 1)])
    command = pack(int((then - 4_999) * 1000), hello, 128, 0, [deliver(1, ttl_ms=5_000), deliver(2)])
    broker.connection.tick(then)
    now = then + 7
    assert list(broker.connection.receive([welcome], now)) == ["roster"]
    assert [event.tag for event in broker.connection.receive([command], now)] == [2], "only the hint"
    assert broker.connection.expired == 1


def test_a_deadline_counts_the_time_on_the_way(live):
    (received,) = live.say(deliver(1, ttl_ms=2_000), late=1.5)
    assert received.deadline - live.now == pytest.approx(0.5, abs=0.01)
    (hint,) = live.say(deliver(1), late=1.5)
    assert hint.deadline == float("inf")


def test_time_to_live_runs_while_a_frame_waits_here(live):
    live.queue(tag=1, ttl=2.0)
    live.queue(tag=2, ttl=0.5)
    live.now += 1
    assert [frame[4] for frame in live.hear()] == [1_000, 0]


def test_what_zeromq_does_not_take_waits_in_front_behind_a_heartbeat(live):
    """And follows only when the broker has answered: it may be another one."""
    live.queue(tag=1)
    live.queue(tag=2)
    assert live.connection.batch(live.now) is not None
    live.connection.unsent()
    live.queue(tag=3)
    assert live.connection.gate.sent == 0
    assert [frame[0] for frame in live.hear()] == [Op.PING]
    live.say((int(Op.PONG),))
    assert [frame[1] for frame in live.hear()] == [1, 2, 3]


def test_credit_stops_what_leaves_and_the_brokers_count_lets_it_go_on(live):
    for tag in range(3):
        assert live.queue(tag=tag, size=872)
    assert not live.queue(size=873), "the bound on what waits"
    assert len(live.hear()) == 3
    for tag in range(3):
        live.queue(tag=tag, size=872)
    assert len(live.hear()) == 1
    live.consumed = 2_000
    live.say()
    assert len(live.hear()) == 2


def test_with_manual_credit_a_frame_counts_until_it_is_used_up():
    broker = Broker(manual=True)
    broker.hear()
    broker.welcome()
    broker.hear()
    received = list(broker.say(*[deliver(n, payload=bytes(872)) for n in range(3)]))
    assert broker.connection.batch(broker.now) is None
    assert all(isinstance(event, Received) for event in received)
    received[0].ledger.release(received[0].cost)
    broker.hear()
    assert broker.heard[-1].consumed == 1_000, "a quarter of the window is told at once"
    broker.say((int(Op.WHO),))
    broker.hear()
    broker.welcome()
    received[1].ledger.release(received[1].cost)
    broker.connection.tick(broker.now + 1)
    broker.hear()
    assert broker.heard[-1].consumed == 0, "an earlier life's credit belongs to that life"


def test_what_is_malformed_or_meant_for_a_broker_is_counted_and_harmless(live):
    assert list(live.connection.receive([b"junk"], live.now)) == []
    assert list(live.connection.receive([b"two", b"parts"], live.now)) == []
    assert live.say((int(Op.ROSTER), 2, b"\xc1")) == []
    assert live.say((int(Op.HELLO), "a", "b", 1), (int(Op.OVERRUN),)) == ["overrun"]
    assert live.connection.malformed == 4
    assert live.say((int(Op.UNDELIVERABLE), 3, "gone"), (int(Op.PONG),)) == [(3, "gone")]


def test_the_roster_tells_who_owns_what(live):
    connection = live.connection
    assert connection.owner("worker", "key") == "worker-1"
    assert connection.knows("worker-1")
    assert not connection.knows("worker-2")
    assert connection.knows_role("worker")
    assert not connection.knows_role("fanout")
    live.say(roster(2, [("worker-2", "worker", True)]))
    assert connection.owner("worker", "key") == "worker-2", "a suspect, where there is nobody else"
    assert not connection.knows_role("worker")
    live.say(roster(3, []))
    assert connection.owner("worker", "key") is None
    live.tick(0.6)
    assert live.heard[-1].frames[-1] == (int(Op.PING), 3)


def leaving(broker: Broker) -> int:
    """How often what leaves now says that we give up our role."""
    return broker.hear().count((int(Op.LEAVING),))


def test_a_role_is_given_up_with_every_heartbeat_until_the_roster_shows_it(live):
    own = ("worker-1", "worker", False), ("edge-1", "edge", False)
    live.say(roster(2, own))
    assert live.connection.gives
    live.connection.retire()
    assert leaving(live) == 1, "at once"
    live.now += 0.6
    live.connection.tick(live.now)
    assert leaving(live) == 1, "what ZeroMQ may have lost is said again"
    live.say(roster(3, [own[0], ("edge-1", "", False)]))
    assert not live.connection.gives
    live.now += 0.6
    live.connection.tick(live.now)
    assert leaving(live) == 0
    assert not live.connection.knows_role("edge")
    live.queue(tag=1)
    assert live.hear()[-1][0] == Op.TO_KEY, "it sends as before"


def test_a_broker_that_starts_anew_hears_again_that_the_role_is_given_up(live):
    live.connection.retire()
    live.hear()
    live.say((int(Op.WHO),))
    assert live.hear() == [(int(Op.HELLO), "edge", "edge-1", 2)]
    live.welcome()
    assert leaving(live) == 1


def test_the_last_word_comes_behind_what_may_still_leave(live):
    for _ in range(2):
        live.queue(size=1_000)
    live.connection.goodbye()
    assert [frame[0] for frame in live.hear()] == [Op.TO_KEY, Op.TO_KEY, Op.BYE]
    assert live.hear() == []


def test_who_was_never_welcomed_says_no_goodbye(broker):
    broker.hear()
    broker.connection.goodbye()
    assert broker.hear() == []


def test_a_broker_that_speaks_and_does_not_hear_is_suspect_after_two_seconds_gone_after_three_and_a_half(live):
    deaf_at = int(live.now * 1000)
    happened = []
    for tenth in range(1, 41):
        happened += [(tenth / 10, event) for event in live.tick(0.1)]
        pong = pack(int((live.now - 5_000) * 1000), deaf_at, live.sent, live.consumed, [(int(Op.PONG),)])
        happened += [(tenth / 10, event) for event in live.connection.receive([pong], live.now)]
    assert happened == [(2.0, "suspect"), (3.5, "gone")]


def test_a_suspect_broker_that_hears_again_is_live_again(live):
    deaf_at = int(live.now * 1000)
    for _ in range(25):
        live.tick(0.1)
        pong = pack(int((live.now - 5_000) * 1000), deaf_at, live.sent, live.consumed, [(int(Op.PONG),)])
        assert list(live.connection.receive([pong], live.now)) == []
    assert live.connection.state is State.SUSPECT
    assert live.say((int(Op.PONG),)) == ["roster"]
    assert live.connection.state is State.LIVE

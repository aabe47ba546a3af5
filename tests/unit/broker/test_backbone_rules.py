"""Links and a broker together, each with its own clock, over connections that stall, break and lose: whatever happened,
they find each other again, credit is whole, and no command is ever taken for younger than it is."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.link.client import LinkSettings
from broker.link.connection import Connection, Received, State
from broker.routing.roster import Roster
from broker.routing.router import Router
from broker.wire.envelope import cost

WINDOW, LIMIT = 2_000, 6_000
TTL = 2.0
PARTIES = {"broker": 0.0, "edge-1": 5_000.0, "worker-1": 90_000.0}
"""Who takes part, and by how much his clock is ahead."""
LINKS = ("edge-1", "worker-1")
OTHER = {"edge-1": "worker-1", "worker-1": "edge-1"}


class BackboneMachine(RuleBasedStateMachine):
    """Messages wait in one queue per link and direction until their reader runs; a stopped reader leaves them there."""

    @initialize()
    def begin(self):
        self.time = 1_000.0
        self.stopped: set[str] = set()
        self.router = self.new_router()
        self.links = {}
        for name in LINKS:
            bounds = LinkSettings(("ipc://b",), WINDOW, LIMIT)
            self.links[name] = Connection("ipc://b", name, name.partition("-")[0], bounds)
        self.renewals = dict.fromkeys(LINKS, 0)
        self.cut = set()
        self.out: dict[str, deque[bytes]] = {name: deque() for name in LINKS}
        self.back: dict[str, deque[bytes]] = {name: deque() for name in LINKS}
        self.tags = 0
        self.born: dict[int, float] = {}
        self.got: dict[str, list[int]] = {name: [] for name in LINKS}
        self.told: list[int] = []
        self.used: list[tuple[Received, str]] = []

    def new_router(self):
        return Router("broker", Roster(), window=WINDOW, limit=LIMIT)

    def clock(self, party: str) -> float:
        return self.time + PARTIES[party]

    def identity(self, name: str) -> bytes:
        return (f"{name}#{self.renewals[name]}" if self.renewals[name] else name).encode()

    # Faults -----------------------------------------------------------------

    @rule(party=st.sampled_from(list(PARTIES)))
    def stop(self, party):
        self.stopped.add(party)

    @rule(party=st.sampled_from(list(PARTIES)))
    def go_on(self, party):
        self.stopped.discard(party)
        self.run(party)

    @rule(name=st.sampled_from(LINKS))
    def break_connection(self, name):
        """What is on the way is lost; ZeroMQ connects again."""
        self.out[name].clear()
        self.back[name].clear()

    @rule(name=st.sampled_from(LINKS))
    def lose_one(self, name):
        if self.back[name]:
            self.back[name].popleft()

    @rule(name=st.sampled_from(LINKS))
    def cut_line(self, name):
        self.cut ^= {name}

    @rule()
    def restart_broker(self):
        self.router = self.new_router()
        self.stopped.discard("broker")
        for name in LINKS:
            self.break_connection(name)

    # Work -------------------------------------------------------------------

    @rule(name=st.sampled_from(LINKS), size=st.sampled_from([0, 500, 1_500]), command=st.booleans())
    def send(self, name, size, command):
        connection = self.links[name]
        if connection.state is not State.LIVE:
            return
        self.tags += 1
        now = self.clock(name)
        deadline = now + TTL if command else float("inf")
        if connection.gate.offer((False, self.tags, OTHER[name], "", deadline, bytes(size)), cost(bytes(size))):
            self.born[self.tags] = self.time
        self.run(name)

    @rule(seconds=st.sampled_from([0.1, 0.6, 1.0, 2.5]), order=st.permutations(list(PARTIES)))
    def pass_time(self, seconds, order):
        for _ in range(round(seconds * 10)):
            self.time += 0.1
            for party in order:
                if party in self.stopped:
                    continue
                if party == "broker":
                    self.router.tick(self.clock("broker"))
                else:
                    self.tick_link(party)
                self.run(party)

    def tick_link(self, name: str) -> None:
        connection = self.links[name]
        event = connection.tick(self.clock(name))
        if event in ("suspect", "gone"):
            self.told += connection.abandon(hints=event == "gone")
        elif event == "deaf":
            self.renewals[name] += 1
            self.out[name].clear()
            self.back[name].clear()

    def run(self, party: str) -> None:
        if party in self.stopped:
            return
        if party == "broker":
            self.run_broker()
        else:
            self.run_link(party)

    def run_broker(self) -> None:
        now = self.clock("broker")
        for name in LINKS:
            while self.out[name]:
                self.router.receive(self.identity(name), self.out[name].popleft(), now)
        by_identity = {self.identity(name): name for name in LINKS}
        for identity, batch in self.router.strangers():
            self.back[by_identity[identity]].append(batch)
        for peer, batch in self.router.outgoing(now):
            name = by_identity.get(peer.identity)
            if name is None:
                self.router.unreachable(peer)
            elif name in self.cut:
                self.router.clogged(peer)
            else:
                self.back[name].append(batch)

    def run_link(self, name: str) -> None:
        connection, now = self.links[name], self.clock(name)
        while self.back[name]:
            for event in connection.receive([self.back[name].popleft()], now):
                self.happened(name, event)
        while (batch := connection.batch(now)) is not None:
            if name in self.cut:
                connection.unsent()
                break
            self.out[name].append(batch)

    def happened(self, name: str, event: Any) -> None:
        if isinstance(event, Received):
            self.got[name].append(event.tag)
            if event.deadline != float("inf"):
                dies = self.born[event.tag] + TTL
                left = event.deadline - self.clock(name)
                assert self.time + left <= dies + 0.002, "never younger than it is"
        elif isinstance(event, tuple):
            self.told.append(event[0])

    # What is always true ----------------------------------------------------

    @invariant()
    def nothing_arrives_twice_or_is_told_lost_and_arrives(self):
        for tags in self.got.values():
            assert len(set(tags)) == len(tags)
        assert len(set(self.told)) == len(self.told)
        assert not set(self.told) & {tag for tags in self.got.values() for tag in tags}

    @invariant()
    def order_is_kept(self):
        for tags in self.got.values():
            assert tags == sorted(tags)

    def teardown(self):
        """When the faults end, a few seconds later everyone is live, and a whole window may leave again."""
        if not hasattr(self, "links"):
            return
        self.stopped.clear()
        self.cut.clear()
        for _ in range(2):
            self.pass_time(2.5, list(PARTIES))
        self.pass_time(2.5, list(PARTIES))
        for name, connection in self.links.items():
            assert connection.state is State.LIVE, name
            assert not len(connection.gate)
            assert connection.gate.credit == WINDOW
            assert connection.nodes.keys() == set(LINKS)
            assert not any(suspect for _, suspect in connection.nodes.values())
        for peer in self.router._by_name.values():
            assert not len(peer.gate)
            assert peer.gate.credit == WINDOW
        fresh = self.tags + 1
        for name in LINKS:
            self.send(name, 1_500, True)
        self.pass_time(0.1, list(PARTIES))
        self.pass_time(0.1, list(PARTIES))
        assert {tags[-1] for tags in self.got.values() if tags} >= {fresh, fresh + 1}


BackboneMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestBackbone = BackboneMachine.TestCase

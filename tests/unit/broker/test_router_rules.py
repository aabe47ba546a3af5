"""The router under arbitrary peers, frames, silence and clogged sockets: no command vanishes without a word."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.flow.shards import owner
from broker.routing.roster import Roster
from broker.routing.router import Router
from broker.wire.envelope import HINT, Op, cost, pack, unpack
from broker.wire.limits import BATCH_BYTES, BATCH_FRAMES

WINDOW, LIMIT = 2_000, 3_000
NAMES = ("edge-1", "edge-2", "worker-1", "worker-2")
names = st.sampled_from(NAMES)


class Far:
    """A peer as the test sees it. `socket`: does ZeroMQ take what is sent to it?"""

    def __init__(self, name: str) -> None:
        self.name = name
        self.identity = name.encode()
        self.role = name.partition("-")[0]
        self.life = 0
        self.known = False
        self.forgotten = 0
        self.socket = "open"
        self.sent = 0
        self.received = 0
        self.consumed = 0


class RouterMachine(RuleBasedStateMachine):
    """Clocks agree and nothing takes time on the way, so only what the router does makes a frame old."""

    @initialize()
    def begin(self):
        self.now = 1_000.0
        self.router = Router("broker", Roster(), window=WINDOW, limit=LIMIT)
        self.peers = {name: Far(name) for name in NAMES}
        self.tags = 0
        self.commands: dict[int, tuple[str, int]] = {}
        self.outcomes: Counter[int] = Counter()
        self.hints: set[int] = set()
        self.orders: dict[tuple[str, str], list[int]] = {}
        self.overruns = 0
        for name in NAMES:
            self.hello(name, again=False)

    # What peers do ----------------------------------------------------------

    def speak(self, far: Far, *frames: Any) -> None:
        ms = int(self.now * 1000)
        self.router.receive(far.identity, pack(ms, ms, far.sent, far.consumed, frames), self.now)
        self.flush()

    @rule(name=names, again=st.booleans())
    def hello(self, name, again):
        far = self.peers[name]
        if not again or not far.known:
            if far.known:
                far.forgotten += 1
            far.life += 1
            far.sent = far.received = far.consumed = 0
        far.known = True
        far.socket = "open"
        self.speak(far, (int(Op.HELLO), far.role, name, far.life))

    @rule(
        name=names, to=st.sampled_from(["key", *NAMES]), size=st.sampled_from([0, 300, 1_500]), ttl=st.integers(-1, 3)
    )
    def send(self, name, to, size, ttl):
        """Several frames in one batch; a ttl of -1 makes hints."""
        far = self.peers[name]
        frames = []
        for _ in range(3):
            self.tags += 1
            payload = bytes(size)
            ms = ttl * 1000 if ttl >= 0 else HINT
            if ttl < 0:
                self.hints.add(self.tags)
            elif far.known:
                self.commands[self.tags] = name, far.forgotten
            if to == "key":
                frames.append((int(Op.TO_KEY), self.tags, "worker", f"key-{self.tags}", ms, payload))
            else:
                frames.append((int(Op.TO_NODE), self.tags, to, "", ms, payload))
            far.sent += cost(payload)
        self.speak(far, *frames)

    @rule(name=names, all=st.booleans())
    def ping(self, name, all):
        far = self.peers[name]
        if all:
            far.consumed = far.received
        self.speak(far, (int(Op.PING), self.router.roster.version))

    @rule(name=names)
    def leaving(self, name):
        """It owns nothing from then on, but is told and heard as before; a new hello gives it its role again."""
        far = self.peers[name]
        self.speak(far, (int(Op.LEAVING),))
        if far.known:
            assert name not in self.router.roster.of_role(far.role)

    @rule(name=names, behind=st.booleans())
    def bye(self, name, behind):
        """Whatever follows the last word is not listened to."""
        far = self.peers[name]
        if far.known:
            far.known = False
            far.forgotten += 1
        self.speak(far, (int(Op.BYE),), *[(int(Op.PING), 0)] * behind)

    @rule(name=names, socket=st.sampled_from(["open", "clogged", "cut"]))
    def change_socket(self, name, socket):
        self.peers[name].socket = socket

    @rule(seconds=st.sampled_from([0.1, 0.5, 0.9]), silent=st.sets(names))
    def time(self, seconds, silent):
        for name, far in self.peers.items():
            if far.known and name not in silent:
                self.speak(far, (int(Op.PING), self.router.roster.version))
        self.judge(seconds)

    def judge(self, seconds: float) -> None:
        self.now += seconds
        _, gone = self.router.tick(self.now)
        for name in gone:
            assert self.peers[name].known
            self.peers[name].known = False
            self.peers[name].forgotten += 1
        self.flush()

    # What the broker sends --------------------------------------------------

    def flush(self) -> None:
        for identity, batch in self.router.strangers():
            assert unpack(batch).frames == ((int(Op.WHO),),)
            assert not self.peers[identity.decode()].known
        for peer, batch in self.router.outgoing(self.now):
            far = self.peers[peer.name]
            assert far.known, "nothing is sent to the gone"
            if far.socket == "clogged":
                self.router.clogged(peer)
            elif far.socket == "cut":
                far.known = False
                far.forgotten += 1
                self.router.unreachable(peer)
            else:
                self.take(far, unpack(batch))

    def take(self, far: Far, batch: Any) -> None:
        far.received = batch.sent
        assert len(batch.frames) <= 2 * BATCH_FRAMES
        assert sum(len(frame[-1]) for frame in batch.frames if frame[0] == Op.DELIVER) <= BATCH_BYTES
        for frame in batch.frames:
            if frame[0] == Op.DELIVER:
                _, source, tag, _, ttl, _ = frame
                assert (ttl == HINT) == (tag in self.hints)
                assert ttl == HINT or ttl > 0
                self.outcomes[tag] += 1
                self.orders.setdefault((source, far.name), []).append(tag)
            elif frame[0] == Op.UNDELIVERABLE:
                _, tag, reason = frame
                assert tag not in self.hints, "hints are never reported"
                assert self.commands[tag][0] == far.name
                assert reason in ("no_peer", "gone", "full", "expired")
                self.outcomes[tag] += 1
            elif frame[0] == Op.OVERRUN:
                assert far.role == "edge"
                self.overruns += 1

    # What is always true ----------------------------------------------------

    @invariant()
    def nothing_has_two_outcomes(self):
        assert all(count == 1 for count in self.outcomes.values())

    @invariant()
    def order_is_kept_between_any_two(self):
        assert all(tags == sorted(tags) for tags in self.orders.values())

    @invariant()
    def queues_and_windows_are_bounded(self):
        for peer in self.router._by_name.values():
            assert peer.gate.waiting_cost <= LIMIT
            assert peer.gate.credit >= 0

    @invariant()
    def who_is_known_is_known(self):
        assert {peer.name for peer in self.router._by_name.values()} == {p.name for p in self.peers.values() if p.known}
        assert self.router.roster.nodes.keys() == self.router._by_name.keys()

    @invariant()
    def keys_belong_to_whom_the_roster_says(self):
        for key in ("key", "other key", "another key"):
            assert self.router.owner("worker", key) == owner(key, self.router.roster.of_role("worker"))

    def teardown(self):
        """Everyone reads again and has credit; then every command has its outcome, or its sender was forgotten."""
        if not hasattr(self, "router"):
            return
        for _ in range(3):
            for far in self.peers.values():
                far.socket = "open"
                if far.known:
                    far.consumed = far.received
                    self.speak(far, (int(Op.PING), self.router.roster.version))
        self.judge(0.9)
        self.judge(0.9)
        for tag, (source, forgotten) in self.commands.items():
            if self.peers[source].forgotten == forgotten:
                assert self.outcomes[tag] == 1, f"no word of {tag}"
        assert self.overruns <= self.router.counts.overruns


RouterMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=60)
TestRouter = RouterMachine.TestCase

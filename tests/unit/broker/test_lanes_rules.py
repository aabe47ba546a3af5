"""Lanes over a network and a log that do their worst: order, one answer each, and never a wrong one."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.link.resend import BATCH_ITEMS, SHARE_AT_START, GaveUp, Lanes, Refused, Transmit

LANES = ("ann", "bob")
WAYS = ("broker-1", "broker-2")
TTL, GIVE_UP, LATEST_TICK = 5.0, 10.0, 0.5
COPY = st.sampled_from(["stored", "stored", "invalid", "forbidden", "overloaded", "unavailable", "stored in secret"])


class Copy:
    """One attempt on its way: dead after 5 s, by the receiver's clock, which is right."""

    def __init__(self, lane: str, refs: list[int], sent: float) -> None:
        self.lane = lane
        self.refs = refs
        self.dies = sent + TTL


class LanesMachine(RuleBasedStateMachine):
    """The log takes a copy whole, dedups by ref, and its answers may be lost or late."""

    @initialize()
    def begin(self):
        self.now = 1_000.0
        self.lanes: Lanes[tuple[int, str]] = Lanes(limit_cost=20, limit_per_lane=6)
        self.refs = 0
        self.born: dict[int, float] = {}
        self.outcomes: dict[int, str] = {}
        self.log: dict[str, list[int]] = {lane: [] for lane in LANES}
        self.in_flight: dict[str, list[int]] = {}
        self.copies: dict[int, Copy] = {}
        self.answers: deque[tuple[int, str]] = deque()
        self.link = "up"
        self.firsts = self.repeats = 0
        self.provoked: set[str] = set()

    # What the edge does -----------------------------------------------------

    @rule(lane=st.sampled_from(LANES), cost=st.integers(1, 4), many=st.integers(1, 3))
    def submit(self, lane, cost, many):
        for _ in range(many):
            self.refs += 1
            self.born[self.refs] = self.now
            self.do(self.lanes.submit(lane, self.refs, (self.refs, lane), cost, self.now))

    @rule(link=st.sampled_from(["up", "up", "full", "down"]))
    def change_link(self, link):
        self.link = link

    @rule(seconds=st.sampled_from([0.05, 0.1, 0.4, 1.0, 3.0]))
    def pass_time(self, seconds):
        while seconds > 0:
            step = min(seconds, LATEST_TICK)
            self.now += step
            seconds -= step
            self.do(self.lanes.tick(self.now), ticking=True)

    # What the network does --------------------------------------------------

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), reason=st.sampled_from(["gone", "no_peer", "full", "expired"]))
    def report(self, data, reason):
        """A copy reached nobody, and its sender hears so."""
        tag = data.draw(st.sampled_from(sorted(self.copies)))
        self.provoked.add(self.copies.pop(tag).lane)
        self.do(self.lanes.undeliverable(tag, reason, self.now))

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def lose(self, data):
        del self.copies[data.draw(st.sampled_from(sorted(self.copies)))]

    @rule(way=st.sampled_from(WAYS))
    def lose_way(self, way):
        """Suspected: what went that way may still arrive."""
        self.provoked.update(LANES)
        self.do(self.lanes.lost_way(lambda used: used == way, self.now))

    # What persistence does --------------------------------------------------

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), fate=COPY)
    def take(self, data, fate):
        tag = data.draw(st.sampled_from(sorted(self.copies)))
        copy = self.copies.pop(tag)
        if self.now >= copy.dies:
            return
        log = self.log[copy.lane]
        for ref in copy.refs:
            if ref in log:
                self.answers.append((ref, ""))
            elif fate.startswith("stored"):
                log.append(ref)
                self.answers.append((ref, "" if fate == "stored" else "unavailable"))
            else:
                self.answers.append((ref, fate))

    @precondition(lambda self: self.answers)
    @rule(lost=st.booleans(), many=st.integers(1, 4))
    def answer(self, lost, many):
        for _ in range(min(many, len(self.answers))):
            ref, code = self.answers.popleft()
            if lost:
                continue
            if code == "unavailable":
                self.provoked.update(LANES)
            effects = self.lanes.answered(ref, code, self.now)
            if effects is not None:
                assert code != "unavailable"
                self.end(ref, code)
                self.do(effects)

    # Effects ----------------------------------------------------------------

    def do(self, effects: list[Any], *, ticking: bool = False) -> None:
        for effect in effects:
            if isinstance(effect, GaveUp):
                for ref in effect.refs:
                    self.end(ref, "unavailable")
            elif isinstance(effect, Refused):
                self.end(effect.ref, effect.code)
            else:
                self.transmit(effect, ticking)

    def transmit(self, batch: Transmit, ticking: bool) -> None:
        refs = [ref for ref, _ in batch.items]
        lane = str(batch.lane)
        assert {of for _, of in batch.items} == {lane}
        assert 0 < len(refs) <= BATCH_ITEMS
        if batch.attempt == 1:
            assert all(ref in self.outcomes for ref in self.in_flight.get(lane, [])), "one batch in flight per lane"
            assert not any(ref in self.outcomes for ref in refs)
            self.firsts += 1
            self.in_flight[lane] = refs
        else:
            unanswered = [ref for ref in self.in_flight[lane] if ref not in self.outcomes]
            assert refs == unanswered, "a resend repeats what has no answer"
            if ticking and lane not in self.provoked:
                self.repeats += 1
        self.provoked.discard(lane)
        assert all(self.now - self.born[ref] < GIVE_UP - TTL for ref in refs)
        if self.link == "up":
            self.copies[batch.tag] = Copy(lane, refs, self.now)
            self.lanes.sent(batch.tag, WAYS[batch.tag % 2])
        else:
            self.provoked.add(lane)
            reason = "full" if self.link == "full" else "no_peer"
            self.do(self.lanes.undeliverable(batch.tag, reason, self.now))

    def end(self, ref: int, code: str) -> None:
        assert ref not in self.outcomes, "answered once"
        self.outcomes[ref] = code
        stored = any(ref in log for log in self.log.values())
        if code not in ("", "unavailable"):
            assert not stored, "a refusal is never wrong"
        if code:
            alive = [copy for copy in self.copies.values() if ref in copy.refs and self.now < copy.dies]
            assert not alive, "nothing that may still be stored is refused or given up"

    # What is always true ----------------------------------------------------

    @invariant()
    def the_log_has_the_order_in_which_commands_came(self):
        for log in self.log.values():
            assert log == sorted(log)

    @invariant()
    def what_was_refused_is_never_stored(self):
        for log in self.log.values():
            assert not [ref for ref in log if self.outcomes.get(ref, "") not in ("", "unavailable")]

    @invariant()
    def everyone_is_answered_in_time(self):
        late = [ref for ref, born in self.born.items() if ref not in self.outcomes and self.now - born > GIVE_UP + 0.5]
        assert not late

    @invariant()
    def what_is_kept_is_bounded_and_forgotten(self):
        assert 0 <= self.lanes.cost <= 20
        open_refs = self.born.keys() - self.outcomes.keys()
        assert (self.lanes.cost == 0) == (not open_refs)
        assert len(self.lanes._lanes) <= len(LANES)
        assert open_refs or not (self.lanes._lanes or self.lanes._by_ref or self.lanes._by_tag)

    @invariant()
    def silence_alone_repeats_a_tenth_at_most(self):
        assert self.repeats <= SHARE_AT_START + self.firsts * 0.1

    def teardown(self):
        if hasattr(self, "lanes"):
            for _ in range(25):
                self.pass_time(0.5)
            assert self.outcomes.keys() == self.born.keys()
            assert not self.lanes._lanes


LanesMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
TestLanes = LanesMachine.TestCase

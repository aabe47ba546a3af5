"""Who is alive: against a model that remembers every word ever heard."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.routing.roster import GONE_SECONDS, STALL_SECONDS, SUSPECT_SECONDS, Roster

NAMES = ("edge-1", "edge-2", "worker-1", "worker-2")
names = st.sampled_from(NAMES)


def role(name: str) -> str:
    return name.partition("-")[0]


class RosterMachine(RuleBasedStateMachine):
    """The model keeps times of last words in a plain dictionary, and judges only when the roster looks."""

    @initialize()
    def begin(self):
        self.now = 1_000.0
        self.looked: float | None = None
        self.roster = Roster()
        self.heard: dict[str, float] = {}
        self.suspects: set[str] = set()
        self.leaving: set[str] = set()
        self.told = self.shown()
        self.version = self.roster.version

    def shown(self):
        return {name: (node.role, node.suspect) for name, node in self.roster.nodes.items()}

    def role_of(self, name):
        return "" if name in self.leaving else role(name)

    @rule(name=names)
    def introduce(self, name):
        self.roster.introduce(name, role(name), self.now)
        self.heard[name] = self.now
        self.suspects.add(name)
        self.leaving.discard(name)

    @rule(name=names)
    def greet_again(self, name):
        self.roster.greeted(name, self.now)
        if name in self.heard:
            self.heard[name] = self.now

    @rule(name=names)
    def retire(self, name):
        assert self.roster.retire(name) == (name in self.heard and name not in self.leaving)
        if name in self.heard:
            self.leaving.add(name)

    @rule(name=names)
    def hear(self, name):
        self.roster.heard(name, self.now)
        if name in self.heard:
            self.heard[name] = self.now
            self.suspects.discard(name)

    @rule(name=names)
    def leave(self, name):
        assert self.roster.leave(name) == (name in self.heard)
        self.heard.pop(name, None)
        self.suspects.discard(name)
        self.leaving.discard(name)

    @rule(seconds=st.sampled_from([0.1, 0.3, 0.9, 1.1, 4.0]))
    def look(self, seconds):
        self.now += seconds
        if self.looked is not None and self.now - self.looked > STALL_SECONDS:
            self.heard = dict.fromkeys(self.heard, self.now)
        self.looked = self.now
        silent = {name: self.now - heard for name, heard in self.heard.items()}
        gone = {name for name, seconds in silent.items() if seconds >= GONE_SECONDS}
        suspected = {name for name, seconds in silent.items() if seconds >= SUSPECT_SECONDS} - gone - self.suspects
        assert tuple(map(set, self.roster.look(self.now))) == (suspected, gone)
        self.suspects = (self.suspects | suspected) - gone
        for name in gone:
            del self.heard[name]
            self.leaving.discard(name)

    @invariant()
    def everyone_and_nobody_else_is_in_it(self):
        assert self.shown() == {name: (self.role_of(name), name in self.suspects) for name in self.heard}

    @invariant()
    def whatever_changes_has_a_new_version(self):
        if self.shown() != self.told:
            assert self.roster.version > self.version
        self.told, self.version = self.shown(), self.roster.version

    @invariant()
    def suspects_are_chosen_only_where_there_is_nobody_else(self):
        for of in ("edge", "worker"):
            named = {name for name in self.heard if self.role_of(name) == of}
            assert set(self.roster.of_role(of)) == ((named - self.suspects) or named)


RosterMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestRoster = RosterMachine.TestCase


def test_a_roster_that_was_stopped_itself_suspects_nobody():
    """Everyone seems silent then, and their words wait unread."""
    roster = Roster()
    roster.introduce("edge-1", "edge", 0.0)
    roster.heard("edge-1", 0.0)
    roster.look(0.0)
    assert roster.look(60.0) == ([], [])
    assert roster.look(60.9) == ([], [])
    assert roster.look(61.5) == (["edge-1"], [])
    assert roster.look(62.4) == ([], [])
    assert roster.look(63.0) == ([], ["edge-1"])

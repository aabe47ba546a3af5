"""Where accounts are connected: against a model that knows what each edge had announced under each number."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.wire.payloads import Audience, AudienceSeen, AudienceWanted
from workers.fanout import audience as audience_module
from workers.fanout.audience import Audiences

NORTH, SOUTH = "edge-north", "edge-south"
ANN, BOB, EVE = "ann", "bob", "eve"
EVERYONE = (ANN, BOB, EVE)


@pytest.fixture
def audiences() -> Audiences:
    """Ann is at the north edge, as its snapshot number 1 said."""
    audiences = Audiences()
    audiences.edges([NORTH])
    audiences.told(NORTH, Audience(1, True, (ANN,)))
    return audiences


def test_an_edge_of_which_nothing_is_known_is_sent_everything():
    audiences = Audiences()
    assert audiences.edges([SOUTH, NORTH]) == [NORTH, SOUTH]
    assert audiences.edges([SOUTH, NORTH]) == []
    assert audiences.by_edge(EVERYONE) == {NORTH: EVERYONE, SOUTH: EVERYONE}
    assert audiences.edges([SOUTH]) == []
    assert audiences.by_edge(EVERYONE) == {SOUTH: EVERYONE}


def test_a_snapshot_tells_all_and_deltas_go_on_from_it(audiences: Audiences):
    assert audiences.by_edge(EVERYONE) == {NORTH: (ANN,)}
    assert audiences.told(NORTH, Audience(2, False, (BOB, ANN), ())) == AudienceSeen(2)
    assert audiences.by_edge(EVERYONE) == {NORTH: (ANN, BOB)}
    assert audiences.told(NORTH, Audience(3, False, (), (ANN, EVE))) == AudienceSeen(3)
    assert audiences.by_edge(EVERYONE) == {NORTH: (BOB,)}
    assert audiences.told(NORTH, Audience(4, True, (EVE,))) == AudienceSeen(4)
    assert audiences.by_edge(EVERYONE) == {NORTH: (EVE,)}


def test_an_account_may_be_at_several_edges(audiences: Audiences):
    audiences.told(SOUTH, Audience(1, True, (ANN, EVE)))
    assert audiences.by_edge((ANN,)) == {NORTH: (ANN,), SOUTH: (ANN,)}
    audiences.told(SOUTH, Audience(2, False, (), (ANN,)))
    assert audiences.by_edge((ANN,)) == {NORTH: (ANN,)}


def test_a_missed_number_makes_the_edge_unknown_until_its_next_snapshot(audiences: Audiences):
    assert audiences.told(NORTH, Audience(3, False, (BOB,))) == AudienceWanted()
    assert audiences.by_edge((EVE,)) == {NORTH: (EVE,)}
    assert audiences.told(NORTH, Audience(4, False, (BOB,))) == AudienceWanted()
    assert audiences.told(NORTH, Audience(5, True, (BOB,))) == AudienceSeen(5)
    assert audiences.by_edge(EVERYONE) == {NORTH: (BOB,)}


def test_until_the_last_part_of_a_snapshot_the_edge_is_sent_everything(audiences: Audiences):
    assert audiences.told(NORTH, Audience(2, True, (ANN,), more=True)) == AudienceSeen(2)
    assert audiences.by_edge(EVERYONE) == {NORTH: EVERYONE}
    assert audiences.told(NORTH, Audience(3, False, (BOB,))) == AudienceSeen(3)
    assert audiences.by_edge(EVERYONE) == {NORTH: (ANN, BOB)}


def test_what_was_doubled_or_overtaken_changes_nothing(audiences: Audiences):
    audiences.told(NORTH, Audience(2, False, (BOB,)))
    version = audiences.version
    assert audiences.told(NORTH, Audience(2, False, (EVE,))) == AudienceSeen(2)
    assert audiences.told(NORTH, Audience(1, True, (EVE,))) == AudienceSeen(2)
    assert audiences.by_edge(EVERYONE) == {NORTH: (ANN, BOB)}
    assert audiences.version == version


def test_a_snapshot_from_before_an_edge_was_lost_sight_of_is_not_believed_when_it_is_back(audiences: Audiences):
    audiences.told(NORTH, Audience(2, False, (BOB,)))
    audiences.edges([])
    assert audiences.by_edge(EVERYONE) == {}
    assert audiences.edges([NORTH]) == [NORTH]
    assert audiences.told(NORTH, Audience(1, True, (ANN,))) == AudienceWanted()
    assert audiences.by_edge(EVERYONE) == {NORTH: EVERYONE}


def test_an_empty_delta_is_confirmed_and_costs_nobody_a_new_route(audiences: Audiences):
    version = audiences.version
    assert audiences.told(NORTH, Audience(2, False)) == AudienceSeen(2)
    assert audiences.version == version


def test_the_numbers_of_edges_that_are_long_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch, audiences: Audiences):
    monkeypatch.setattr(audience_module, "REMEMBERED", 1)
    audiences.told(SOUTH, Audience(7, True, (BOB,)))
    audiences.edges([SOUTH])
    assert audiences.told(NORTH, Audience(1, True, (ANN,))) == AudienceSeen(1)
    assert audiences.told(SOUTH, Audience(7, True, ())) == AudienceSeen(7)


edges = st.sampled_from([NORTH, SOUTH])


class AudiencesMachine(RuleBasedStateMachine):
    """Two edges announce, what they say is lost, doubled and overtaken, they go and come back.

    The model is a list per edge: what was connected there after each number. Whatever arrives, an edge is either sent
    everything, or exactly what it announced under the last number that was confirmed, and that never goes backwards.
    """

    @initialize()
    def begin(self) -> None:
        self.audiences = Audiences()
        self.states: dict[str, list[frozenset[str]]] = {NORTH: [frozenset()], SOUTH: [frozenset()]}
        self.said: dict[str, list[Audience]] = {NORTH: [], SOUTH: []}
        self.seen = {NORTH: 0, SOUTH: 0}
        self.alive: set[str] = set()
        self.known: set[str] = set()
        self.routes: dict[str, tuple[str, ...]] = {}
        self.version = self.audiences.version

    @rule(edge=edges, account=st.sampled_from(EVERYONE), arrives=st.booleans())
    def somebody_comes_or_goes(self, edge: str, account: str, arrives: bool) -> None:
        states = self.states[edge]
        add, remove = (set(), {account}) if account in states[-1] else ({account}, set())
        self.said[edge].append(Audience(len(states), False, tuple(sorted(add)), tuple(sorted(remove))))
        states.append((states[-1] | add) - remove)
        if arrives:
            self.hear(edge, self.said[edge][-1])

    @rule(edge=edges, cut=st.integers(0, 3), arrives=st.booleans())
    def edge_says_a_snapshot(self, edge: str, cut: int, arrives: bool) -> None:
        self.snapshot(edge, cut)
        if arrives:
            for told in self.said[edge][-2:]:
                self.hear(edge, told)

    def snapshot(self, edge: str, cut: int) -> None:
        """What the edge says, in two parts if it is cut short."""
        states = self.states[edge]
        accounts = tuple(sorted(states[-1]))
        first, rest = accounts[:cut], accounts[cut:]
        self.said[edge].append(Audience(len(states), True, first, (), more=bool(rest)))
        states.append(states[-1])
        if rest:
            self.said[edge].append(Audience(len(states), False, rest))
            states.append(states[-1])

    @precondition(lambda self: any(self.said.values()))
    @rule(data=st.data(), back=st.integers(0, 4))
    def something_arrives(self, data: st.DataObject, back: int) -> None:
        edge = data.draw(st.sampled_from([edge for edge, said in self.said.items() if said]))
        told = self.said[edge][-1 - min(back, len(self.said[edge]) - 1)]
        self.hear(edge, told)

    @precondition(lambda self: any(self.seen[edge] < len(self.said[edge]) for edge in self.known))
    @rule()
    def what_follows_arrives(self) -> None:
        for edge in sorted(self.known):
            if self.seen[edge] < len(self.said[edge]):
                self.hear(edge, self.said[edge][self.seen[edge]])

    def hear(self, edge: str, told: Audience) -> None:
        answer = self.audiences.told(edge, told)
        if isinstance(answer, AudienceSeen):
            assert answer.number >= max(told.number, self.seen[edge])
            self.seen[edge] = answer.number
            self.known.add(edge)
        else:
            self.known.discard(edge)

    @rule(edge=edges, there=st.booleans())
    def roster_changes(self, edge: str, there: bool) -> None:
        self.alive = self.alive | {edge} if there else self.alive - {edge}
        new = self.audiences.edges(self.alive)
        assert set(new) <= self.alive - self.known
        self.known &= self.alive

    @invariant()
    def each_edge_gets_everything_or_what_it_announced(self) -> None:
        routes = self.audiences.by_edge(EVERYONE)
        for edge in (NORTH, SOUTH):
            got = frozenset(routes.get(edge, ()))
            if edge not in self.known:
                assert got == (frozenset(EVERYONE) if edge in self.alive or got else frozenset())
            elif self.said[edge][self.seen[edge] - 1].more:
                assert got == frozenset(EVERYONE)
            else:
                assert got == self.states[edge][self.seen[edge]]

    @invariant()
    def version_tells_of_every_change(self) -> None:
        routes = self.audiences.by_edge(EVERYONE)
        if routes != self.routes:
            assert self.audiences.version != self.version
        self.routes, self.version = routes, self.audiences.version


TestAudiences = AudiencesMachine.TestCase
TestAudiences.settings = settings(max_examples=150, stateful_step_count=30)


def test_an_account_is_as_present_as_its_most_present_edge():
    audiences = Audiences()
    audiences.edges(["edge-1", "edge-2"])
    assert not audiences.settled
    audiences.away("edge-1", ["ann"])
    audiences.told("edge-1", Audience(1, True, ("ann", "bob")))
    audiences.told("edge-2", Audience(1, True, ("ann",)))
    assert audiences.settled
    assert [audiences.state_of(account) for account in ("ann", "bob", "eve")] == ["online", "online", None]
    audiences.away("edge-2", ["ann"])
    assert audiences.state_of("ann") == "away"
    audiences.away("edge-1", [])
    assert audiences.state_of("ann") == "online"
    audiences.edges(["edge-2"])
    assert [audiences.state_of(account) for account in ("ann", "bob")] == ["away", None]
    audiences.away("edge-9", ["ann"])
    assert audiences.state_of("ann") == "away"

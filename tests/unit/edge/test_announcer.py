"""What an edge tells fanout of its accounts; and, with the other end, over a channel that keeps no promise at all."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.wire.payloads import Audience, AudienceSeen, AudienceWanted
from edge import announcer as announcer_module
from edge.announcer import PAUSE_SECONDS, RESEND_SECONDS, Announce, Announcer
from workers.fanout.audience import Audiences

WORKER, OTHER = "fanout-1", "fanout-2"
ANN, BOB, EVE = "ann", "bob", "eve"


class Edge:
    """An announcer and the accounts that are connected."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.announcer = Announcer(lambda: self.accounts)

    def arrive(self, account: str) -> None:
        self.accounts.add(account)
        self.announcer.arrived(account)

    def leave(self, account: str) -> None:
        self.accounts.discard(account)
        self.announcer.left(account)


@pytest.fixture
def edge() -> Edge:
    """Ann is here, and one worker knows it."""
    edge = Edge()
    edge.arrive(ANN)
    edge.announcer.flush(0.0)
    edge.announcer.workers([WORKER], 0.0)
    edge.announcer.seen(WORKER, 1, 0.0)
    return edge


def waited(edge: Edge) -> tuple[int, list[str]]:
    """Begin a wait: for how many workers, and where it is noted when one of them is done."""
    done: list[str] = []
    return edge.announcer.when_confirmed(lambda: done.append("done")), done


def test_a_new_worker_is_told_everything():
    edge = Edge()
    edge.arrive(BOB)
    edge.arrive(ANN)
    assert edge.announcer.workers([OTHER, WORKER], 0.0) == [
        Announce(WORKER, Audience(1, True, (ANN, BOB))),
        Announce(OTHER, Audience(2, True, (ANN, BOB))),
    ]
    assert edge.announcer.workers([WORKER, OTHER], 0.0) == []


def test_an_edge_without_anybody_says_so():
    assert Edge().announcer.workers([WORKER], 0.0) == [Announce(WORKER, Audience(1, True))]


def test_what_changes_in_one_turn_leaves_as_one_delta(edge: Edge):
    edge.arrive(BOB)
    edge.leave(ANN)
    edge.arrive(EVE)
    edge.leave(EVE)
    assert edge.announcer.dirty
    (announce,) = edge.announcer.flush(0.0)
    assert announce.audience.number == 2
    assert not announce.audience.snapshot
    assert announce.audience.add == (BOB,)
    assert set(announce.audience.remove) == {ANN, EVE}
    assert edge.announcer.flush(0.0) == []


def test_who_leaves_and_comes_back_in_one_turn_stayed(edge: Edge):
    edge.leave(ANN)
    edge.arrive(ANN)
    assert edge.announcer.flush(0.0) == [Announce(WORKER, Audience(2, False, (ANN,)))]


def test_a_snapshot_for_a_stranger_is_none(edge: Edge):
    assert edge.announcer.snapshot(OTHER, 0.0) == []
    edge.announcer.seen(OTHER, 1, 0.0)


def test_a_snapshot_holds_what_is_not_flushed_yet(edge: Edge):
    edge.arrive(BOB)
    edge.leave(ANN)
    assert edge.announcer.snapshot(WORKER, 0.0) == [Announce(WORKER, Audience(2, True, (BOB,)))]


def test_a_large_snapshot_comes_in_parts_and_the_last_says_so(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(announcer_module, "CHUNK_ACCOUNTS", 2)
    edge.arrive(BOB)
    edge.arrive(EVE)
    assert edge.announcer.snapshot(WORKER, 0.0) == [
        Announce(WORKER, Audience(2, True, (ANN, BOB), more=True)),
        Announce(WORKER, Audience(3, False, (EVE,))),
    ]


def test_a_worker_that_does_not_confirm_for_a_second_is_told_everything_anew(edge: Edge):
    edge.arrive(BOB)
    edge.announcer.flush(10.0)
    assert edge.announcer.late(10.0 + RESEND_SECONDS / 2) == []
    assert edge.announcer.late(10.0 + RESEND_SECONDS) == [Announce(WORKER, Audience(3, True, (ANN, BOB)))]
    assert edge.announcer.late(10.1 + RESEND_SECONDS) == []
    edge.announcer.seen(WORKER, 3, 11.2)
    assert edge.announcer.late(11.9 + RESEND_SECONDS) == []


def test_only_a_new_confirmation_gives_a_worker_more_time(edge: Edge):
    edge.arrive(BOB)
    edge.announcer.flush(10.0)
    edge.announcer.seen(WORKER, 1, 10.9)
    assert len(edge.announcer.late(10.0 + RESEND_SECONDS)) == 1


def test_a_worker_that_heard_nothing_for_a_while_hears_an_empty_delta(edge: Edge):
    assert edge.announcer.late(PAUSE_SECONDS - 1) == []
    assert edge.announcer.late(PAUSE_SECONDS) == [Announce(WORKER, Audience(2, False))]


def test_the_numbers_of_a_worker_that_comes_back_go_on(edge: Edge):
    edge.announcer.workers([], 0.0)
    assert edge.announcer.workers([WORKER], 0.0) == [Announce(WORKER, Audience(2, True, (ANN,)))]
    edge.announcer.seen(WORKER, 1, 0.0)
    assert waited(edge)[0] == 1


def test_nobody_waits_when_all_is_confirmed(edge: Edge):
    assert waited(edge)[0] == 0


def test_a_wait_ends_when_what_was_flushed_before_it_is_confirmed(edge: Edge):
    edge.announcer.workers([WORKER, OTHER], 0.0)
    edge.announcer.seen(OTHER, 2, 0.0)
    edge.arrive(BOB)
    edge.announcer.flush(0.0)
    count, done = waited(edge)
    edge.arrive(EVE)
    edge.announcer.flush(0.0)
    later, done_later = waited(edge)
    assert (count, later) == (2, 2)
    edge.announcer.seen(WORKER, 2, 0.0)
    assert (len(done), len(done_later)) == (1, 0)
    edge.announcer.seen(WORKER, 3, 0.0)
    assert (len(done), len(done_later)) == (1, 1)


def test_a_confirmation_of_what_was_never_said_counts_for_nothing(edge: Edge):
    edge.arrive(BOB)
    edge.announcer.flush(0.0)
    _, done = waited(edge)
    edge.announcer.seen(WORKER, 99, 0.0)
    assert done == []


def test_nobody_waits_for_a_worker_that_is_gone(edge: Edge):
    edge.arrive(BOB)
    edge.announcer.flush(0.0)
    _, done = waited(edge)
    edge.announcer.workers([], 0.0)
    assert done == ["done"]


# Both ends, searched for counterexamples ------------------------------------

NORTH = "edge-north"
accounts = st.sampled_from([ANN, BOB, EVE])
workers = st.sampled_from([WORKER, OTHER])


class ChannelMachine(RuleBasedStateMachine):
    """One edge, two workers; whatever is said may be lost, doubled and overtaken; each may lose sight of the other.

    Once an account's announcement was confirmed by a worker, that worker sends its events to the edge, as long as the
    account stays and both see each other. When the channel keeps quiet, all agree; and no wait lasts for ever.
    """

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.edge = Edge()
        self.ends = {WORKER: Audiences(), OTHER: Audiences()}
        self.to_workers: list[tuple[str, Audience]] = []
        self.to_edge: list[tuple[str, AudienceSeen | AudienceWanted]] = []
        self.seen_by_edge: set[str] = set()
        self.seen_by_worker: set[str] = set()
        self.waits: dict[int, int] = {}
        self.asked: dict[int, set[str]] = {}
        self.waiting_for: dict[int, str] = {}
        self.promised: set[tuple[str, str]] = set()
        self.stays: Counter[str] = Counter()
        self.chunk, announcer_module.CHUNK_ACCOUNTS = announcer_module.CHUNK_ACCOUNTS, 1
        self.see_everybody()
        self.deliver_everything()

    # Accounts

    @rule(account=accounts, flush=st.booleans())
    def somebody_comes_or_goes(self, account: str, flush: bool) -> None:
        if account in self.edge.accounts:
            self.edge.leave(account)
            self.stays[account] += 1
            self.promised = {(worker, one) for worker, one in self.promised if one != account}
            for wait, one in self.waiting_for.items():
                if one == account:  # whoever waited is gone; one who comes back waits anew
                    self.asked[wait].clear()
        else:
            self.edge.arrive(account)
        if flush:
            self.flush()

    @rule()
    def flush(self) -> None:
        self.send(self.edge.announcer.flush(self.now))

    @rule(account=accounts)
    def hello_waits(self, account: str) -> None:
        """As `announced` does: flush, then wait for each worker that the edge sees."""
        if account not in self.edge.accounts:
            self.edge.arrive(account)
        self.flush()
        wait, stay = len(self.waits), self.stays[account]

        def done() -> None:
            self.waits[wait] -= 1
            if self.waits[wait] == 0:
                self.promise(account, wait, stay)

        self.asked[wait] = self.seen_by_edge & self.seen_by_worker
        self.waiting_for[wait] = account
        self.waits[wait] = self.edge.announcer.when_confirmed(done)
        if not self.waits[wait]:
            self.promise(account, wait, stay)

    def promise(self, account: str, wait: int, stay: int) -> None:
        """What was announced is there, unless the account left meanwhile: then it is told anew, and promised anew."""
        if account in self.edge.accounts and stay == self.stays[account]:
            self.promised |= {(worker, account) for worker in self.asked[wait]}

    # The channel

    def send(self, announcements: list[Announce]) -> None:
        self.to_workers += announcements

    @precondition(lambda self: self.to_workers)
    @rule(at=st.integers(-2, 2), keep=st.booleans())
    def worker_hears(self, at: int, keep: bool) -> None:
        at = max(0, min(at, len(self.to_workers) - 1))
        worker, audience = self.to_workers[at] if keep else self.to_workers.pop(at)
        self.to_edge.append((worker, self.ends[worker].told(NORTH, audience)))

    @precondition(lambda self: self.to_edge)
    @rule(at=st.integers(-2, 2), keep=st.booleans())
    def edge_hears(self, at: int, keep: bool) -> None:
        at = max(0, min(at, len(self.to_edge) - 1))
        worker, answer = self.to_edge[at] if keep else self.to_edge.pop(at)
        if isinstance(answer, AudienceSeen):
            self.edge.announcer.seen(worker, answer.number, self.now)
        else:
            self.send(self.edge.announcer.snapshot(worker, self.now))

    @precondition(lambda self: self.to_workers or self.to_edge)
    @rule()
    def deliver_everything(self) -> None:
        while self.to_workers or self.to_edge:
            if self.to_workers:
                self.worker_hears(0, keep=False)
            else:
                self.edge_hears(0, keep=False)

    @precondition(lambda self: self.to_workers)
    @rule()
    def what_is_for_the_workers_is_lost(self) -> None:
        self.to_workers.clear()

    @precondition(lambda self: self.to_edge)
    @rule()
    def what_is_for_the_edge_is_lost(self) -> None:
        self.to_edge.clear()

    @rule(seconds=st.sampled_from([0.1, RESEND_SECONDS, PAUSE_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.send(self.edge.announcer.late(self.now))

    # Who sees whom

    @rule(worker=workers, back=st.booleans())
    def edge_loses_sight_of_a_worker(self, worker: str, back: bool) -> None:
        self.part(worker)
        self.seen_by_edge.discard(worker)
        self.send(self.edge.announcer.workers(self.seen_by_edge, self.now))
        if back:
            self.seen_by_edge.add(worker)
            self.send(self.edge.announcer.workers(self.seen_by_edge, self.now))

    @rule(worker=workers, back=st.booleans())
    def worker_loses_sight_of_the_edge(self, worker: str, back: bool) -> None:
        self.part(worker)
        assert self.ends[worker].edges([]) == []
        self.seen_by_worker.discard(worker)
        if back:
            self.worker_sees_the_edge(worker)

    def worker_sees_the_edge(self, worker: str) -> None:
        self.seen_by_worker.add(worker)
        for _ in self.ends[worker].edges([NORTH]):
            self.to_edge.append((worker, AudienceWanted()))

    def part(self, worker: str) -> None:
        """Nothing is promised between two that do not see each other."""
        self.promised = {(one, account) for one, account in self.promised if one != worker}
        for asked in self.asked.values():
            asked.discard(worker)

    @rule()
    def see_everybody(self) -> None:
        for worker in (WORKER, OTHER):
            self.worker_sees_the_edge(worker)
        self.seen_by_edge = {WORKER, OTHER}
        self.send(self.edge.announcer.workers(self.seen_by_edge, self.now))

    # What holds

    @invariant()
    def what_was_confirmed_is_delivered(self) -> None:
        for worker, account in self.promised:
            assert NORTH in self.ends[worker].by_edge([account])

    def teardown(self) -> None:
        """Everybody sees everybody, nothing gets lost any more: a few seconds later all agree."""
        if not hasattr(self, "chunk"):
            return
        announcer_module.CHUNK_ACCOUNTS = self.chunk
        self.see_everybody()
        self.flush()
        for _ in range(2):
            self.deliver_everything()
            self.time_passes(PAUSE_SECONDS)
        self.deliver_everything()
        for end in self.ends.values():
            told = end.by_edge([ANN, BOB, EVE]).get(NORTH, ())
            assert set(told) == self.edge.accounts
        assert not any(self.waits.values()), "a wait lasts for ever"


TestChannel = ChannelMachine.TestCase
TestChannel.settings = settings(max_examples=300, stateful_step_count=40)

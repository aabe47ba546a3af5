"""Credit between two ends, over a transport that loses whatever it likes."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.flow.credit import Gate, Ledger

WINDOW, LIMIT = 1_000, 3_000


class CreditMachine(RuleBasedStateMachine):
    """A gate here, a ledger there; batches are lost or arrive, in order. Counts travel with them.

    Order is kept, nothing vanishes but what the transport lost, and no loss ever costs credit for good.
    """

    @initialize()
    def begin(self):
        self.gate: Gate[int] = Gate(WINDOW, LIMIT)
        self.ledger = Ledger(WINDOW)
        self.next = 0
        self.costs: dict[int, int] = {}
        self.accepted: list[int] = []
        self.left: list[int] = []
        self.held: list[int] = []
        self.out: list[tuple[int, list[int]]] = []
        self.back: list[int] = []

    @rule(cost=st.integers(1, 1_500))
    def offer(self, cost):
        waits = self.gate.waiting_cost
        item = self.next
        self.next += 1
        assert self.gate.offer(item, cost) == (waits + cost <= LIMIT)
        if waits + cost <= LIMIT:
            self.costs[item] = cost
            self.accepted.append(item)

    @rule(items=st.integers(1, 5), cost=st.integers(1, 2_000))
    def send(self, items, cost):
        before = self.gate.sent
        taken = self.gate.take(items, cost)
        spent = sum(self.costs[item] for item in taken)
        assert len(taken) <= items
        assert spent <= cost or len(taken) == 1
        assert self.gate.sent == before + spent
        self.left += taken
        self.out.append((self.gate.sent, taken))

    @rule(items=st.integers(1, 5))
    def send_in_vain(self, items):
        """EAGAIN: it is put back, as if nothing had been taken."""
        before = self.gate.sent, self.gate.waiting_cost
        taken = self.gate.take(items, 2_000)
        self.gate.put_back([(item, self.costs[item]) for item in taken])
        assert before == (self.gate.sent, self.gate.waiting_cost)

    @rule(keep=st.booleans(), number=st.integers(2, 4))
    def drop(self, keep, number):
        """What is removed is gone from the promise too."""
        dropped = self.gate.drop() if not keep else self.gate.drop(lambda item: item % number == 0)
        self.accepted = [item for item in self.accepted if item not in dropped]

    @precondition(lambda self: self.out)
    @rule(lost=st.booleans())
    def arrive(self, lost):
        sent, items = self.out.pop(0)
        if not lost:
            self.ledger.received(sent)
            for item in items:
                self.ledger.hold(self.costs[item])
                self.held.append(item)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def use_up(self, data):
        item = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.ledger.release(self.costs[item])

    @rule()
    def answer(self):
        due = self.ledger.due
        self.back.append(self.ledger.tell())
        assert not self.ledger.due, due

    @precondition(lambda self: self.back)
    @rule(lost=st.booleans())
    def answered(self, lost):
        consumed = self.back.pop(0)
        if not lost:
            self.gate.granted(consumed)

    @rule()
    def lies_change_nothing(self):
        """Counts beyond what was sent."""
        credit = self.gate.credit
        self.gate.granted(self.gate.sent + 1)
        assert self.gate.credit == credit

    @rule()
    def quiet(self):
        """A heartbeat each way, everything used up: then credit is whole again, whatever was lost before."""
        self.out.clear()
        self.back.clear()
        for item in self.held:
            self.ledger.release(self.costs[item])
        self.held.clear()
        self.ledger.received(self.gate.sent)
        self.gate.granted(self.ledger.tell())
        assert self.gate.credit == WINDOW
        assert self.gate.ready == bool(len(self.gate))

    @invariant()
    def order_is_kept_and_nothing_is_lost(self):
        left = set(self.left)
        waiting = [item for item in self.accepted if item not in left]
        assert self.left == sorted(self.left)
        assert [item for item, _ in self.gate._waiting] == waiting
        assert self.gate.waiting_cost == sum(self.costs[item] for item in waiting) <= LIMIT

    @invariant()
    def no_more_is_out_than_the_window_or_a_single_large_one(self):
        assert self.gate.credit >= 0 or self.gate.sent - self.gate._consumed <= 1_500

    @invariant()
    def what_is_held_is_never_given_back(self):
        """The receiver's memory: what it holds stays within one window, or is a single large one."""
        held = sum(self.costs[item] for item in self.held)
        assert self.ledger.consumed + held <= self.gate.sent
        assert held <= max(WINDOW, 1_500)


CreditMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestCredit = CreditMachine.TestCase


def test_an_item_larger_than_the_window_leaves_when_nothing_else_is_out():
    gate: Gate[str] = Gate(100, 10_000)
    gate.offer("small", 10)
    gate.offer("large", 500)
    assert gate.take(10, 1_000) == ["small"]
    gate.granted(10)
    assert gate.take(10, 100) == ["large"]


def test_a_new_life_starts_counting_at_zero_and_keeps_what_waits():
    gate: Gate[str] = Gate(100, 1_000)
    gate.offer("one", 60)
    gate.offer("two", 60)
    assert gate.take(10, 1_000) == ["one"]
    gate.restart()
    assert (gate.sent, gate.credit, len(gate)) == (0, 100, 1)
    assert gate.take(10, 1_000) == ["two"]


def test_a_quarter_of_the_window_is_worth_a_batch_of_its_own():
    ledger = Ledger(1_000)
    ledger.received(249)
    assert not ledger.due
    ledger.received(250)
    assert ledger.due
    assert ledger.tell() == 250
    assert not ledger.due


def test_what_was_told_once_is_not_taken_back():
    ledger = Ledger(1_000)
    ledger.received(100)
    assert ledger.tell() == 100
    ledger.hold(50)
    assert ledger.tell() == 100


def test_what_waits_is_as_old_as_the_time_for_which_nothing_left():
    gate: Gate[str] = Gate(WINDOW, 3 * WINDOW)
    gate.look(1.0)
    assert gate.age(5.0) == 0.0, "nothing waits"
    for item in ("first", "second", "third"):
        assert gate.offer(item, WINDOW)
    gate.take(10, 10_000)
    assert gate.age(5.0) == 0.0, "it has not been looked at yet"
    gate.look(5.0)
    gate.look(6.0)
    assert gate.age(7.0) == 2.0
    gate.granted(WINDOW)
    gate.take(10, 10_000)
    assert gate.age(8.0) == 0.0, "another is the first now"
    gate.look(8.0)
    assert gate.age(8.5) == 0.5

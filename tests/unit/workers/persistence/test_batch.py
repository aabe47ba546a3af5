"""The queue before the log: order, bounds, repeats, deadlines."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.wire.payloads import Act, Command, Create, Join, Message, Rename
from workers.persistence.batch import Entry, Queue

FOREVER = 1e9


def command(conversation: str = "c", id: str = "1", act: Act | None = None, actor: str = "ann") -> Command:
    """A command whose ids are short names: the queue does not look into them."""
    return Command(0, conversation, actor, id, act or Message("hi"))


class Feeder:
    """Feeds a queue with commands of print `f` and cost 1 unless told otherwise, and numbers the waiters."""

    def __init__(self, **bounds: int) -> None:
        self.queue: Queue[int] = Queue(**bounds)
        self.waiters = 0

    def offer(self, command: Command, print_: bytes = b"f", cost: int = 1, deadline: float = FOREVER) -> bool:
        self.waiters += 1
        return self.queue.offer(command, print_, cost, deadline, self.waiters)

    def take(self, now: float = 0.0, **bounds: int) -> list[str]:
        """The ids of the next batch."""
        return [entry.command.id for entry in self.queue.take(now, **bounds).entries]


@pytest.fixture
def feeder() -> Feeder:
    return Feeder()


def test_one_conversation_leaves_in_the_order_it_came(feeder):
    """Messages only: they all fit into one batch."""
    for id in "123":
        feeder.offer(command(id=id))
    assert feeder.take() == ["1", "2", "3"]
    assert feeder.take() == []


def test_what_is_not_a_message_stands_before_the_messages_of_its_conversation(feeder):
    """Messages may follow it; one behind a message waits for the next batch, and all that came after it too."""
    feeder.offer(command(id="create", act=Create("subject")))
    feeder.offer(command(id="rename", act=Rename("another")))
    feeder.offer(command(id="1"))
    feeder.offer(command(id="join", act=Join("bob")))
    feeder.offer(command(id="2"))
    feeder.offer(command("other", id="3"))
    assert feeder.take() == ["create", "rename", "1", "3"]
    assert feeder.take() == ["join", "2"]


def test_a_repeat_joins_the_command_that_waits_already(feeder):
    """One entry, two who are answered; also under the deadline of the later copy."""
    feeder.offer(command(), deadline=5.0)
    feeder.offer(command(), deadline=8.0)
    (entry,) = feeder.queue.take(now=6.0).entries
    assert entry.waiters == [1, 2]
    assert feeder.queue.merged == 1


def test_a_repeat_joins_the_command_that_is_being_appended(feeder):
    """The edge's resend arrives during the append: nothing new goes to the log."""
    feeder.offer(command())
    (entry,) = feeder.queue.take(0.0).entries
    feeder.offer(command())
    assert entry.waiters == [1, 2]
    assert feeder.take() == []


def test_after_the_answer_a_repeat_starts_anew(feeder):
    """The log itself knows the id then."""
    feeder.offer(command())
    (entry,) = feeder.queue.take(0.0).entries
    feeder.queue.done(entry)
    feeder.offer(command())
    assert feeder.take() == ["1"]


def test_another_command_under_the_same_id_waits_for_a_later_batch(feeder):
    """The log tells which of them the id belongs to; repeats of either join their own."""
    feeder.offer(command(), b"first")
    feeder.offer(command(act=Message("other")), b"second")
    feeder.offer(command(id="2"))
    feeder.offer(command(act=Message("other")), b"second")
    feeder.offer(command(), b"first")
    (first,) = feeder.queue.take(0.0).entries
    assert (first.fingerprint, first.waiters) == (b"first", [1, 5])
    second, third = feeder.queue.take(0.0).entries
    assert (second.fingerprint, second.waiters, third.command.id) == (b"second", [2, 4], "2")


def test_the_same_id_of_another_actor_or_conversation_is_another_command(feeder):
    """The key is all three."""
    feeder.offer(command())
    feeder.offer(command(actor="bob"))
    feeder.offer(command("other"))
    assert len(feeder.take()) == 3


def test_a_full_queue_refuses_but_still_lets_repeats_join():
    """Full is full also while the entries are being appended; done makes room."""
    feeder = Feeder(most_items=2)
    assert feeder.offer(command(id="1"))
    assert feeder.offer(command(id="2"))
    assert not feeder.offer(command(id="3"))
    assert feeder.offer(command(id="1"))
    batch = feeder.queue.take(0.0)
    assert not feeder.offer(command(id="3"))
    feeder.queue.done(batch.entries[0])
    assert feeder.offer(command(id="3"))


def test_cost_is_bounded_too():
    """Few large commands fill the queue like many small ones."""
    feeder = Feeder(most_cost=10)
    assert feeder.offer(command(id="1"), cost=6)
    assert not feeder.offer(command(id="2"), cost=5)
    assert feeder.offer(command(id="3"), cost=4)
    assert (feeder.queue.items, feeder.queue.cost) == (2, 10)


def test_the_next_to_die_is_the_first_of_some_conversation(feeder):
    assert feeder.queue.next_deadline() is None
    feeder.offer(command("busy", id="1"), deadline=7.0)
    feeder.offer(command("busy", id="2"), deadline=4.0)
    feeder.offer(command("quiet", id="3"), deadline=6.0)
    assert feeder.queue.next_deadline() == 6.0
    feeder.take()
    assert feeder.queue.next_deadline() is None


def test_a_batch_is_bounded_and_conversations_take_turns(feeder):
    """A conversation that filled a batch goes behind those that got nothing."""
    for id in "1234":
        feeder.offer(command("busy", id=id))
    feeder.offer(command("quiet", id="5"))
    assert feeder.take(most=3) == ["1", "2", "3"]
    assert feeder.take(most=3) == ["5", "4"]


def test_a_batch_of_large_commands_ends_early_but_never_empty(feeder):
    """One append is not to hold the log for long, however large its commands."""
    for id in "123":
        feeder.offer(command(id=id), cost=60)
    assert feeder.take(most_cost=100) == ["1", "2"]
    assert feeder.take(most_cost=1) == ["3"]


def test_what_died_waiting_is_handed_out_as_expired(feeder):
    """It is not stored, it does not count, and the next of its conversation may stand first."""
    feeder.offer(command(id="1", act=Join("bob")), deadline=5.0)
    feeder.offer(command(id="2", act=Join("eve")), deadline=9.0)
    batch = feeder.queue.take(now=5.0, most=1)
    assert [entry.command.id for entry in batch.expired] == ["1"]
    assert [entry.command.id for entry in batch.entries] == ["2"]


def test_the_dead_can_be_taken_out_while_the_log_stands_still(feeder):
    """Of every conversation, wherever they stand; the living keep their order."""
    feeder.offer(command("a", id="1"), deadline=9.0)
    feeder.offer(command("a", id="2"), deadline=5.0)
    feeder.offer(command("a", id="3"), deadline=9.0)
    feeder.offer(command("b", id="4"), deadline=5.0)
    assert [entry.command.id for entry in feeder.queue.expire(5.0)] == ["2", "4"]
    assert feeder.queue.waiting == 2
    assert feeder.take(now=6.0) == ["1", "3"]
    assert feeder.queue.expire(10.0) == []


def test_a_held_conversation_waits_in_order_while_the_others_go_on(feeder):
    """What was handed out already is first again, before what came meanwhile; a repeat still joins it."""
    for id in "12":
        feeder.offer(command("a", id=id))
    feeder.queue.hold(feeder.queue.take(0.0).entries)
    feeder.offer(command("a", id="3"))
    feeder.offer(command("a", id="1"))
    feeder.offer(command("b", id="4"))
    assert feeder.take() == ["4"]
    assert (feeder.queue.held, feeder.queue.waiting) == ({"a"}, 3)
    feeder.queue.let_go({"a", "b"})
    entries = feeder.queue.take(0.0).entries
    assert [(entry.command.id, len(entry.waiters)) for entry in entries] == [("1", 2), ("2", 1), ("3", 1)]


def test_what_dies_in_a_held_conversation_is_taken_out(feeder):
    """Its senders hear of it in time, although nothing of it may leave."""
    feeder.offer(command("a", id="1"), deadline=5.0)
    feeder.queue.hold(feeder.queue.take(0.0).entries)
    assert [entry.command.id for entry in feeder.queue.expire(5.0)] == ["1"]
    assert feeder.take() == []


class QueueMachine(RuleBasedStateMachine):
    """Whatever is offered, taken, expired, answered: order is kept, nothing is lost or twice, bounds hold."""

    MOST_ITEMS, MOST_COST, MOST = 12, 60, 4

    def __init__(self) -> None:
        super().__init__()
        self.queue: Queue[int] = Queue(self.MOST_ITEMS, self.MOST_COST)
        self.now = 0.0
        self.accepted = 0
        self.refused = 0
        self.flying: list[Entry[int]] = []
        self.settled: list[int] = []
        self.wishes: dict[int, tuple[str, Act]] = {}
        self.order: dict[str, list[int]] = defaultdict(list)
        self.left: dict[str, list[int]] = defaultdict(list)

    @rule(
        conversation=st.sampled_from("ab"),
        offers=st.lists(
            st.tuples(
                st.sampled_from("12345"),
                st.sampled_from(["x", "y", None]),
                st.integers(1, 9),
                st.integers(1, 5),
            ),
            min_size=1,
            max_size=5,
        ),
    )
    def offer_some(self, conversation: str, offers: list[tuple[str, str | None, int, int]]) -> None:
        for id, body, cost, life in offers:
            self.offer(conversation, id, Join("bob") if body is None else Message(body), cost, life)

    def offer(self, conversation: str, id: str, act: Act, cost: int, life: int) -> None:
        number = self.accepted + self.refused
        self.wishes[number] = (id, act)
        before = self.queue.items
        if self.queue.offer(command(conversation, id, act), repr(act).encode(), cost, self.now + life, number):
            self.accepted += 1
            if self.queue.items > before:
                self.order[conversation].append(number)
        else:
            self.refused += 1
            assert before == self.MOST_ITEMS or self.queue.cost + cost > self.MOST_COST

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        batch = self.queue.take(self.now, self.MOST, 20)
        assert len(batch.entries) <= self.MOST
        assert batch.entries or batch.expired or not self.queue.waiting or self.queue.held
        assert not any(entry.command.conversation in self.queue.held for entry in batch.entries)
        assert all(entry.deadline > self.now for entry in batch.entries)
        assert all(entry.deadline <= self.now for entry in batch.expired)
        keys = Counter((entry.command.conversation, entry.command.id) for entry in batch.entries)
        assert max(keys.values(), default=1) == 1
        for before, after in pairwise(batch.entries):
            if before.command.conversation == after.command.conversation:
                assert isinstance(after.command.act, Message) or not isinstance(before.command.act, Message)
        conversations = [entry.command.conversation for entry in batch.entries]
        assert sum(a != b for a, b in pairwise(conversations)) == max(len(set(conversations)) - 1, 0)
        self.leave(batch.entries)
        self.settle(batch.expired)
        self.flying += batch.entries

    @rule()
    def expire(self) -> None:
        dead = self.queue.expire(self.now)
        assert all(entry.deadline <= self.now for entry in dead)
        self.settle(dead)
        assert not self.queue.expire(self.now)

    @rule(conversation=st.sampled_from("ab"))
    def hold(self, conversation: str) -> None:
        back = [entry for entry in self.flying if entry.command.conversation == conversation]
        self.flying = [entry for entry in self.flying if entry not in back]
        self.left[conversation] = self.left[conversation][: len(self.left[conversation]) - len(back)]
        self.queue.hold(back)

    @rule(conversations=st.sets(st.sampled_from("ab")))
    def let_go(self, conversations: set[str]) -> None:
        self.queue.let_go(conversations)

    @rule(count=st.integers(1, 4))
    def answer(self, count: int) -> None:
        answered, self.flying = self.flying[:count], self.flying[count:]
        self.settle(answered)

    def leave(self, entries: list[Entry[int]]) -> None:
        for entry in entries:
            self.left[entry.command.conversation].append(entry.waiters[0])

    def settle(self, entries: list[Entry[int]]) -> None:
        for entry in entries:
            self.queue.done(entry)
            self.settled += entry.waiters
            wish = (entry.command.id, entry.command.act)
            assert all(self.wishes[waiter] == wish for waiter in entry.waiters)

    @invariant()
    def per_conversation_order_is_kept(self) -> None:
        for conversation, left in self.left.items():
            assert left == sorted(left)
            assert set(left) <= set(self.order[conversation])

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        assert len(set(self.settled)) == len(self.settled) <= self.accepted

    @invariant()
    def bounds_hold(self) -> None:
        assert 0 <= self.queue.items <= self.MOST_ITEMS
        assert 0 <= self.queue.cost <= self.MOST_COST
        assert self.queue.waiting == self.queue.items - len(self.flying)

    def teardown(self) -> None:
        """Taken to its end, every accepted waiter has been answered, and the queue is as new."""
        self.settle(self.flying)
        self.queue.let_go("ab")
        for _ in range(self.MOST_ITEMS + 1):
            batch = self.queue.take(self.now, self.MOST, 20)
            self.settle([*batch.entries, *batch.expired])
        assert len(self.settled) == self.accepted
        assert (self.queue.items, self.queue.cost, self.queue.waiting) == (0, 0, 0)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=150, stateful_step_count=40)

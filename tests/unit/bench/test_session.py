"""One connection of a client, without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from bench.effects import Applied, Bye, CaughtUp, Complaint, Left, Ready, Reload
from bench.fold import Folds
from bench.outbox import Ack, Frame, Outbox, Refusal
from bench.session import TRANSITIONS, Phase, Session, Timing

ME, TALK = "me", "talk"


def ready(*, epoch: str = "e", conversations: tuple[Frame, ...] = ()) -> Frame:
    account = {"id": ME, "name": "Ada", "role": "client"}
    return {
        "type": "ready",
        "account": account,
        "epoch": epoch,
        "heartbeat": 25,
        "conversations": list(conversations),
    }


def event(seq: int, conversation: str = TALK) -> Frame:
    return {"type": "event", "conversation": conversation, "seq": seq, "kind": "x", "actor": "bob", "at": "t"}


def caught_up(seq: int, **fields: Any) -> Frame:
    return {"type": "caught_up", "conversation": TALK, "seq": seq, **fields}


class World:
    """A session that is live at time 0, with one cursor."""

    def __init__(self, cursors: dict[str, int] | None = None, epoch: str | None = "e") -> None:
        self.folds = Folds(epoch, {TALK: 2} if cursors is None else cursors)
        self.outbox = Outbox()
        self.session = Session(self.folds, self.outbox, Timing(), now=0.0)
        self.hello = self.session.hello("t", "test/1", 0.0)

    def live(self, **fields: Any) -> World:
        self.session.receive(ready(**fields), 0.0)
        for conversation in self.hello["cursors"]:
            self.session.receive({"type": "caught_up", "conversation": conversation, "seq": 0}, 0.0)
        return self

    def types(self, now: float) -> list[str]:
        return [frame["type"] for frame in self.session.due(now)]


def test_hello_carries_token_epoch_and_cursors():
    assert World().hello == {
        "type": "hello",
        "client": "test/1",
        "token": "t",
        "epoch": "e",
        "cursors": {TALK: 2},
    }
    fresh = World({}, epoch=None)
    assert "epoch" not in fresh.hello
    assert "token" not in fresh.session.hello(None, "test/1", 0.0)


def test_nothing_is_written_before_ready_and_silence_ends_it():
    world = World()
    world.outbox.add({"type": "send", "id": "1", "conversation": TALK})
    assert world.session.due(1.0) == []
    assert world.session.wake(1.0) == 10.0
    assert world.session.due(10.0) == []
    assert world.session.phase is Phase.DEAD


def test_after_ready_commands_go_out():
    world = World().live()
    world.outbox.add({"type": "send", "id": "1", "conversation": TALK})
    assert world.types(0.0) == ["send"]
    ack = {"type": "ack", "id": "1", "conversation": TALK, "seq": 3, "at": "t"}
    assert world.session.receive(ack, 0.0) == [Ack("1", TALK, 3, "t")]
    assert world.session.receive(ack, 0.0) == []


def test_ready_tells_where_logs_stand_that_we_never_read():
    listed = {"id": "aside", "head": 9, "read": 4, "unread": 5}
    world = World().live(conversations=(listed,))
    fold = world.folds["aside"]
    assert (fold.cursor, fold.read, fold.unread, fold.gap) == (9, 4, 5, None)


def test_a_gap_is_no_gap_while_the_replay_runs():
    world = World()
    listed = {"id": TALK, "head": 5, "read": 0, "unread": 0}
    assert [type(e) for e in world.session.receive(ready(conversations=(listed,)), 0.0)] == [Ready]
    assert world.session.replaying
    assert world.session.receive(event(3), 0.0) == [Applied(event(3))]
    assert world.session.due(0.0) == []
    world.session.receive(event(4), 0.0)
    world.session.receive(event(5), 0.0)
    assert world.session.receive(caught_up(5), 0.0) == [CaughtUp(TALK)]
    assert not world.session.replaying


def test_a_replay_that_left_something_out_is_repaired_by_sync():
    world = World()
    world.session.receive(ready(), 0.0)
    assert world.session.receive(caught_up(4), 0.0) == []
    assert world.session.due(0.0) == [{"type": "sync", "conversation": TALK, "after": 2, "limit": 200}]


def test_a_gap_is_asked_for_once_until_the_answer_and_then_from_where_it_ended():
    world = World().live()
    for seq in (5, 6):
        assert world.session.receive(event(seq), 0.0) == []
    assert world.types(0.0) == ["sync"]
    world.session.receive(event(8), 0.0)
    assert world.types(0.0) == []
    world.session.receive(event(3), 0.0)
    world.session.receive(caught_up(3, head=8), 0.0)
    assert world.session.due(0.0)[0]["after"] == 3


def test_a_sync_that_brought_nothing_is_not_repeated_at_once():
    world = World().live()
    world.session.receive(event(5), 0.0)
    world.session.due(0.0)
    world.session.receive(caught_up(2, head=5), 0.0)
    assert world.types(0.5) == []
    assert world.session.wake(0.5) == 1.0
    assert world.types(1.0) == ["sync"]


def test_an_unanswered_sync_is_repeated():
    world = World().live()
    world.session.receive(event(5), 0.0)
    assert world.types(0.0) == ["sync"]
    assert world.session.wake(0.0) == 8.0
    assert world.types(8.0) == ["sync"]


def test_a_reloaded_conversation_asks_for_what_came_meanwhile():
    world = World().live()
    world.session.reloaded(TALK)
    assert world.types(0.0) == ["sync"]


@pytest.mark.parametrize("end", ["stale", "not a member"])
def test_nothing_is_asked_for_a_conversation_in_doubt_or_left(end):
    world = World().live()
    world.session.reloaded(TALK)
    if end == "stale":
        world.folds[TALK].doubt()
    else:
        world.folds[TALK].member = False
    assert world.types(0.0) == []


def test_the_heartbeat_tells_heads_and_silence_after_it_is_death():
    world = World().live()
    assert world.types(24.9) == []
    assert world.session.due(25.0) == [{"type": "ping", "heads": {TALK: 2}}]
    assert world.session.wake(25.0) == 33.0
    world.session.receive({"type": "pong", "time": "t"}, 26.0)
    assert world.session.due(33.0) == []
    assert world.types(50.0) == ["ping"]
    world.session.due(58.0)
    assert world.session.phase is Phase.DEAD


def test_more_heads_than_fit_are_those_last_active():
    world = World({f"c{n}": 1 for n in range(300)}).live()
    heads = world.session.due(25.0)[-1]["heads"]
    assert len(heads) == 200
    assert next(iter(heads)) == "c299"


def test_cursors_beyond_what_hello_may_carry_follow_as_sync():
    world = World({f"c{n}": 1 for n in range(502)})
    assert len(world.hello["cursors"]) == 500
    world.session.receive(ready(), 0.0)
    assert [frame["conversation"] for frame in world.session.due(0.0)] == ["c0", "c1"]


def test_another_epoch_puts_in_doubt_what_hello_did_not_carry():
    world = World({f"c{n}": 1 for n in range(501)})
    effects = world.session.receive(ready(epoch="new"), 0.0)
    assert effects[1:] == [Reload("c0", "epoch")]
    assert world.folds["c0"].stale
    assert not world.folds["c500"].stale


def test_resync_of_all_puts_every_fold_in_doubt():
    world = World().live()
    assert world.session.receive({"type": "resync", "reason": "epoch"}, 0.0) == [Reload(None, "epoch")]
    assert world.folds[TALK].stale
    assert world.session.due(25.0) == [{"type": "ping", "heads": {}}]


def test_resync_not_member_ends_a_membership():
    world = World().live()
    frame = {"type": "resync", "conversation": TALK, "reason": "not_member"}
    assert world.session.receive(frame, 0.0) == [Left(TALK)]
    assert world.folds.cursors() == {}


def test_a_replay_that_stalls_is_taken_over_by_sync():
    world = World()
    world.session.receive(ready(), 0.0)
    assert world.types(25.0) == ["ping"]
    world.session.receive({"type": "pong"}, 25.0)
    world.session.due(50.0)
    world.session.receive({"type": "pong"}, 50.0)
    assert world.types(51.0) == ["sync"]


def test_bye_lets_answers_come_and_nothing_go():
    world = World().live()
    world.outbox.add({"type": "send", "id": "1", "conversation": TALK})
    world.session.due(0.0)
    bye = {"type": "bye", "reason": "draining", "reconnect_after": 1.5}
    assert world.session.receive(bye, 0.0) == [Bye("draining", 1.5)]
    world.outbox.add({"type": "send", "id": "2", "conversation": "other"})
    assert world.session.due(0.0) == []
    assert world.session.wake(0.0) == 25.0
    assert world.session.receive({"type": "ack", "id": "1", "seq": 1, "at": "t"}, 0.0)


def test_errors_belong_to_a_command_or_are_complaints():
    world = World().live()
    world.outbox.add({"type": "send", "id": "1", "conversation": TALK})
    world.session.due(0.0)
    refused = world.session.receive({"type": "error", "id": "1", "code": "forbidden", "message": "No."}, 0.0)
    assert refused == [Refusal("1", TALK, "forbidden", "No.")]
    assert world.session.receive({"type": "error", "id": "1", "code": "forbidden"}, 0.0) == []
    assert world.session.receive({"type": "error", "code": "bad_frame"}, 0.0) == [Complaint("bad_frame", "")]


def test_a_refused_attempt_is_the_outboxs_business():
    world = World().live()
    world.outbox.add({"type": "send", "id": "1", "conversation": TALK})
    world.session.due(0.0)
    error = {"type": "error", "id": "1", "code": "overloaded", "retry_after": 3.0}
    assert world.session.receive(error, 0.0) == []
    assert world.session.wake(0.0) == 3.0
    assert world.types(3.0) == ["send"]


def test_an_own_receipt_moves_the_marker_and_others_do_not():
    world = World().live()
    receipt = {"type": "receipt", "conversation": TALK, "account": ME, "read": 2}
    world.session.receive(receipt, 0.0)
    world.session.receive({**receipt, "account": "bob", "read": 9}, 0.0)
    assert world.folds[TALK].read == 2


def test_unknown_frames_mean_nothing():
    assert World().session.receive({"type": "weather"}, 0.0) == []


def test_a_hurried_heartbeat_goes_out_at_once():
    world = World().live()
    world.session.hurry()
    assert world.types(0.0) == ["ping"]


def test_every_phase_has_an_answer_to_every_step():
    steps = {step for row in TRANSITIONS.values() for step in row}
    assert all(row.keys() == steps for row in TRANSITIONS.values())
    assert set(TRANSITIONS) == set(Phase)

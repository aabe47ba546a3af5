"""The checker is believed because each fault that it knows, planted in a sound history, is found, and nothing else."""

from __future__ import annotations

import pytest

from tests.faults.checker import KINDS, judge
from tests.faults.history import History, Shown, Stored

ROOM = "room"
ANN, BOB, EVE = "ann", "bob", "eve"


def sound() -> History:
    """Ann, who began the room with Bob, says three things; Bob leaves, returns, and hears it all."""
    history = History()
    log = [
        Stored(1, "created", ANN, "c0", members=frozenset({ANN, BOB})),
        Stored(2, "message", ANN, "m1"),
        Stored(3, "message", ANN, "m2"),
        Stored(4, "member_left", ANN, "leave", account=BOB),
        Stored(5, "message", ANN, "m3"),
        Stored(6, "member_joined", ANN, "join", account=BOB),
    ]
    history.logs[ROOM] = log
    for event in log[1:]:
        history.called(event.id, ANN, "ann-1", ROOM, "send", float(event.seq))
        history.sent(event.id)
        http = event.kind.startswith("member")
        history.acked(event.id, None if http else event.seq, event.seq + 0.5)
    history.called("refused", ANN, "ann-1", ROOM, "send", 7.0)
    history.sent("refused")
    history.refused("refused", "invalid", 7.1)
    history.called("silence", ANN, "ann-1", ROOM, "send", 8.0)
    history.sent("silence")
    history.refused("silence", "unavailable", 18.0)
    bob = history.reader("bob-1", BOB)
    for event in log:
        late = 6.2 if event.seq > 4 else event.seq + 0.1
        history.heard(bob, heard(event), late)
    bob.folds[ROOM] = Shown(3, {3: "two", 5: "three"})
    history.truth[ROOM] = {2: "one", 3: "two", 5: "three"}
    return history


def heard(event: Stored, **other):
    told = {"conversation": ROOM, "seq": event.seq, "kind": event.kind, "actor": event.actor}
    return {**told, **({"id": event.id} if event.kind == "message" else {}), **other}


def test_a_sound_history_has_no_fault_and_is_counted():
    verdict = judge(sound())
    assert verdict.sound, verdict.faults
    assert (verdict.acked, verdict.failed, verdict.open, verdict.stored, verdict.heard) == (5, 1, 1, 6, 6)
    assert tuple(verdict.counts) == KINDS


def lost(history):
    history.called("gone", ANN, "ann-1", ROOM, "send", 9.0)
    history.sent("gone")
    history.acked("gone", 7, 9.1)


def lost_without_a_seq(history):
    history.called("gone", ANN, "ann-1", ROOM, "join", 9.0)
    history.acked("gone", None, 9.1)


def stored_twice(history):
    history.logs[ROOM].append(Stored(7, "message", ANN, "m1"))


def stored_under_another_id(history):
    history.logs[ROOM].append(Stored(7, "message", ANN, "m1-again"))


def acknowledged_elsewhere(history):
    history.acked("m2", 2, 9.0)


def hole(history):
    history.called("m8", ANN, "ann-1", ROOM, "send", 9.0)
    history.logs[ROOM] += [Stored(8, "message", ANN, "m8")]


def inverted(history):
    for id, seq in (("late", 8), ("early", 7)):
        history.called(id, ANN, "ann-1", ROOM, "send", 9.0)
        history.sent(id)
        history.acked(id, seq, 9.1)
    history.logs[ROOM] += [Stored(7, "message", ANN, "early"), Stored(8, "message", ANN, "late")]


def readers_disagree(history):
    history.heard(history.reader("ann-1", ANN), heard(history.logs[ROOM][1], id="m9"), 3.0)


def heard_what_is_not_there(history):
    history.heard(history.reader("ann-1", ANN), heard(Stored(9, "message", ANN, "m9")), 9.0)


def handed_twice(history):
    reader = history.reader("ann-1", ANN)
    for _ in range(2):
        history.heard(reader, heard(history.logs[ROOM][1]), 3.0)


def diverged(history):
    history.readers["bob-1"].folds[ROOM] = Shown(3, {3: "two", 5: "drei"})


def forgotten(history):
    history.readers["bob-1"].folds[ROOM] = Shown(2, {2: "one", 5: "three"})


def aborted(history):
    history.logs[ROOM].append(Stored(7, "message", ANN, "refused"))


def never_a_member(history):
    history.heard(history.reader("eve-1", EVE), heard(history.logs[ROOM][1]), 3.0)


def heard_while_away(history):
    bob = history.readers["bob-1"]
    bob.heard[ROOM] = [(seq, kind, actor, id, 5.2 if seq == 5 else at) for seq, kind, actor, id, at in bob.heard[ROOM]]


def stale(history):
    history.stale.append("bob-1 is behind in room for 34 s")


PLANTED = [
    (lost, "lost"),
    (lost_without_a_seq, "lost"),
    (stored_twice, "duplicated"),
    (stored_under_another_id, "duplicated"),
    (acknowledged_elsewhere, "duplicated"),
    (hole, "misordered"),
    (inverted, "misordered"),
    (readers_disagree, "misordered"),
    (heard_what_is_not_there, "misordered"),
    (handed_twice, "misordered"),
    (diverged, "diverged"),
    (forgotten, "diverged"),
    (aborted, "aborted"),
    (never_a_member, "unentitled"),
    (heard_while_away, "unentitled"),
    (stale, "stale"),
]


@pytest.mark.parametrize(("plant", "kind"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_is_planted_is_found(plant, kind):
    history = sound()
    plant(history)
    verdict = judge(history)
    assert [found for found, count in verdict.counts.items() if count] == [kind], verdict.faults


def test_a_command_sent_again_after_a_later_one_may_lie_behind_it():
    history = sound()
    for id in ("first", "second"):
        history.called(id, ANN, "ann-1", ROOM, "send", 9.0)
        history.sent(id)
    history.refused("first", "overloaded", 9.1)
    history.acked("second", 7, 9.2)
    history.sent("first")
    history.acked("first", 8, 9.3)
    history.logs[ROOM] += [Stored(7, "message", ANN, "second"), Stored(8, "message", ANN, "first")]
    assert judge(history).sound


def test_what_a_returning_member_reads_of_its_absence_is_fair():
    history = sound()
    bob = history.readers["bob-1"]
    assert [seq for seq, *_ in bob.heard[ROOM]] == [1, 2, 3, 4, 5, 6]
    assert judge(history).sound

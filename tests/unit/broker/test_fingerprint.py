"""The fingerprint tells one command from another under the same id."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from broker.wire.fingerprint import SIZE, fingerprint
from broker.wire.payloads import Command, Commands, Create, Join, Leave, Message, decode, encode

ANN, BOB = str(uuid4()), str(uuid4())


def test_the_same_act_has_the_same_fingerprint_also_after_a_journey_over_the_wire():
    """A resend that came by another broker must be seen as the same command."""
    act = Message("hello", reply_to=3, mentions=(ANN,))
    command = Command(1, str(uuid4()), ANN, str(uuid4()), act)
    travelled = decode(encode(Commands((command,))))
    assert isinstance(travelled, Commands)
    assert fingerprint(travelled.items[0].act) == fingerprint(act)
    assert len(fingerprint(act)) == SIZE == 16


def test_every_field_and_every_kind_counts():
    """Another body, target, mention or kind of act is another command."""
    acts = [
        Message("a"),
        Message("b"),
        Message("a", reply_to=1),
        Message("a", mentions=(ANN,)),
        Create("a"),
        Create("a", members=(ANN,)),
        Create("a", project=ANN),
        Join(ANN),
        Join(BOB),
        Leave(ANN),
    ]
    assert len({fingerprint(act) for act in acts}) == len(acts)


def test_a_field_that_a_later_release_adds_changes_no_fingerprint():
    """An id sent before the upgrade and again after it is still the same command."""

    class LaterMessage(msgspec.Struct, frozen=True, array_like=True, tag="message"):
        body: str
        reply_to: int | None = None
        mentions: tuple[str, ...] = ()
        attachments: tuple[str, ...] = ()

    assert fingerprint(LaterMessage("a", reply_to=1)) == fingerprint(Message("a", reply_to=1))
    assert fingerprint(LaterMessage("a", attachments=(ANN,))) != fingerprint(Message("a"))

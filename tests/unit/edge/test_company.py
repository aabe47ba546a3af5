"""What clients say of themselves is passed on sparingly, and what fanout must know is said again and again."""

from __future__ import annotations

import pytest

from broker.wire.payloads import Away, Presence, PresenceOf, Typed, Typing, Watch
from edge.socket import company as company_module
from edge.socket import frames
from edge.socket.company import AWAY_AGAIN_SECONDS, LOOKS_BURST, Company
from edge.socket.hub import Hub
from edge.socket.session import Event, Session
from edge.socket.watches import WATCHES_A_SESSION
from tests.unit.edge.test_session import Port

ROOM = "5d3c8a44-21c7-4f6e-9a8b-3f0c2f1d7e10"


class World:
    def __init__(self):
        self.now = 100.0
        self.hub = Hub()
        self.said = []
        self.company = Company(self.hub, lambda conversation, payload: self.said.append(payload), self.said.append)

    def session(self, account):
        session = Session(f"session of {account}", Port(), binary=False)
        session.account = account
        session.step(Event.HELLO)
        session.step(Event.READY)
        self.hub.attach(account, session)
        return session

    def heard(self, kind):
        found = [payload for payload in self.said if isinstance(payload, kind)]
        self.said[:] = [payload for payload in self.said if not isinstance(payload, kind)]
        return found


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(company_module.time, "monotonic", lambda: world.now)
    return world


def test_who_types_on_and_off_as_fast_as_he_can_is_told_of_twice_in_two_seconds(world):
    ann = world.session("ann")
    for n in range(100):
        world.company.said(ann, frames.Typing(ROOM, n % 2 == 0))
    assert world.heard(Typed) == [Typed(ROOM, "ann", True), Typed(ROOM, "ann", False)]
    world.now += 2
    world.company.said(ann, frames.Typing(ROOM, True))
    assert world.heard(Typed) == [Typed(ROOM, "ann", True)]


def test_an_end_without_a_beginning_is_nothing(world):
    world.company.said(world.session("ann"), frames.Typing(ROOM, False))
    assert world.said == []


def test_who_looks_at_too_much_at_a_time_is_refused_until_he_looks_away(world):
    ann = world.session("ann")
    for n in range(WATCHES_A_SESSION + 1):
        ann.looks_due = 0.0
        world.company.said(ann, frames.Watch(f"room-{n}"))
    assert b"rate_limited" in ann.port.frames[-1]
    assert b"retry_after" not in ann.port.frames[-1], "no time to wait would help"


def test_who_looks_here_and_there_as_fast_as_he_can_is_stopped(world):
    ann = world.session("ann")
    for _ in range(100):
        world.company.said(ann, frames.Watch(ROOM))
        world.company.said(ann, frames.Unwatch(ROOM))
    assert len(world.heard(Watch)) <= LOOKS_BURST + 1
    refused = [written for written in ann.port.frames if b"rate_limited" in written]
    assert refused
    assert all(b"retry_after" in written for written in refused), "there is a time to wait"
    world.now += 60
    world.company.said(ann, frames.Watch(ROOM))
    assert world.heard(Watch) == [Watch(ROOM, ("ann",), ("ann",))]


def test_that_nobody_is_away_is_said_again_too_for_the_word_may_be_lost(world):
    ann = world.session("ann")
    world.company.said(ann, frames.Presence("away"))
    world.company.tick(world.now)
    assert world.heard(Away) == [Away(("ann",))]
    world.company.said(ann, frames.Presence("online"))
    world.company.tick(world.now + 1)
    assert world.heard(Away) == [Away(())]
    world.company.tick(world.now + 2)
    assert world.heard(Away) == []
    world.company.tick(world.now + 1 + AWAY_AGAIN_SECONDS)
    assert world.heard(Away) == [Away(())]


def test_an_account_is_away_when_all_its_sessions_are(world):
    one, other = world.session("ann"), world.session("ann")
    world.company.said(one, frames.Presence("away"))
    world.company.tick(world.now)
    assert world.heard(Away) == [Away(())]
    world.company.said(other, frames.Presence("away"))
    world.company.tick(world.now + 1)
    assert world.heard(Away) == [Away(("ann",))]
    world.company.left(other)
    world.hub.detach("ann", other)
    world.company.tick(world.now + AWAY_AGAIN_SECONDS + 1)
    assert world.heard(Away) == [Away(("ann",))]


def test_only_those_who_look_and_may_are_told_how_others_are(world):
    ann, bob, eve = (world.session(account) for account in ("ann", "bob", "eve"))
    for session in (ann, eve):
        world.company.said(session, frames.Watch(ROOM))
    world.company.presence(Presence(ROOM, ("ann", "bob"), (PresenceOf("bob", "online"),)))
    assert [len(session.port.frames) for session in (ann, bob, eve)] == [1, 0, 0]


def test_typing_is_told_to_the_recipients_here(world):
    ann, bob = world.session("ann"), world.session("bob")
    world.company.typing(Typing(ROOM, "eve", True, ("ann", "carl")))
    assert [len(session.port.frames) for session in (ann, bob)] == [1, 0]


def test_when_workers_change_all_of_it_is_said_again(world):
    ann = world.session("ann")
    world.company.said(ann, frames.Watch(ROOM))
    world.company.tick(world.now)
    world.said.clear()
    world.company.roster_changed()
    world.company.tick(world.now + 1)
    assert world.heard(Watch) == [Watch(ROOM, ("ann",))]
    assert world.heard(Away) == [Away(())]


def test_a_session_that_leaves_looks_at_nothing(world):
    ann = world.session("ann")
    world.company.said(ann, frames.Watch(ROOM))
    world.said.clear()
    world.company.left(ann)
    assert world.heard(Watch) == [Watch(ROOM, ())]

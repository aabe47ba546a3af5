"""The users of the Locust suite: people who talk, a large room, people who come back, a quiet crowd."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from typing import ClassVar

import gevent
from locust import User, constant, task
from locust.exception import StopUser

from bench.backoff import full_jitter
from bench.dial import source
from bench.effects import Applied, Effect, Reload
from bench.fold import Folds, Id
from bench.green.person import Person
from bench.green.seats import Seat, Seats
from bench.green.stage import Stage
from bench.groups import SetupError
from bench.http import ApiError
from bench.outbox import Ack, Frame, Refusal

ANSWER_SECONDS = 30.0
READ_SECONDS = 1.0
READ_LOST_SECONDS = 15.0
RECONNECT_SECONDS = 60.0


class Failure(Exception):
    """What a user met; the message is how Locust counts it."""


class Parley(User):
    """A connected account; what it does there is its subclass's."""

    abstract = True
    proof: ClassVar[str]
    """What must have succeeded once, or a test with this class shows nothing."""
    wait_time = constant(0)
    stage: ClassVar[Stage]
    pipeline = 1
    dice = random.Random()

    def seats(self) -> Seats:
        """Where this class sits."""
        return self.stage.seats(type(self).__name__, self.stage.options.group)

    def on_start(self) -> None:
        """Sit down and come in."""
        self.sent_at: dict[Id, float] = {}
        try:
            self.seat: Seat = self.seats().take()
            self.person = Person(
                self.seat.url, hear=self.hear, act=self.act, pipeline=self.pipeline, source=self.source()
            )
            self.begin()
        except (SetupError, ApiError, OSError) as fault:
            self.stage.record("WS", "connect", 0.0, fault)
            raise StopUser from fault

    def source(self) -> tuple[str, int] | None:
        """From where to connect; None: the kernel decides."""
        return None

    def begin(self) -> None:
        """Take part."""
        self.conversations = self.seats().conversations(self.seat)
        self.stage.readers.append(self.person)
        self.come("connect")

    def on_stop(self) -> None:
        """Leave, for good."""
        if hasattr(self, "person"):
            self.person.disconnect()
            self.seats().give_back(self.seat)
            if self.person in self.stage.readers:
                self.stage.readers.remove(self.person)

    def come(self, name: str) -> None:
        """Connect until it works; every attempt is counted as `name`."""
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                self.person.connect(self.seat.who.token())
            except (OSError, ApiError) as fault:
                self.stage.record("WS", name, time.monotonic() - began, fault)
                gevent.sleep(full_jitter(attempt, self.dice))
                attempt += 1
                continue
            self.stage.record("WS", name, time.monotonic() - began)
            self.stage.connected += name == "connect"
            return

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, at most so long, and come back meanwhile if the connection breaks."""
        deadline = time.monotonic() + seconds
        while not true():
            if not self.person.live:
                self.stage.record("WS", "lost", 0.0, Failure(f"closed with {self.person.code}"))
                gevent.sleep(self.person.away_seconds)
                self.come("reconnect")
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.person.turn.clear()
            self.person.turn.wait(left)
            self.between()
        return True

    def rest(self, seconds: float) -> None:
        """Do nothing but listen."""
        self.until(lambda: False, seconds)

    def between(self) -> None:
        """Something happened while we waited."""

    def send(self, conversation: Id, body: str) -> Id:
        """Say something; the ack is counted when it comes."""
        id = str(uuid.uuid4())
        self.sent_at[id] = now = time.monotonic()
        self.stage.audit.sending(id, now)
        self.person.post({"type": "send", "id": id, "conversation": conversation, "body": body})
        return id

    def hear(self, frame: Frame) -> None:
        """A frame as it came."""

    def act(self, effect: Effect) -> None:
        """What frames meant."""
        now = time.monotonic()
        if isinstance(effect, Applied):
            event = effect.event
            took = self.stage.audit.applied(event["conversation"], event["seq"], event.get("id", ""), now)
            if took is not None:
                self.delivered(took)
        elif isinstance(effect, Ack):
            self.stage.audit.acked(effect.conversation, self.seat.who.account, effect.id, effect.seq)
            self.stage.record("WS", "ack", now - self.sent_at.pop(effect.id, now))
        elif isinstance(effect, Refusal):
            sent = self.sent_at.pop(effect.id, now)
            self.stage.record("WS", "ack", now - sent, Failure(effect.code))
        elif isinstance(effect, Reload):
            self.stage.record("WS", "resync", 0.0, Failure(effect.reason))

    def delivered(self, seconds: float) -> None:
        """A message of this process came in, so long after it was sent; also by replay, after an absence of ours."""
        session = self.person.session
        name = "replayed" if session is None or session.replaying else "delivery"
        self.stage.record("WS", name, seconds)


class Talker(Parley):
    """Says something every 1 to 3 s, types before, reads what comes, and reconnects once a minute."""

    proof = "delivery"

    def begin(self) -> None:
        """Spread the reconnects over the minute."""
        self.read_at = 0.0
        self.reading = self.read = 0
        super().begin()
        self.reconnect_at = time.monotonic() + random.uniform(0, RECONNECT_SECONDS)

    @task
    def talk(self) -> None:
        """One message."""
        (conversation,) = self.conversations
        pause, typing = random.uniform(1, 3), random.uniform(0.2, 0.8)
        self.rest(pause - typing)
        if self.stage.closing:
            return
        if time.monotonic() >= self.reconnect_at:
            self.reconnect_at += random.uniform(0.75, 1.25) * RECONNECT_SECONDS
            self.return_at_once()
        self.type(conversation, True)
        self.rest(typing)
        if self.stage.closing:
            return
        id = self.send(conversation, f"Load of {self.seat.number}, " + "x" * random.randint(10, 200))
        self.type(conversation, False)
        if not self.until(lambda: id not in self.person.outbox, ANSWER_SECONDS):
            self.stage.record("WS", "ack", ANSWER_SECONDS, Failure("no answer"))

    def type(self, conversation: Id, on: bool) -> None:
        """Begin or end typing."""
        if on:
            self.stage.typed_at[str(self.person.folds.account)] = time.monotonic()
        self.person.hint({"type": "typing", "conversation": conversation, "on": on})

    def return_at_once(self) -> None:
        """Hang up and come back; counted from there until all is caught up."""
        began = time.monotonic()
        self.person.disconnect()
        self.come("reconnect")
        if self.until(lambda: self.person.caught_up, ANSWER_SECONDS):
            self.stage.record("WS", "catch-up", time.monotonic() - began)
        else:
            self.stage.record("WS", "catch-up", ANSWER_SECONDS, Failure("not caught up"))

    def between(self) -> None:
        """Read what came, once a second at most."""
        now = time.monotonic()
        (conversation,) = self.conversations
        fold = self.person.folds.get(conversation)
        if self.reading:
            if now - self.read_at >= READ_LOST_SECONDS:
                self.stage.record("WS", "read", now - self.read_at, Failure("no receipt"))
                self.reading = 0
        elif fold is not None and fold.cursor > self.read and now - self.read_at >= READ_SECONDS:
            self.reading, self.read_at = fold.cursor, now
            self.person.read(conversation, fold.cursor)

    def hear(self, frame: Frame) -> None:
        """Receipts of one's own, and others who type."""
        now = time.monotonic()
        if frame["type"] == "receipt" and frame["account"] == self.person.folds.account:
            self.read = max(self.read, frame["read"])
            if self.reading and self.read >= self.reading:
                self.stage.record("WS", "read", now - self.read_at)
                self.reading = 0
        elif frame["type"] == "typing" and frame["on"] and frame["account"] != self.person.folds.account:
            typed = self.stage.typed_at.get(frame["account"])
            if typed is not None:
                self.stage.record("WS", "typing", now - typed)


class RoomMember(Parley):
    """All users in one conversation, of whom the first says something 20 times a second, whatever comes back."""

    proof = "delivery"
    pipeline = 200

    def seats(self) -> Seats:
        """One room for all."""
        return self.stage.seats("RoomMember", self.stage.options.num_users)

    @task
    def speak_or_listen(self) -> None:
        """Ten seconds of either."""
        (conversation,) = self.conversations
        if self.seat.index or self.stage.closing:
            self.rest(1.0)
            return
        every = 1 / self.stage.options.room_rate
        due = time.monotonic()
        for _ in range(int(10 / every)):
            self.rest(due - time.monotonic())
            if self.stage.closing:
                return
            self.send(conversation, "To all of you")
            due += every


class Returner(Parley):
    """Comes back again and again, far behind in many conversations; start all at once for a storm."""

    proof = "catch-up"
    pipeline = 100

    def seats(self) -> Seats:
        """Groups that share many conversations."""
        options = self.stage.options
        return self.stage.seats("Returner", options.group, options.cursors)

    def begin(self) -> None:
        """The first of a group says what all are going to be behind."""
        self.conversations = self.seats().conversations(self.seat)
        group = self.seat.group
        if not group.filling:
            group.filling = True
            self.come("connect")
            for conversation in self.conversations:
                for _ in range(self.stage.options.behind):
                    self.send(conversation, "While you were away")
            if not self.until(lambda: not self.person.outbox, 10 * ANSWER_SECONDS):
                raise SetupError("What is to be missed cannot be said.")
            group.filled.set(self.person.folds.epoch)
        self.epoch = group.filled.get()

    def delivered(self, seconds: float) -> None:
        """How long ago these were said says nothing."""

    @task
    def come_back(self) -> None:
        """From the handshake until all is caught up, and away again."""
        self.person.disconnect()
        self.person.folds = Folds(self.epoch, dict.fromkeys(self.conversations, 1))
        if self.stage.closing:
            gevent.sleep(1.0)
            return
        began = time.monotonic()
        self.come("reconnect")
        if not self.until(lambda: self.person.caught_up, ANSWER_SECONDS):
            self.stage.record("WS", "catch-up", ANSWER_SECONDS, Failure("not caught up"))
            return
        self.stage.record("WS", "catch-up", time.monotonic() - began)
        heads = {self.person.folds[one].cursor for one in self.conversations}
        if heads != {1 + self.stage.options.behind}:
            self.stage.record("WS", "catch-up", 0.0, Failure("a log is not whole"))
        self.person.disconnect()
        gevent.sleep(random.uniform(5, 15))


class Quiet(Parley):
    """Connected, and silent but for the heartbeat."""

    proof = "connect"

    @task
    def listen(self) -> None:
        """For ever."""
        self.rest(60.0)

    def source(self) -> tuple[str, int] | None:
        """One address has no ports for all of them."""
        return source(self.seat.url, self.seat.number)

    def begin(self) -> None:
        """No conversation."""
        self.come("connect")

    def seats(self) -> Seats:
        """Each alone."""
        return self.stage.seats("Quiet", 1)

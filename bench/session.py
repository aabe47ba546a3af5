"""One connection of a client, decided without a socket: what to write, what a frame means. Pure.

The shell hands in each frame and the time; it gets effects back, writes what `due` returns, and looks again
at `wake` at the latest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from bench.company import Company
from bench.effects import Applied, Bye, CaughtUp, Complaint, Effect, Left, Ready, Reload
from bench.fold import Event, Folds, Id
from bench.markers import Markers
from bench.outbox import Frame, Outbox

HELLO_CURSORS = 500
PING_HEADS = 200
SYNC_EVENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the protocol fixes, in seconds; tests make it shorter."""

    heartbeat: float | None = None
    """None: as `ready` says."""
    pong: float = 8.0
    sync: float = 8.0
    ready: float = 10.0
    replay: float = 30.0
    settle: float = 1.0
    """Wait before asking again for what a sync did not bring."""


class Phase(Enum):
    """The life of a connection; see `TRANSITIONS`."""

    GREETING = "greeting"
    LIVE = "live"
    DRAINING = "draining"
    DEAD = "dead"


TRANSITIONS = {
    Phase.GREETING: {"ready": Phase.LIVE, "bye": Phase.DRAINING, "silence": Phase.DEAD},
    Phase.LIVE: {"ready": Phase.LIVE, "bye": Phase.DRAINING, "silence": Phase.DEAD},
    Phase.DRAINING: {"ready": Phase.DRAINING, "bye": Phase.DRAINING, "silence": Phase.DEAD},
    Phase.DEAD: {"ready": Phase.DEAD, "bye": Phase.DEAD, "silence": Phase.DEAD},
}


class Session:
    """Greets, replays, repairs gaps, keeps the heartbeat, hands the outbox on."""

    def __init__(
        self,
        folds: Folds,
        outbox: Outbox,
        timing: Timing,
        *,
        now: float,
        markers: Markers | None = None,
        company: Company | None = None,
    ) -> None:
        self.folds = folds
        self.outbox = outbox
        self.timing = timing
        self.phase = Phase.GREETING
        self.heartbeat = timing.heartbeat or 25.0
        self.markers = markers if markers is not None else Markers()
        self.company = company if company is not None else Company()
        self._wanted: set[Id] = set()
        self._syncing: dict[Id, tuple[float, int]] = {}
        self._not_before: dict[Id, float] = {}
        self._replaying: dict[Id, float] = {}
        self._ping_at = now + timing.ready
        self._pong_by: float | None = now + timing.ready
        outbox.disconnected()
        self.markers.disconnected()
        self.company.disconnected()

    @property
    def replaying(self) -> bool:
        """Some conversation is still behind what the server had when we came."""
        return self.phase is Phase.GREETING or bool(self._replaying)

    def hello(self, token: str | None, client: str, now: float) -> Frame:
        """The first frame. What does not fit among its cursors follows as `sync` once we are ready."""
        cursors = list(self.folds.cursors().items())
        first = dict(cursors[:HELLO_CURSORS])
        self._replaying = dict.fromkeys(first, now)
        self._wanted.update(conversation for conversation, _ in cursors[HELLO_CURSORS:])
        frame: Frame = {"type": "hello", "client": client, "cursors": first}
        if token is not None:
            frame["token"] = token
        if self.folds.epoch is not None:
            frame["epoch"] = self.folds.epoch
        return frame

    def receive(self, frame: Frame, now: float) -> list[Effect]:
        """What a frame of the server means. Unknown types mean nothing."""
        match frame["type"]:
            case "event":
                return self._event(frame, now)
            case "ack":
                ack = self.outbox.acked(frame["id"], frame["seq"], frame["at"])
                return [] if ack is None else [ack]
            case "error":
                return self._error(frame, now)
            case "ready":
                return self._ready(frame, now)
            case "caught_up":
                return self._caught_up(frame, now)
            case "resync":
                return self._resync(frame)
            case "receipt":
                self._receipt(frame)
                return []
            case "typing":
                self.company.typing(frame["conversation"], frame["account"], frame["on"], now)
                return []
            case "presence":
                self.company.presence(frame["account"], frame["state"], frame.get("last_seen"))
                return []
            case "pong":
                self._pong_by = None
                return []
            case "bye":
                self._step("bye")
                return [Bye(frame.get("reason") or "", float(frame.get("reconnect_after") or 0.0))]
        return []

    def reloaded(self, conversation: Id) -> None:
        """The shell has restarted this fold from HTTP: ask for what came meanwhile."""
        self._wanted.add(conversation)

    def hurry(self) -> None:
        """Let the next `due` hold the heartbeat, whenever it was meant to be."""
        self._ping_at = 0.0

    def due(self, now: float) -> list[Frame]:
        """Frames to write now; none when `phase` is DEAD, the server being silent beyond its time."""
        if self._pong_by is not None and now >= self._pong_by:
            self._step("silence")
        if self.phase is not Phase.LIVE:
            return []
        frames = self._repairs(now)
        frames += self.outbox.due(now)
        frames += self.markers.due(now)
        frames += self.company.due()
        if now >= self._ping_at:
            frames.append(self._ping(now))
        return frames

    def wake(self, now: float) -> float:
        """When `due` must be called again at the latest."""
        times = [self._ping_at]
        if self._pong_by is not None:
            times.append(self._pong_by)
        if self.phase is Phase.LIVE:
            times += [asked + self.timing.sync for asked, _ in self._syncing.values()]
            times += [self._not_before.get(conversation, now) for conversation in self._wanted]
            times += [at for at in (self.outbox.wake(now), self.markers.wake(now)) if at is not None]
        return min(times)

    def _step(self, event: str) -> None:
        self.phase = TRANSITIONS[self.phase][event]

    def _event(self, event: Event, now: float) -> list[Effect]:
        conversation = event["conversation"]
        visible = self.folds.apply(event)
        if event["kind"] == "message":
            self.company.typing(conversation, event["actor"], False, now)
        if conversation in self._replaying:
            self._replaying[conversation] = now
        elif not visible:
            self._suspect(conversation)
        return [Applied(one) for one in visible]

    def _error(self, frame: Frame, now: float) -> list[Effect]:
        id, code, message = frame.get("id"), frame["code"], frame.get("message") or ""
        if id is None or id not in self.outbox:
            return [Complaint(code, message)] if id is None else []
        refusal = self.outbox.refused(
            id, code, now, message=message, retry_after=frame.get("retry_after"), field=frame.get("field")
        )
        return [] if refusal is None else [refusal]

    def _receipt(self, frame: Frame) -> None:
        conversation, account = frame["conversation"], frame["account"]
        read, delivered = frame.get("read") or 0, frame.get("delivered") or 0
        fold = self.folds.open(conversation)
        fold.receipt(account, read, delivered)
        if account == self.folds.account:
            fold.marked_read(read, account)
            self.markers.receipt(conversation, read, delivered)

    def _ready(self, frame: Frame, now: float) -> list[Effect]:
        self._step("ready")
        self.heartbeat = self.timing.heartbeat or float(frame["heartbeat"])
        self._ping_at, self._pong_by = now + self.heartbeat, None
        self.folds.account = frame["account"]["id"]
        effects: list[Effect] = [Ready(frame)]
        if self.folds.epoch is None:
            self.folds.epoch = frame["epoch"]
        elif self.folds.epoch != frame["epoch"]:
            # The server doubts the cursors that it was told; those that were to follow we doubt ourselves.
            effects += [Reload(conversation, "epoch") for conversation in sorted(self._wanted)]
            for conversation in self._wanted:
                self.folds[conversation].doubt()
            self._wanted.clear()
        for item in reversed(frame["conversations"]):
            self.folds.open(item["id"]).told_unread(item["head"], item["read"], item["unread"])
        return effects

    def _caught_up(self, frame: Frame, now: float) -> list[Effect]:
        conversation = frame["conversation"]
        fold = self.folds.open(conversation)
        asked = self._syncing.pop(conversation, None)
        self._replaying.pop(conversation, None)
        fold.told(max(frame["seq"], frame.get("head") or 0))
        if fold.gap is None:
            return [CaughtUp(conversation)]
        if asked is not None and asked[1] == fold.cursor:
            self._not_before[conversation] = now + self.timing.settle
        self._wanted.add(conversation)
        return []

    def _resync(self, frame: Frame) -> list[Effect]:
        conversation, reason = frame.get("conversation"), frame["reason"]
        concerned = [conversation] if conversation is not None else list(self.folds)
        for one in concerned:
            self._replaying.pop(one, None)
            self._syncing.pop(one, None)
            self._wanted.discard(one)
            if reason != "not_member":
                self.folds.open(one).doubt()
        if reason == "not_member" and conversation is not None:
            self.folds.open(conversation).member = False
            self.markers.forget(conversation)
            return [Left(conversation)]
        return [Reload(conversation, reason)]

    def _suspect(self, conversation: Id) -> None:
        if conversation not in self._syncing and self.folds[conversation].gap is not None:
            self._wanted.add(conversation)

    def _repairs(self, now: float) -> list[Frame]:
        for conversation, (asked, _) in list(self._syncing.items()):
            if now - asked >= self.timing.sync:
                del self._syncing[conversation]
                self._wanted.add(conversation)
        frames: list[Frame] = []
        for conversation in sorted(self._wanted):
            if self._not_before.get(conversation, now) > now:
                continue
            self._wanted.discard(conversation)
            self._not_before.pop(conversation, None)
            fold = self.folds.get(conversation)
            if fold is None or fold.stale or not fold.member or conversation in self._syncing:
                continue
            self._syncing[conversation] = (now, fold.cursor)
            frames.append({"type": "sync", "conversation": conversation, "after": fold.cursor, "limit": SYNC_EVENTS})
        return frames

    def _ping(self, now: float) -> Frame:
        for conversation, progress in list(self._replaying.items()):
            if now - progress >= self.timing.replay:
                del self._replaying[conversation]
                self._wanted.add(conversation)
        self._ping_at = now + self.heartbeat
        self._pong_by = self._pong_by or now + self.timing.pong
        heads: dict[str, Any] = {}
        for conversation, cursor in self.folds.cursors().items():
            if not self.folds[conversation].stale and len(heads) < PING_HEADS:
                heads[conversation] = cursor
        return {"type": "ping", "heads": heads}

"""What a session tells its shell: things that became true, and things to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bench.fold import Event, Id
from bench.outbox import Ack, Frame, Refusal


@dataclass(frozen=True, slots=True)
class Ready:
    """The server knows us; `frame` is its `ready`."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Applied:
    """An event became visible: exactly once, in order of seq."""

    event: Event


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The conversation's log is known up to what the server had."""

    conversation: Id


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the conversation (None: all) over HTTP and `restart` its fold; until then it holds all back."""

    conversation: Id | None
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """The account is not a member of the conversation (any more)."""

    conversation: Id


@dataclass(frozen=True, slots=True)
class Bye:
    """The server drains: be gone soon, come back after `reconnect_after` seconds."""

    reason: str
    reconnect_after: float


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error that belongs to no command of ours."""

    code: str
    message: str


Effect: TypeAlias = Ready | Applied | CaughtUp | Reload | Left | Bye | Complaint | Ack | Refusal

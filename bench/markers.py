"""How far the reader has got, on its way to the server: state, sent again until its receipt comes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Id: TypeAlias = str
Frame: TypeAlias = dict[str, Any]

AGAIN_SECONDS = 5.0
"""Without a receipt the marker is sent again."""
DELIVERED_SECONDS = 1.0
"""`delivered` is said at most once in this time."""


@dataclass(slots=True)
class _Marker:
    wanted: int = 0
    known: int = 0
    sent_at: float | None = None

    def due(self, now: float, pause: float) -> float | None:
        """When to send; None when there is nothing to say."""
        if self.wanted <= self.known:
            return None
        return now if self.sent_at is None else self.sent_at + pause


class Markers:
    """One for `read` and one for `delivered` in each conversation; the greatest wins."""

    def __init__(self) -> None:
        self._markers: dict[tuple[str, Id], _Marker] = {}

    def want(self, kind: str, conversation: Id, seq: int) -> None:
        """Everything up to `seq` is read, or delivered."""
        marker = self._markers.setdefault((kind, conversation), _Marker())
        if seq > marker.wanted:
            marker.wanted = seq
            if kind == "read":
                marker.sent_at = None

    def receipt(self, conversation: Id, read: int, delivered: int) -> None:
        """The server has stored so much."""
        for kind, seq in (("read", read), ("delivered", delivered)):
            if (marker := self._markers.get((kind, conversation))) is not None:
                marker.known = max(marker.known, seq)

    def disconnected(self) -> None:
        """What was sent may be lost: it is sent again on the next connection."""
        for marker in self._markers.values():
            marker.sent_at = None

    def forget(self, conversation: Id) -> None:
        """The account may not read it any more."""
        for kind in ("read", "delivered"):
            self._markers.pop((kind, conversation), None)

    def due(self, now: float) -> list[Frame]:
        """Frames to send now."""
        frames: list[Frame] = []
        for (kind, conversation), marker in self._markers.items():
            at = marker.due(now, _pause(kind, marker))
            if at is not None and at <= now:
                marker.sent_at = now
                frames.append({"type": kind, "conversation": conversation, "seq": marker.wanted})
        return frames

    def wake(self, now: float) -> float | None:
        """When `due` will have something."""
        times = [marker.due(now, _pause(kind, marker)) for (kind, _), marker in self._markers.items()]
        return min((at for at in times if at is not None), default=None)


def _pause(kind: str, marker: _Marker) -> float:
    return DELIVERED_SECONDS if kind == "delivered" and marker.known else AGAIN_SECONDS

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
    pause: float
    wanted: int = 0
    known: int = 0
    sent: int = 0
    sent_at: float = float("-inf")

    def due(self) -> float:
        """When to say what is wanted: a farther one after the pause, the same again after silence."""
        return self.sent_at + (self.pause if self.wanted > self.sent else AGAIN_SECONDS)


class Markers:
    """One for `read` and one for `delivered` in each conversation; the greatest wins."""

    def __init__(self) -> None:
        self._markers: dict[tuple[str, Id], _Marker] = {}
        self._open: dict[tuple[str, Id], _Marker] = {}
        """Those whose receipt is still to come."""

    def want(self, kind: str, conversation: Id, seq: int) -> None:
        """Everything up to `seq` is read, or delivered."""
        key = (kind, conversation)
        marker = self._markers.get(key)
        if marker is None:
            marker = self._markers[key] = _Marker(DELIVERED_SECONDS if kind == "delivered" else 0.0)
        marker.wanted = max(marker.wanted, seq)
        if marker.wanted > marker.known:
            self._open[key] = marker

    def receipt(self, conversation: Id, read: int, delivered: int) -> None:
        """The server has stored so much, at the wish of this connection or another."""
        for key, seq in ((("read", conversation), read), (("delivered", conversation), delivered)):
            if (marker := self._markers.get(key)) is not None:
                marker.known = max(marker.known, seq)
                if marker.wanted <= marker.known:
                    self._open.pop(key, None)

    def disconnected(self) -> None:
        """What was sent may be lost: it is sent again on the next connection."""
        for marker in self._open.values():
            marker.sent, marker.sent_at = 0, float("-inf")

    def forget(self, conversation: Id) -> None:
        """The account may not read it any more."""
        for key in (("read", conversation), ("delivered", conversation)):
            self._markers.pop(key, None)
            self._open.pop(key, None)

    def due(self, now: float) -> list[Frame]:
        """Frames to send now."""
        frames: list[Frame] = []
        for (kind, conversation), marker in self._open.items():
            if marker.due() <= now:
                marker.sent, marker.sent_at = marker.wanted, now
                frames.append({"type": kind, "conversation": conversation, "seq": marker.wanted})
        return frames

    def wake(self, now: float) -> float | None:
        """When `due` will have something."""
        return max(now, min(marker.due() for marker in self._open.values())) if self._open else None

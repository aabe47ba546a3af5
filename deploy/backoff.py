"""How long a process that died waits before it starts again. No clock: lifetimes are handed in."""

from __future__ import annotations

FIRST_SECONDS = 0.1
MOST_SECONDS = 5.0
HEALTHY_SECONDS = 10.0


class Backoff:
    """Almost at once after a single death; ever longer for a process that dies again before it has lived."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, lived_seconds: float) -> float:
        """Seconds to wait, given how long the process that just died had lived."""
        if lived_seconds >= HEALTHY_SECONDS:
            self._next = FIRST_SECONDS
        wait = self._next
        self._next = min(self._next * 2, MOST_SECONDS)
        return wait

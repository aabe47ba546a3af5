"""Finding the commands that the log cannot store, without failing their neighbours (pure).

    halving = Halving(batch)
    while part := halving.next():
        try to append the part; when it fails for its data:
            culprit = halving.split(part)      # None: its halves come next; else the command that is to blame

Parts are contiguous and come from left to right, so a conversation's suffix is tried only after its prefix
was stored or refused: order is kept, and a command that was allowed only at the start of its conversation's
run still stands there. For `bad` culprits in a batch of `n` at most `1 + 2 * bad * ceil(log2(n))` parts are
tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Halving(Generic[T]):
    """The parts of one batch that are still to be tried, leftmost first."""

    def __init__(self, batch: Sequence[T]) -> None:
        self._parts: list[Sequence[T]] = [batch] if batch else []

    def next(self) -> Sequence[T]:
        """The next part to try; empty when nothing is left."""
        return self._parts.pop() if self._parts else ()

    def again(self, part: Sequence[T]) -> None:
        """Try this part (or what is left of it) next: it failed for a reason that is not its data."""
        if part:
            self._parts.append(part)

    def take_out(self, chosen: Callable[[T], bool]) -> list[T]:
        """Leave these untried, in all parts that are left; from left to right."""
        taken = [one for part in reversed(self._parts) for one in part if chosen(one)]
        left = ([one for one in part if not chosen(one)] for part in self._parts)
        self._parts = [part for part in left if part]
        return taken

    def split(self, part: Sequence[T]) -> T | None:
        """This part failed for its data: the culprit if it stood alone, else None; its halves come next."""
        if len(part) == 1:
            return part[0]
        middle = len(part) // 2
        self._parts += (part[middle:], part[:middle])
        return None

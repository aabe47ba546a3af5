"""The one error that a launch ends with."""

from __future__ import annotations


class LaunchError(Exception):
    """Parley cannot start here; the message is one line that names the cause and the fix.

    `words` are the last lines of the process to blame, if one is.
    """

    def __init__(self, message: str, words: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.words = words

"""Lines in, lines out: the same for a person at a terminal and for a pipe."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

try:
    import readline
except ImportError:  # a Python built without it: lines can still be typed, only not edited
    readline = None  # type: ignore[assignment]  # stands for the module that is missing

PROMPT = "> "
COLOURS = ("36", "33", "35", "32", "34", "31")
STDIN = 0


class Terminal:
    """Prints above the line that is being typed. `lines` yields what was typed, None at the end of input."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._prompting = False
        self._manners: list[Any] | None = None

    def start(self) -> None:
        """Begin to read, in a thread that ends with the process: a read from a terminal cannot be cancelled."""
        if self.interactive:
            self._manners = termios.tcgetattr(STDIN)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()

    def close(self) -> None:
        """Leave the terminal as it was: readline, interrupted, would leave it without echo."""
        if self._manners is not None:
            termios.tcsetattr(STDIN, termios.TCSADRAIN, self._manners)
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()

    @property
    def typed(self) -> str:
        """The line as far as it is typed; empty where nobody can know."""
        return readline.get_line_buffer() if self._prompting and readline is not None else ""

    def print(self, text: str = "") -> None:
        """Print a line and restore the prompt with what is typed so far."""
        if self._prompting:
            sys.stdout.write(f"\r\x1b[K{text}\n{PROMPT}{self.typed}")
        else:
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def dim(self, text: str) -> str:
        """The same text in grey, on a terminal."""
        return f"\x1b[2m{text}\x1b[0m" if self.interactive else text

    def colour(self, text: str, key: str) -> str:
        """The same text in a colour that is always the same for `key`, on a terminal."""
        if not self.interactive:
            return text
        return f"\x1b[1;{COLOURS[sum(key.encode()) % len(COLOURS)]}m{text}\x1b[0m"

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            for line in self._typed() if self.interactive else _piped():
                loop.call_soon_threadsafe(self.lines.put_nowait, line)
            loop.call_soon_threadsafe(self.lines.put_nowait, None)

    def _typed(self) -> Iterator[str]:
        while True:
            try:
                self._prompting = True
                line = input(PROMPT)
            except (EOFError, OSError):
                return
            finally:
                self._prompting = False
            # What was typed comes back as the message itself: take the typed line away.
            rows = (len(PROMPT) + len(line)) // max(1, shutil.get_terminal_size().columns) + 1
            sys.stdout.write("\x1b[1A\x1b[K" * rows)
            sys.stdout.flush()
            yield line


def _piped() -> Iterator[str]:
    """Lines of a pipe or file, read below Python's buffer, whose lock a waiting thread would hold for ever."""
    rest = b""
    while chunk := os.read(STDIN, 65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")


def harmless(text: str) -> str:
    """Other people's text without anything that would steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" if c != "\n" else "\n    " for c in text)

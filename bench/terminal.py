"""Lines in, lines out: the same for a person at a terminal and for a pipe."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from typing import TextIO

try:
    import readline
except ImportError:  # a Python built without it: lines can still be typed, only not edited
    readline = None  # type: ignore[assignment]

PROMPT = "> "
COLOURS = ("36", "33", "35", "32", "34", "31")


class Terminal:
    """Prints above the line that is being typed. `lines` yields what was typed, None at the end of input."""

    def __init__(self, input: TextIO | None = None, output: TextIO | None = None) -> None:
        self._input = input or sys.stdin
        self._output = output or sys.stdout
        self.interactive = self._input.isatty() and self._output.isatty()
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._prompting = False

    def start(self) -> None:
        """Begin to read, in a thread that ends with the process: a read from a terminal cannot be cancelled."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()

    def print(self, text: str = "") -> None:
        """Print a line and restore the prompt with what is typed so far."""
        clean = "".join(c for c in text if c.isprintable() or c == "\x1b" or c == "\n")
        if self.interactive and self._prompting:
            typed = readline.get_line_buffer() if readline is not None else ""
            self._output.write(f"\r\x1b[K{clean}\n{PROMPT}{typed}")
        else:
            self._output.write(f"{clean}\n")
        self._output.flush()

    def dim(self, text: str) -> str:
        """The same text in grey, on a terminal."""
        return f"\x1b[2m{text}\x1b[0m" if self.interactive else text

    def colour(self, text: str, key: str) -> str:
        """The same text in a colour that is always the same for `key`, on a terminal."""
        if not self.interactive:
            return text
        return f"\x1b[1;{COLOURS[sum(key.encode()) % len(COLOURS)]}m{text}\x1b[0m"

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            line = self._line()
            try:
                loop.call_soon_threadsafe(self.lines.put_nowait, line)
            except RuntimeError:
                return  # the loop is closed: nobody reads any more
            if line is None:
                return

    def _line(self) -> str | None:
        if not self.interactive:
            line = self._input.readline()
            return line.rstrip("\r\n") if line else None
        try:
            self._prompting = True
            line = input(PROMPT)
        except (EOFError, OSError):
            return None
        finally:
            self._prompting = False
        # What was typed comes back as the message itself: take the typed line away.
        rows = (len(PROMPT) + len(line)) // max(1, shutil.get_terminal_size().columns) + 1
        self._output.write("\x1b[1A\x1b[K" * rows)
        self._output.flush()
        return line


def harmless(text: str) -> str:
    """Other people's text without anything that would steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" if c != "\n" else "\n    " for c in text)

"""`python -m tests.faults.reconnects ADDRESS`: an edge's link alone in a process, so that its cost can be read off.

It obeys lines on stdin: "look" does nothing (its connection was cut from outside), "renew" connects anew with a new
socket, "reopen" ends the link and begins another. Each is answered with a line of JSON once a frame to itself has come
back by the broker: open files and resident bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from pathlib import Path

import uvloop

from broker.link.client import Link, LinkError, LinkSettings, Received
from broker.node.logs import configure_logs

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
AGAIN_SECONDS = 0.02


class Subject:
    """The link, and what it heard from itself."""

    def __init__(self, address: str) -> None:
        self._settings = LinkSettings((address,))
        self._tags = itertools.count(1)
        self._heard = 0
        self.link = self._link()

    def _link(self) -> Link:
        return Link("edge", self._settings, on_frame=self._hear)

    def _hear(self, frame: Received) -> None:
        self._heard = frame.tag

    async def back(self) -> None:
        """Return when something has come back that left after this call."""
        first = next(self._tags)
        while self._heard < first:
            with contextlib.suppress(LinkError):
                self.link.send_to(self.link.node, b"are you there?", tag=next(self._tags))
            await asyncio.sleep(AGAIN_SECONDS)

    async def obey(self, word: str) -> None:
        """Do it, and be back."""
        if word == "renew":
            for line in self.link._lines.values():
                line.renew()
                line.connection._end_life()
        elif word == "reopen":
            await self.link.__aexit__(None, None, None)
            self.link = await self._link().__aenter__()
        await self.back()


def cost() -> dict[str, int]:
    """Open files and resident bytes of this process."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    return {"files": len(list(Path("/proc/self/fd").iterdir())), "resident": resident}


async def main(address: str) -> None:
    """Obey until stdin ends."""
    configure_logs("edge")
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    subject = Subject(address)
    await subject.link.__aenter__()
    while word := (await words.readline()).decode().strip():
        await subject.obey(word)
        sys.stdout.write(json.dumps(cost()) + "\n")
        sys.stdout.flush()
    await subject.link.__aexit__(None, None, None)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))

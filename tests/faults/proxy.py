"""`python -m tests.faults.proxy NAME=LISTEN:TARGET …`: lines of TCP on the loopback that fail when told to.

Each line is a port that peers connect to and a port that it leads to. Commands come as JSON, one a line, on stdin:
`{"lines": [NAME, …], "up": true, "down": false, "delay": 0.2, "end": "reset"}`. `up` is from who connects to whom it
connects to. A direction that is shut hands nothing on and reads nothing more, as a network does that drops every
packet: both ends see silence, their kernels keep what does not fit, and all of it comes late when the line heals.
`end` is done at once, to the connections there are: "reset" breaks both sides; "half" breaks the far side, and the
near one hears nothing of it, and what it says is thrown away.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys

import uvloop

CHUNK = 65536
LINGER_NOT = struct.pack("ii", 1, 0)


class Direction:
    """One way of a line: shut or not, and how late what passes it arrives."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.delay = 0.0


class Pair:
    """One connection, both sides."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.half = False


class Line:
    """A listening port and where it leads."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.up = Direction()
        self.down = Direction()
        self.pairs: set[Pair] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until a side ends it."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, far_writer)
        self.pairs.add(pair)
        up = asyncio.create_task(pump(reader, far_writer, self.up, pair))
        down = asyncio.create_task(pump(far_reader, writer, self.down, pair))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        if pair.half:
            await up
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        self.pairs.discard(pair)
        writer.transport.abort()
        far_writer.transport.abort()

    def end(self, how: str) -> None:
        """Break the connections that there are."""
        for pair in self.pairs:
            pair.half = how == "half"
            for side in [pair.far] if pair.half else [pair.near, pair.far]:
                if side.transport.is_closing():
                    continue
                side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                side.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction, pair: Pair) -> None:
    """Hand on until the end, or until it cannot be."""
    try:
        while data := await reader.read(CHUNK):
            await way.open.wait()
            if way.delay:
                await asyncio.sleep(way.delay)
            if not (pair.half and writer is pair.far):
                writer.write(data)
                await writer.drain()
    except OSError:
        return


async def main(arguments: list[str]) -> None:
    """Listen, say that we do, and obey until stdin ends."""
    lines: dict[str, Line] = {}
    for argument in arguments:
        name, _, ports = argument.partition("=")
        listen, target = map(int, ports.split(":"))
        lines[name] = Line(target)
        await asyncio.start_server(lines[name].accept, "127.0.0.1", listen)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while command := await commands.readline():
        wish = json.loads(command)
        for line in (lines[name] for name in wish["lines"]):
            for word, way in (("up", line.up), ("down", line.down)):
                if word in wish:
                    (way.open.set if wish[word] else way.open.clear)()
                way.delay = wish.get("delay", way.delay)
            if "end" in wish:
                line.end(wish["end"])
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))

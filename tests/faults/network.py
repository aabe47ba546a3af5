"""The lines between every peer and every broker of a system, each of which can be cut, slowed and broken by itself."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from tests.fixtures.ports import free_port
from tests.fixtures.system import ROOT


class Network:
    """Peers and brokers by name. `listens` is where a broker binds, `leads` where a peer connects to reach it."""

    def __init__(self, peers: Iterable[str], brokers: Iterable[str]) -> None:
        self.peers = list(peers)
        self.brokers = list(brokers)
        self._ports = {broker: free_port() for broker in self.brokers}
        self._lines = {(peer, broker): free_port() for peer in self.peers for broker in self.brokers}
        self._proxy: asyncio.subprocess.Process
        self._one = asyncio.Lock()

    def listens(self, broker: str) -> str:
        """The address that this broker binds."""
        return f"tcp://127.0.0.1:{self._ports[broker]}"

    def leads(self, peer: str) -> list[str]:
        """The addresses that this peer connects to: of its own lines, one to each broker."""
        return [f"tcp://127.0.0.1:{self._lines[peer, broker]}" for broker in self.brokers]

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[None]:
        """While this lasts, bytes flow."""
        lines = [f"{p}>{b}={port}:{self._ports[b]}" for (p, b), port in self._lines.items()]
        self._proxy = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.proxy",
            *lines,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            await self._answer("ready")
            yield
        finally:
            assert self._proxy.stdin is not None
            self._proxy.stdin.close()
            await self._proxy.wait()

    async def _answer(self, expected: str) -> None:
        assert self._proxy.stdout is not None
        said = (await self._proxy.stdout.readline()).decode().strip()
        assert said == expected, said

    async def tell(self, peers: Iterable[str], brokers: Iterable[str], **wish: Any) -> None:
        """What the lines between these do from now on (`tests.faults.proxy` says what may be wished)."""
        brokers = list(brokers)
        wish["lines"] = [f"{peer}>{broker}" for peer in peers for broker in brokers]
        assert self._proxy.stdin is not None
        async with self._one:
            self._proxy.stdin.write(json.dumps(wish).encode() + b"\n")
            await self._answer("done")

    async def heal(self) -> None:
        """Every line as it was at the beginning."""
        await self.tell(self.peers, self.brokers, up=True, down=True, delay=0.0)

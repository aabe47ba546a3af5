"""This edge's end of the backbone: frames in to the gateway and the commands, announcements out to fanout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import msgspec
import structlog

from broker.link.client import Link, LinkError, Received, RosterChange
from broker.wire import payloads
from broker.wire.payloads import (
    AudienceSeen,
    AudienceWanted,
    Delivery,
    Heads,
    Id,
    Marked,
    Outcomes,
    Presence,
    Receipt,
    Typing,
)
from edge.announcer import Announce, Announcer
from edge.commands import Commands
from edge.socket.company import Company
from edge.socket.gateway import Gateway
from edge.socket.receipts import Receipts
from storage.markers import Mark

log = structlog.get_logger()

ANNOUNCE_SECONDS = 1.0
SETTLE_SECONDS = 0.5


class BackboneEnd:
    """Construct, `serve` a gateway, then hand `on_…` to the link. `refused` counts what could not be understood."""

    def __init__(self, announcer: Announcer, commands: Commands) -> None:
        self._announcer = announcer
        self._commands = commands
        self._gateway: Gateway
        self._receipts: Receipts
        self._company: Company
        self._link: Link
        self._flushing = False
        self._comparing: asyncio.TimerHandle | None = None
        self.refused = 0
        self.unsent = 0
        self.overruns = 0

    def serve(self, gateway: Gateway, receipts: Receipts, company: Company, link: Link) -> None:
        """Join the two ends."""
        self._company = company
        self._gateway = gateway
        self._receipts = receipts
        self._link = link
        self._commands.attach(link)
        gateway.on_departure = self.left

    # From the backbone ------------------------------------------------------

    def on_frame(self, received: Received) -> None:
        """A frame from a worker."""
        try:
            payload = payloads.decode(received.payload)
        except msgspec.DecodeError:
            self.refused += 1
            log.warning("edge.bad_frame", source=received.source)
            return
        if isinstance(payload, Delivery):
            self._gateway.deliver(payload)
        elif isinstance(payload, Outcomes):
            self._commands.outcomes(payload.items)
        elif isinstance(payload, Heads):
            self._gateway.headed(payload.items)
        elif isinstance(payload, Receipt):
            self._receipts.passed(payload)
        elif isinstance(payload, Typing):
            self._company.typing(payload)
        elif isinstance(payload, Presence):
            self._company.presence(payload)
        elif isinstance(payload, AudienceSeen):
            self._announcer.seen(received.source, payload.number, time.monotonic())
        elif isinstance(payload, AudienceWanted):
            self._send(self._announcer.snapshot(received.source, time.monotonic()))
        else:
            self.refused += 1
            log.warning("edge.bad_frame", source=received.source, payload=type(payload).__name__)

    def on_undeliverable(self, tag: int, reason: str) -> None:
        """A broker reports a frame of ours: only commands carry tags."""
        if tag:
            self._commands.undeliverable(tag, reason)

    def on_roster(self, change: RosterChange) -> None:
        """Processes came or went."""
        self._send(self._announcer.workers(self._link.peers("fanout"), time.monotonic()))
        self._commands.roster_changed(change)
        if any(node.startswith("fanout-") for nodes in change for node in nodes):
            self._company.roster_changed()
            # What was on its way to a worker that is no more reached nobody: once things settled, ask the log.
            self._compare_soon()

    def _compare_soon(self) -> None:
        if self._comparing is not None:
            self._comparing.cancel()
        self._comparing = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._gateway.compare)

    def on_overrun(self) -> None:
        """A broker dropped what it held for this edge."""
        self.overruns += 1
        self._gateway.overrun()

    # To the backbone --------------------------------------------------------

    def arrived(self, account: Id) -> None:
        """An account's first session is here; it leaves with all that changes in this loop turn."""
        self._announcer.arrived(account)
        self._flush_soon()

    def left(self, account: Id) -> None:
        """An account's last session is gone."""
        self._announcer.left(account)
        self._flush_soon()

    def marked(self, mark: Mark) -> None:
        """A marker is stored: fanout tells whom it concerns. A hint; whoever opens the conversation reads it anew."""
        self.to_owner(mark.conversation, Marked(mark.conversation, mark.account, mark.read, mark.delivered))

    def to_owner(self, conversation: Id, payload: payloads.Payload) -> None:
        """To the fanout worker that owns the conversation; a hint."""
        try:
            self._link.send("fanout", conversation, payloads.encode(payload))
        except LinkError:
            self.unsent += 1

    def to_scanner(self, file: Id) -> None:
        """To a scanning worker: this file is due. A hint; they look for themselves now and then."""
        try:
            self._link.send("scanning", file, payloads.encode(payloads.Scan(file)))
        except LinkError:
            self.unsent += 1

    def to_all(self, payload: payloads.Payload) -> None:
        """To every fanout worker; a hint."""
        for node in self._link.peers("fanout"):
            self._send_to(node, payload)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._send(self._announcer.flush(time.monotonic()))

    async def announced(self) -> bool:
        """Wait until every fanout worker confirmed what was announced, but no longer than a second: have they?"""
        self._flush()
        confirmed = asyncio.Event()
        left = 0

        def one() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                confirmed.set()

        left = self._announcer.when_confirmed(one)
        if left:
            try:
                await asyncio.wait_for(confirmed.wait(), ANNOUNCE_SECONDS)
            except TimeoutError:
                log.warning("edge.announcement_late", workers=left)
                return False
        return True

    def tick(self, now: float) -> None:
        """Once a second: what the workers need who did not confirm, or heard nothing lately."""
        self._send(self._announcer.late(now))
        self._company.tick(now)

    def _send(self, announcements: Iterable[Announce]) -> None:
        """One that does not leave stays unconfirmed, so a snapshot follows within a second or two."""
        for node, audience in announcements:
            self._send_to(node, audience)

    def _send_to(self, node: str, payload: payloads.Payload) -> None:
        try:
            self._link.send_to(node, payloads.encode(payload))
        except LinkError:
            self.unsent += 1

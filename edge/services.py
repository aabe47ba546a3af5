"""What a route, or the WebSocket gateway, may use: built once by the composition root, then only passed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from broker.wire.payloads import Act, Id, Outcome
from edge.auth.identity import Identity
from edge.auth.revocations import Revocations
from edge.counters import HttpCounters
from edge.files.intake import Intake
from edge.files.signing import Signer
from edge.markers import Markers
from edge.ratelimit import RateLimit
from edge.refusal import Refusal
from edge.settings import EdgeSettings
from edge.switch import Switch
from storage.objects.contract import Store
from storage.pool import Database


class CommandPort(Protocol):
    """The one way by which anything enters a conversation's log."""

    async def submit(self, conversation: Id, actor: Id, id: Id, act: Act, lane: Hashable | None = None) -> Outcome:
        """What became of the command. Refusals are outcomes, never raised; `unavailable` after 10 s at most.

        Commands of one `lane` to one conversation are stored in the order submitted.
        """


class Backbone(Protocol):
    """What `/readyz` asks of the link."""

    @property
    def ready(self) -> bool:
        """At least one broker answers."""

    @property
    def brokers(self) -> int:
        """How many do."""

    def peers(self, role: str) -> frozenset[str]:
        """The live nodes of that role."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The services of one edge process.

    `ratelimit` counts commands per account, over HTTP and sockets alike; `scan` hints a scanning worker at a file.
    """

    settings: EdgeSettings
    db: Database
    identity: Identity
    revocations: Revocations
    commands: CommandPort
    markers: Markers
    ratelimit: RateLimit
    switch: Switch
    refusal: Refusal
    backbone: Backbone
    store: Store
    intake: Intake
    signer: Signer
    scan: Callable[[Id], None]
    draining: Callable[[], bool]
    http: HttpCounters = field(default_factory=HttpCounters)
    violations: Counter[str] = field(default_factory=Counter)

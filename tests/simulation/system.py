"""A whole Parley in one world: brokers, edges, workers, each made of the product's own parts, and its clients.

What is simulated is what lies between them (`lines`, `sockets`) and the database (`database`). Of an edge everything
runs but HTTP and the check of tokens; of workers and clients everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

from broker.link.client import Link, LinkSettings, Received
from broker.link.resend import Lanes
from broker.node.tasks import Tasks
from broker.wire.payloads import Act, Command, Id, Outcome
from edge.announcer import Announcer
from edge.app import _tick_for_ever
from edge.backbone import BackboneEnd
from edge.commands import Commands
from edge.markers import Markers
from edge.ratelimit import RateLimit
from edge.refusal import Refusal
from edge.settings import EdgeSettings
from edge.socket.company import Company
from edge.socket.gateway import Gateway
from edge.socket.hub import Hub
from edge.socket.opening import Opening
from edge.socket.receipts import Receipts
from edge.socket.replay import Replay
from edge.socket.session import Session
from edge.socket.stretches import Stretches
from edge.switch import Switch
from storage.markers import mark
from tests.simulation.database import Server, SimulatedDatabase
from tests.simulation.lines import Backbone, BrokerProcess, close_lines
from tests.simulation.sockets import Port, Reception
from tests.simulation.world import Process, World
from workers.fanout.service import Fanout
from workers.persistence.service import Persistence
from workers.settings import WorkerSettings

DRAIN_SECONDS = 3.0
SETTINGS = EdgeSettings(auth_jwt_secret="x" * 32, broker_addresses="broker-0", rate_limit=0.0)


class Node:
    """A process of the system by its name, and how to end it."""

    def __init__(self, system: System, name: str) -> None:
        self.system = system
        self.name = name
        self.process = system.world.process(name)
        self.process.offset = system.world.random.uniform(0.0, 1e5)
        self.broker: BrokerProcess | None = None
        self.stop: asyncio.Event | None = None

    @property
    def role(self) -> str:
        return self.name.partition("-")[0]

    @property
    def alive(self) -> bool:
        return self.process.alive

    def kill(self) -> None:
        """SIGKILL."""
        if self.broker is not None:
            self.broker.kill()
        self.process.kill()
        close_lines(self.system.backbone, self.process)
        self.system.reception.close(self.process)

    def leave(self) -> None:
        """SIGTERM."""
        if self.broker is not None:
            self.process.call_soon(self.broker.leave)
        else:
            self.process.call_soon(self._stop)

    def _stop(self) -> None:
        if self.stop is not None:
            self.stop.set()

    async def ended(self) -> None:
        """It returned from its main function; a supervisor starts it again, if it is one of those to be there."""
        self.system.world.after(0.05, self.kill)
        self.system.world.after(0.5, self.system.bring_back, self.name)


class System:
    """`nodes` by name: broker-0, edge-0, persistence-0, fanout-0, …"""

    def __init__(self, world: World, *, brokers: int, edges: int, persistence: int, fanout: int) -> None:
        self.world = world
        self.server = Server(world)
        self.backbone = Backbone(world)
        self.reception = Reception(world)
        self.nodes: dict[str, Node] = {}
        self.roles: dict[Id, str] = self.server.log.roles
        self.commands: dict[str, Commands] = {}
        self.parts: dict[str, Any] = {}
        self.addresses = tuple(f"broker-{number}" for number in range(brokers))
        counts = {"broker": brokers, "edge": edges, "persistence": persistence, "fanout": fanout}
        self.names = [f"{role}-{number}" for role, count in counts.items() for number in range(count)]
        for name in self.names:
            self.start(name)

    def start(self, name: str) -> Node:
        """Start the process of this name, anew if it ran before."""
        node = self.nodes[name] = Node(self, name)
        if node.role == "broker":
            node.broker = BrokerProcess(self.backbone, name, node.process)
        else:
            mains = {"edge": self._edge, "persistence": self._persistence, "fanout": self._fanout}
            node.process.spawn(mains[node.role](node))
        return node

    def bring_back(self, name: str) -> None:
        """Start it, if it belongs to the system and does not run."""
        if name in self.names and not self.nodes[name].alive:
            self.start(name)

    def of(self, role: str) -> list[Node]:
        """The living processes of a role."""
        return [node for node in self.nodes.values() if node.role == role and node.alive]

    @property
    def faults(self) -> list[str]:
        """What nobody caught, in any process."""
        return [fault for process in self.world.processes for fault in process.faults]

    # The processes ----------------------------------------------------------

    async def _edge(self, node: Node) -> None:
        """As `edge.app.open_edge` puts it together."""
        node.stop = asyncio.Event()
        db: Any = SimulatedDatabase(self.server, node.process)
        tasks = Tasks()
        hub: Hub[Session] = Hub()
        commands = Commands(Lanes[Command]())
        end = BackboneEnd(Announcer(lambda: hub.sessions), commands)
        replay = Replay(db, hub, Stretches(db, tasks))
        identity: Any = SimpleNamespace(authenticate=self._authenticate)
        opening = Opening(SETTINGS, db, identity, hub, replay, tasks, arrived=end.arrived, announced=end.announced)
        receipts = Receipts(hub, replay)

        def marked(one: Any) -> None:
            receipts.own(one)
            end.marked(one)

        markers = Markers(partial(mark, db), marked, receipts.stranger, tasks)
        company = Company(hub, end.to_owner, end.to_all)
        gateway = Gateway(
            *(opening, replay, hub, commands, RateLimit(0.0, 1), Switch(True, 100)),
            *(Refusal(db), tasks, markers, company),
        )
        link = Link(
            "edge",
            LinkSettings(self.addresses),
            on_frame=end.on_frame,
            on_undeliverable=end.on_undeliverable,
            on_roster=end.on_roster,
            on_overrun=end.on_overrun,
        )
        end.serve(gateway, receipts, company, link)

        def opened(port: Port, binary: bool) -> None:
            if gateway.draining:
                port.close(4503, "draining")
            else:
                gateway.connect(port, binary=binary, bearer=None)  # what a port offers

        async with link:
            tasks.spawn(_tick_for_ever(gateway.tick, end.tick))
            self.commands[node.name] = commands
            self.parts[node.name] = gateway
            self.reception.edges[node.name] = (node.process, opened)
            await node.stop.wait()
            await gateway.drain(DRAIN_SECONDS)
        await node.ended()

    async def _authenticate(self, token: str) -> Any:
        """Tokens are account ids here."""
        account = SimpleNamespace(id=token, name=token[:8], role=self.roles[token])
        return SimpleNamespace(account=account, claims=SimpleNamespace(jti=token, expires_at=0.0))

    async def _persistence(self, node: Node) -> None:
        node.stop = asyncio.Event()
        db = SimulatedDatabase(self.server, node.process)
        settings = WorkerSettings(broker_addresses=",".join(self.addresses))

        def connect(on_frame: Callable[[Received], None]) -> Link:
            return Link("persistence", LinkSettings(self.addresses), on_frame=on_frame, manual_credit=True)

        persistence = Persistence(db.append, db.busy, connect, settings, clock=node.process.clock)
        self.parts[node.name] = persistence
        await persistence.run(node.stop)
        await node.ended()

    async def _fanout(self, node: Node) -> None:
        node.stop = asyncio.Event()
        db: Any = SimulatedDatabase(self.server, node.process)
        fanout = Fanout(db)
        link = Link("fanout", LinkSettings(self.addresses), on_frame=fanout.on_frame, on_roster=fanout.on_roster)
        fanout.attach(link)
        self.parts[node.name] = fanout
        async with link:
            await fanout.run(node.stop)
        await node.ended()

    # What HTTP would carry --------------------------------------------------

    async def submit(self, asker: Process, edge: str, conversation: Id, actor: Id, id: Id, act: Act) -> Outcome:
        """A command over HTTP: unanswered for ever if the edge dies."""
        answer = asker.create_future()
        node = self.nodes[edge]
        if not node.alive or edge not in self.commands:
            raise ConnectionRefusedError(edge)
        commands = self.commands[edge]

        async def serve() -> None:
            outcome = await commands.submit(conversation, actor, id, act)
            self.world.after(0.001, asker.call_soon, _resolve, answer, outcome)

        self.world.after(self.world.random.uniform(0.0005, 0.004), node.process.spawn, serve())
        outcome: Outcome = await answer
        return outcome


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def chosen(random: Random, nodes: list[Node]) -> Node | None:
    """One of them, None of none."""
    return random.choice(nodes) if nodes else None

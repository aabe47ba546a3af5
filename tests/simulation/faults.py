"""What can go wrong in a simulated system: each kind does it, and undoes it after a while.

A kind is a function of the system and of how long; `heal` undoes all that is left at a schedule's end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from tests.simulation.system import Node, System, chosen

if TYPE_CHECKING:
    from tests.simulation.people import SimulatedTalker

Kind: TypeAlias = Callable[[System, float], None]

KINDS: dict[str, Kind] = {}
PEOPLE: list[SimulatedTalker] = []
"""The clients of the running schedule, for faults on their side."""


def fault(kind: Kind) -> Kind:
    """Register a kind under its function's name, in words."""
    KINDS[kind.__name__.replace("_", " ")] = kind
    return kind


def heal(system: System) -> None:
    """Everything runs, every line passes, the database answers."""
    system.backbone.mend_all()
    server = system.server
    server.away, server.mute, server.slow = False, 0.0, 1.0
    server.held.clear()
    for name in system.names:
        system.bring_back(name)
    for process in system.world.processes:
        if process.stopped:
            process.go_on()
    for socket in system.reception.sockets:
        if socket.wire.silent:
            socket.cut()


def _victim(system: System, role: str) -> Node | None:
    return chosen(system.world.random, system.of(role))


def _killed(system: System, role: str, seconds: float) -> None:
    if (node := _victim(system, role)) is not None:
        node.kill()
        system.world.after(seconds, system.bring_back, node.name)


def _stopped(system: System, role: str, seconds: float) -> None:
    if (node := _victim(system, role)) is not None:
        node.process.stop_running()
        system.world.after(seconds, node.process.go_on)


def _restarted(system: System, role: str) -> None:
    if (node := _victim(system, role)) is not None:
        node.leave()
        if node.broker is not None:
            system.world.after(0.5, system.bring_back, node.name)


@fault
def edge_killed(system: System, seconds: float) -> None:
    _killed(system, "edge", seconds)


@fault
def edge_stopped(system: System, seconds: float) -> None:
    _stopped(system, "edge", seconds)


@fault
def edge_restarted_in_order(system: System, seconds: float) -> None:
    _restarted(system, "edge")


@fault
def broker_killed(system: System, seconds: float) -> None:
    _killed(system, "broker", seconds)


@fault
def broker_stopped(system: System, seconds: float) -> None:
    _stopped(system, "broker", seconds)


@fault
def broker_restarted_in_order(system: System, seconds: float) -> None:
    _restarted(system, "broker")


@fault
def persistence_worker_killed(system: System, seconds: float) -> None:
    _killed(system, "persistence", seconds)


@fault
def persistence_worker_stopped(system: System, seconds: float) -> None:
    _stopped(system, "persistence", seconds)


@fault
def persistence_worker_restarted_in_order(system: System, seconds: float) -> None:
    _restarted(system, "persistence")


@fault
def fanout_worker_killed(system: System, seconds: float) -> None:
    _killed(system, "fanout", seconds)


@fault
def fanout_worker_stopped(system: System, seconds: float) -> None:
    _stopped(system, "fanout", seconds)


@fault
def fanout_worker_restarted_in_order(system: System, seconds: float) -> None:
    _restarted(system, "fanout")


@fault
def worker_joins(system: System, seconds: float) -> None:
    """One more, which leaves again."""
    role = system.world.random.choice(("persistence", "fanout"))
    name = f"{role}-{role[0]}{len(system.nodes)}"
    node = system.start(name)
    system.world.after(seconds, node.leave)


# Lines --------------------------------------------------------------------


def _line(system: System) -> tuple[str, str]:
    random = system.world.random
    peers = [name for name in system.nodes if not name.startswith("broker")]
    return random.choice(peers), random.choice(system.addresses)


@fault
def line_cut(system: System, seconds: float) -> None:
    process, address = _line(system)
    system.backbone.cut(process, address)
    system.world.after(seconds, system.backbone.mend, process, address)


@fault
def line_cut_one_way(system: System, seconds: float) -> None:
    process, address = _line(system)
    system.backbone.cut(process, address, (system.world.random.choice(("in", "out")),))
    system.world.after(seconds, system.backbone.mend, process, address)


@fault
def peer_cut_off(system: System, seconds: float) -> None:
    """No broker reaches it."""
    process, _ = _line(system)
    for address in system.addresses:
        system.backbone.cut(process, address)
        system.world.after(seconds, system.backbone.mend, process, address)


@fault
def brokers_see_different_halves(system: System, seconds: float) -> None:
    """Each peer reaches one broker only."""
    random = system.world.random
    for name in system.nodes:
        if not name.startswith("broker"):
            reached = random.choice(system.addresses)
            for address in system.addresses:
                if address != reached:
                    system.backbone.cut(name, address)
                    system.world.after(seconds, system.backbone.mend, name, address)


def _weather(system: System, seconds: float, **chances: float) -> None:
    process, address = _line(system)
    for direction in ("in", "out"):
        weather = system.backbone.weather(process, address, direction)
        for name, chance in chances.items():
            setattr(weather, name, chance)
    system.world.after(seconds, system.backbone.mend, process, address)


@fault
def messages_lost(system: System, seconds: float) -> None:
    _weather(system, seconds, lose=0.3)


@fault
def fanout_hears_half(system: System, seconds: float) -> None:
    """Half of all that goes to or from fanout workers is lost."""
    for node in system.of("fanout"):
        for address in system.addresses:
            for direction in ("in", "out"):
                system.backbone.weather(node.name, address, direction).lose = 0.5
            system.world.after(seconds, system.backbone.mend, node.name, address)


@fault
def messages_doubled(system: System, seconds: float) -> None:
    _weather(system, seconds, double=0.5)


@fault
def messages_reordered(system: System, seconds: float) -> None:
    _weather(system, seconds, reorder=0.3)


# Clients ------------------------------------------------------------------


@fault
def client_cut(system: System, seconds: float) -> None:
    if system.reception.sockets:
        system.world.random.choice(system.reception.sockets).cut()


@fault
def every_client_cut(system: System, seconds: float) -> None:
    for socket in list(system.reception.sockets):
        socket.cut()


@fault
def client_silent(system: System, seconds: float) -> None:
    """What both ends write goes nowhere, until the network tells them."""
    if system.reception.sockets:
        socket = system.world.random.choice(system.reception.sockets)
        socket.wire.silent = True
        system.world.after(seconds, socket.cut)


@fault
def client_stopped(system: System, seconds: float) -> None:
    process = system.world.random.choice(PEOPLE).process
    process.stop_running()
    system.world.after(seconds, process.go_on)


@fault
def client_offline(system: System, seconds: float) -> None:
    talker = system.world.random.choice(PEOPLE)
    talker.process.spawn(talker.go_offline(seconds))


# The database -------------------------------------------------------------


@fault
def database_away(system: System, seconds: float) -> None:
    system.server.away = True
    system.world.after(seconds, setattr, system.server, "away", False)


@fault
def database_slow(system: System, seconds: float) -> None:
    system.server.slow = 50.0
    system.world.after(seconds, setattr, system.server, "slow", 1.0)


@fault
def answers_lost_after_the_commit(system: System, seconds: float) -> None:
    system.server.mute = 0.5
    system.world.after(seconds, setattr, system.server, "mute", 0.0)


@fault
def conversation_locked(system: System, seconds: float) -> None:
    conversation = system.world.random.choice(list(system.server.log.rooms))
    system.server.held.add(conversation)
    system.world.after(seconds, system.server.held.discard, conversation)

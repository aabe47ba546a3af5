"""Which processes an instance has, each with its command and environment; pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path

import msgspec

from deploy.settings import LauncherSettings


class Stage(enum.IntEnum):
    """The order in which processes start; they stop in the reverse, so nobody loses what it stands on."""

    DATABASE = 0
    BROKERS = 1
    WORKERS = 2
    EDGES = 3


STOP_SECONDS = {Stage.EDGES: 5.0, Stage.WORKERS: 4.0, Stage.BROKERS: 2.0, Stage.DATABASE: 4.0}
"""How long each stage may take to end before it is killed: 15 seconds in all."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process to keep alive. `argv[0]` is a plain path, so `ps` shows `python -m edge`."""

    name: str
    stage: Stage
    argv: tuple[str, ...]
    env: dict[str, str]

    @property
    def package(self) -> str:
        """Of ours, the one whose settings it reads."""
        module = self.argv[2]
        return module if module == "workers.scanning" else module.partition(".")[0]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of an instance: what is kept alive, what runs once after the database answers, where clients go.

    `metrics` are the loopback ports on which processes tell theirs, by the process's name.
    """

    processes: tuple[Process, ...]
    steps: tuple[Process, ...]
    ports: tuple[int, ...]
    metrics: dict[str, int]

    def of(self, stage: Stage) -> tuple[Process, ...]:
        """The processes of one stage."""
        return tuple(process for process in self.processes if process.stage is stage)


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are on this machine, all absolute. `sockets` is short enough for a socket's path."""

    python: str
    data_dir: Path
    sockets: Path
    jwt_secret: str


def lay_out(settings: LauncherSettings, places: Places, env: Mapping[str, str]) -> Plan:
    """Decide every process of the instance, each with its part of `env`: the secret goes to edges only."""
    base = {name: value for name, value in env.items() if name not in UNWANTED}
    base |= {
        "DATA_DIR": str(places.data_dir),
        "PARLEY_DIE_WITH_PARENT": "1",
        "PARLEY_DEMO": "1" if settings.shows_demo else "0",
        "PYTHONUNBUFFERED": "1",  # what a process said before it was killed is in its log
    }
    if settings.database_url:
        base["DATABASE_URL"] = settings.database_url
    binds = [f"ipc://{places.sockets}/{name}.ipc" for name in numbered("broker", settings.brokers)]
    peer = base | {"BROKER_ADDRESSES": ",".join(binds)}
    ports = tuple(settings.port + index for index in range(settings.edges))

    def module(name: str, stage: Stage, env: dict[str, str], *words: str) -> Process:
        return Process(name=name, stage=stage, argv=(places.python, "-m", *words), env=env)

    processes = []
    if not settings.database_url:
        processes.append(module("postgres", Stage.DATABASE, base, "storage", "serve"))
    for name, bind in zip(numbered("broker", settings.brokers), binds, strict=True):
        processes.append(module(name, Stage.BROKERS, base | {"BROKER_BIND": bind}, "broker"))
    for role, count in (
        ("persistence", settings.persistence_workers),
        ("fanout", settings.fanout_workers),
        ("scanning", settings.scanning_workers),
    ):
        processes += [module(name, Stage.WORKERS, peer, f"workers.{role}") for name in numbered(role, count)]
    for name, port in zip(numbered("edge", settings.edges), ports, strict=True):
        own = {"HOST": settings.host, "PORT": str(port), "AUTH_JWT_SECRET": places.jwt_secret}
        processes.append(module(name, Stage.EDGES, peer | own, "edge"))
    metrics: dict[str, int] = {}
    if settings.metrics_port:
        telling = [process.name for process in processes if process.stage is not Stage.DATABASE]
        metrics = {name: port for port, name in enumerate(telling, settings.metrics_port)}
        processes = [
            msgspec.structs.replace(process, env=process.env | {"METRICS_PORT": str(metrics[process.name])})
            if process.name in metrics
            else process
            for process in processes
        ]
    steps = [module("migrate", Stage.DATABASE, base, "storage", "migrate")]
    if settings.shows_demo:
        steps.append(module("demo", Stage.DATABASE, base, "storage", "demo"))
    return Plan(processes=tuple(processes), steps=tuple(steps), ports=ports, metrics=metrics)


UNWANTED = frozenset(
    {
        *("AUTH_JWT_SECRET", "DATABASE_URL", "BROKER_BIND", "BROKER_ADDRESSES", "HOST", "PORT", "METRICS_PORT"),
        # What `make` says to a make that it would start; and -m must find our packages in the folder.
        *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONSAFEPATH"),
    }
)
"""Names that a process gets from the plan or not at all."""


def numbered(name: str, count: int) -> list[str]:
    """`broker`, or `broker`, `broker-2`, … when there are several."""
    return [name if number == 1 else f"{name}-{number}" for number in range(1, count + 1)]

"""The composition root of an edge: every part is made here, once, and handed to those who use it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.types import ASGIApp

from broker.link.client import Link
from broker.link.metrics import LinkMetrics
from broker.link.resend import Lanes
from broker.node.exposition import open_exposition
from broker.node.tasks import Tasks
from broker.wire.payloads import Command
from edge.announcer import Announcer
from edge.api import application
from edge.auth.identity import Identity
from edge.auth.revocations import Revocations
from edge.auth.tokens import Tokens
from edge.backbone import BackboneEnd
from edge.commands import Commands
from edge.files.intake import Intake
from edge.files.signing import Signer
from edge.markers import Markers
from edge.metrics import EdgeMetrics
from edge.ratelimit import RateLimit
from edge.refusal import Refusal
from edge.services import Edge
from edge.settings import EdgeSettings
from edge.socket.company import Company
from edge.socket.endpoint import Endpoint
from edge.socket.gateway import Gateway
from edge.socket.hub import Hub
from edge.socket.opening import Opening
from edge.socket.receipts import Receipts
from edge.socket.replay import Replay
from edge.socket.session import Session
from edge.socket.stretches import Stretches
from edge.socket.transport import Reception
from edge.switch import Switch
from edge.upkeep import prune_for_ever
from storage import sessions
from storage.markers import Mark
from storage.markers import mark as mark_all
from storage.metrics import DatabaseMetrics
from storage.objects.stores import open_store
from storage.pool import open_database
from storage.settings import StorageSettings

TICK_SECONDS = 1.0
DRAIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Running:
    """An edge that serves: `app` and `reception` for uvicorn, `drain` before it stops."""

    app: ASGIApp
    reception: Reception
    gateway: Gateway


@asynccontextmanager
async def open_edge(settings: EdgeSettings, storage: StorageSettings) -> AsyncIterator[Running]:
    """Everything an edge is made of, started in order, stopped in reverse."""
    async with AsyncExitStack() as parts:
        store = open_store(storage.storage_url, storage.objects_folder)
        db = await parts.enter_async_context(open_database(storage))
        tasks = Tasks()
        parts.push_async_callback(tasks.cancel)
        revocations = await parts.enter_async_context(Revocations(db))
        identity = Identity(Tokens(settings), db, revocations)
        ratelimit = RateLimit(settings.rate_limit, settings.rate_burst)
        switch = Switch(settings.feature_messaging_enabled, settings.messaging_rollout_percentage)
        refusal = Refusal(db)
        hub: Hub[Session] = Hub()
        commands = Commands(Lanes[Command]())
        end = BackboneEnd(Announcer(lambda: hub.sessions), commands)
        replay = Replay(db, hub, Stretches(db, tasks))
        opening = Opening(settings, db, identity, hub, replay, tasks, arrived=end.arrived, announced=end.announced)
        receipts = Receipts(hub, replay)

        def marked(mark: Mark) -> None:
            receipts.own(mark)
            end.marked(mark)

        markers = Markers(partial(mark_all, db), marked, receipts.stranger, tasks)
        company = Company(hub, end.to_owner, end.to_all)
        gateway = Gateway(opening, replay, hub, commands, ratelimit, switch, refusal, tasks, markers, company)
        link = Link(
            "edge",
            settings.link,
            on_frame=end.on_frame,
            on_undeliverable=end.on_undeliverable,
            on_roster=end.on_roster,
            on_overrun=end.on_overrun,
        )
        end.serve(gateway, receipts, company, link)
        await parts.enter_async_context(link)
        revocations.on_revoked.append(gateway.revoke)
        db.on_epoch_change.append(gateway.new_epoch)
        edge = Edge(
            settings=settings,
            db=db,
            identity=identity,
            revocations=revocations,
            commands=commands,
            markers=markers,
            ratelimit=ratelimit,
            switch=switch,
            refusal=refusal,
            backbone=link,
            store=store,
            intake=Intake(db, store, end.to_scanner),
            signer=Signer(settings.auth_jwt_secret),
            scan=end.to_scanner,
            draining=lambda: gateway.draining,
        )
        tasks.spawn(_tick_for_ever(gateway.tick, end.tick))
        tasks.spawn(prune_for_ever(partial(sessions.prune, db)))
        told = [EdgeMetrics(edge, gateway, commands, end, replay), LinkMetrics(link), DatabaseMetrics(db)]
        await parts.enter_async_context(open_exposition(settings.metrics_port, told))
        yield Running(application(edge), Endpoint(gateway, settings.origins), gateway)


async def _tick_for_ever(sessions: Callable[[float, float], None], announcements: Callable[[float], None]) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        sessions(time.monotonic(), time.time())
        announcements(time.monotonic())

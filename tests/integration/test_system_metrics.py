"""What the processes count is what was done: a whole system talks, and each of its processes is scraped."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.ports import free_port
from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import Person, System
from tests.house.test_metrics import Row, of_docs

pytestmark = pytest.mark.anyio

MESSAGES = 30
KINDS = ("broker", "persistence", "fanout", "edge")


class Scrape:
    """One scrape of a process: its text, its families by name, its samples."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def rows(self) -> set[Row]:
        """Our metrics as docs/metrics.md tells them; of labels those that some sample has."""
        found = set()
        for family in self.families.values():
            if family.name.startswith("parley_"):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                labels = {label for sample in family.samples for label in sample.labels} - {"le"}
                found.add(Row(name, family.type, frozenset(labels)))
        return found


class Measured(System):
    """A system whose processes tell their metrics."""

    def __init__(self, database_url: str, folder: Path) -> None:
        super().__init__(database_url, folder)
        self.metrics: dict[str, int] = {}

    def start(self, name: str, **settings: str) -> None:
        port = self.metrics.setdefault(name, free_port())
        super().start(name, METRICS_PORT=str(port), **settings)

    async def scrape(self, name: str) -> Scrape:
        async with aiohttp.ClientSession() as http:
            answer = await http.get(f"http://127.0.0.1:{self.metrics[name]}/metrics")
            assert answer.status == 200
            return Scrape(await answer.text())

    async def until(self, name: str, condition: Callable[[Scrape], bool]) -> Scrape:
        """Scrape until the condition is met: what is told may be a second old, and a process may only just start."""
        told = None
        try:
            async with asyncio.timeout(15):
                while True:
                    with contextlib.suppress(aiohttp.ClientConnectorError):
                        told = await self.scrape(name)
                        if condition(told):
                            return told
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{name} never told it: {told and told.text}") from None


@pytest.fixture
async def measured(database_url: str) -> AsyncIterator[Measured]:
    folder = Path(tempfile.mkdtemp(prefix="parley-"))
    running = Measured(database_url, folder)
    try:
        await running.start_all()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_numbers_of_every_process_are_what_was_done(measured: Measured):
    """One long test, because a start takes seconds: each part stands on the one before."""
    ann, bob = Person("Ann", "agent"), Person("Bob", "client")
    conversation = await measured.conversation(ann, bob, subject="canary-subject-7f3a")
    last = MESSAGES + 1
    async with (
        measured.client(bob, encoding="json") as one,
        measured.client(bob) as two,
        measured.client(ann) as a,
    ):
        acks = [a.post("send", conversation, body=f"canary-body-7f3a {n}") for n in range(MESSAGES)]
        await asyncio.wait_for(asyncio.gather(*acks), 10)
        for client in (one, two, a):
            await asyncio.wait_for(client.until(lambda c=client: c.conversations[conversation].cursor == last), 10)

        edge = await measured.until("edge", lambda told: told("parley_edge_commands_total") == last)
        assert edge("parley_edge_commands_total", outcome="stored") == last
        assert edge("parley_edge_command_seconds_count") == last
        assert 0 < edge("parley_edge_command_seconds_sum") < 10 * last
        assert edge("parley_edge_commands_waiting") == edge("parley_edge_commands_waiting_seconds") == 0
        assert edge("parley_edge_sessions", state="live") == edge("parley_edge_sockets_opened_total") == 3
        assert edge("parley_edge_accounts") == 2
        assert edge("parley_edge_events_total") == MESSAGES
        assert edge("parley_edge_deliveries_total") == 3 * MESSAGES
        assert 1 <= edge("parley_edge_delivery_seconds_count") <= MESSAGES
        assert 0 < edge("parley_edge_delivery_seconds_sum") < 10 * MESSAGES
        assert edge("parley_edge_frames_total") >= MESSAGES + 3
        assert edge("parley_edge_http_requests_total", method="POST", status="201") == 1
        assert edge("parley_edge_gaps") == edge("parley_edge_slow_consumers_total") == 0
        assert edge("parley_link_brokers", state="live") == 1
        assert edge("parley_link_peers", role="persistence") == edge("parley_link_peers", role="fanout") == 1

        persistence = await measured.until("persistence", lambda told: told("parley_persistence_events_total") == last)
        assert persistence("parley_persistence_events_total", kind="message") == MESSAGES
        assert persistence("parley_persistence_commands_total", outcome="stored") == last
        assert persistence("parley_persistence_commands_total") == last
        assert persistence("parley_persistence_batch_commands_sum") == last
        appends = persistence("parley_persistence_append_seconds_count")
        assert 2 <= appends == persistence("parley_persistence_batch_commands_count") <= last
        assert persistence("parley_persistence_waiting_commands") == persistence("parley_persistence_held_bytes") == 0
        assert persistence("parley_database_durable") == 1

        fanout = await measured.until("fanout", lambda told: told("parley_fanout_events_total") >= MESSAGES)
        assert fanout("parley_fanout_accounts") == 2
        assert fanout("parley_fanout_edges", state="known") == 1
        assert fanout("parley_fanout_conversations") == 1
        assert fanout("parley_fanout_feed_age_seconds") < 10

        broker = await measured.until("broker", lambda told: told("parley_broker_frames_total") >= 2 * appends)
        for role in ("edge", "persistence", "fanout"):
            assert broker("parley_broker_nodes", role=role, state="live") == 1
            assert broker("parley_broker_waiting_frames", role=role) == 0
        assert broker("parley_broker_rejected_total") == broker("parley_broker_overruns_total") == 0

    await refused(measured, bob)
    await resent(measured, ann, conversation)
    await repaired(measured, ann, conversation)
    await cut(measured, ann, bob, conversation)
    await told_as_documented(measured, ann, bob, conversation)


async def refused(measured: Measured, bob: Person) -> None:
    """An error said, and clients gone."""
    async with raw_socket(measured.url, token=bob.token()) as socket:
        await socket.hear_type("ready")
        await socket.say({"type": "send", "id": str(uuid4()), "conversation": str(uuid4()), "body": "to nobody"})
        assert (await socket.hear_type("error"))["code"] == "not_found"
    edge = await measured.until("edge", lambda told: told("parley_edge_sockets_closed_total") == 4)
    assert edge("parley_edge_errors_total", code="not_found") == edge("parley_edge_errors_total") == 1
    assert edge("parley_edge_sessions") == edge("parley_edge_accounts") == 0


async def resent(measured: Measured, ann: Person, conversation: str) -> None:
    """A worker that dies with a command."""
    async with measured.client(ann) as a:
        await asyncio.wait_for(a.caught_up(), 10)
        # Stopped, not killed: the command is on its way to one who will never answer.
        measured.kill("persistence", signal.SIGSTOP)
        late = asyncio.ensure_future(a.send(conversation, "resent"))
        waiting = await measured.until("edge", lambda told: told("parley_edge_commands_waiting") == 1)
        assert waiting("parley_edge_commands_waiting_seconds") < 10
        measured.kill("persistence")
        measured.start("persistence")
        assert (await asyncio.wait_for(late, 15)).seq == MESSAGES + 2
    edge = await measured.until("edge", lambda told: told("parley_edge_commands_waiting") == 0)
    assert edge("parley_edge_resends_total") >= 1
    persistence = await measured.until("persistence", lambda told: told("parley_persistence_events_total") == 1)
    assert persistence("parley_persistence_commands_total", outcome="stored") == 1


async def repaired(measured: Measured, ann: Person, conversation: str) -> None:
    """Events that no fanout worker was there for: the edge hears of a head, and reads what it lacks."""
    async with measured.client(ann) as a:
        await asyncio.wait_for(a.caught_up(), 10)
        measured.kill("fanout")
        for n in range(5):
            last = (await a.send(conversation, f"into the void {n}")).seq
        measured.start("fanout")
        await asyncio.wait_for(a.until(lambda: a.conversations[conversation].cursor == last), 15)
        edge = await measured.until("edge", lambda told: told("parley_edge_gaps_repaired_total") >= 1)
        await measured.until("fanout", lambda told: told("parley_fanout_heads_told_total") >= 1)
    assert edge("parley_edge_gap_repairs_total") >= edge("parley_edge_gaps_repaired_total")
    assert edge("parley_edge_events_total") >= MESSAGES + 5


async def cut(measured: Measured, ann: Person, bob: Person, conversation: str) -> None:
    """A client that does not read."""
    async with raw_socket(measured.url, token=bob.token()) as deaf, measured.client(ann) as a:
        await deaf.hear_type("ready")
        deaf.transport.pause_reading()
        while (await measured.scrape("edge"))("parley_edge_slow_consumers_total") == 0:
            await asyncio.gather(*(a.send(conversation, "x" * 9_000) for _ in range(40)))
        deaf.transport.resume_reading()
        assert await deaf.closed() == 4408
        edge = await measured.until("edge", lambda told: told("parley_edge_sessions") == 1)
    assert edge("parley_edge_sockets_closed_total", code="4408") == edge("parley_edge_slow_consumers_total") == 1


async def told_as_documented(measured: Measured, ann: Person, bob: Person, conversation: str) -> None:
    """docs/metrics.md names what is told, no more and no less, and nobody's words or ids are in it."""
    docs = of_docs()
    for name in KINDS:
        told = await measured.scrape(name)
        names = {row.name: row for row in docs[name]}
        for row in told.rows():
            assert row.name in names, f"{row.name} of the {name} is not in docs/metrics.md"
            assert row.kind == names[row.name].kind, row.name
            assert row.labels in (names[row.name].labels, frozenset()), row.name
        assert names.keys() == {row.name for row in told.rows()}, name
        for secret in ("canary", ann.id, bob.id, conversation):
            assert secret not in told.text

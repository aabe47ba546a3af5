"""What an edge tells Prometheus: its sockets, what they say and hear, the commands under way, repairs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.backbone import BackboneEnd
from edge.commands import Commands
from edge.services import Edge
from edge.socket.gateway import Gateway
from edge.socket.replay import Replay
from edge.socket.session import State


class EdgeMetrics(Collector):
    """Reads the edge's own numbers when somebody asks."""

    def __init__(self, edge: Edge, gateway: Gateway, commands: Commands, end: BackboneEnd, replay: Replay) -> None:
        self._edge = edge
        self._gateway = gateway
        self._commands = commands
        self._end = end
        self._replay = replay

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        yield from self._sockets()
        yield from self._heard_and_said()
        yield from self._under_way()
        yield from self._repaired()
        yield from self._files()
        yield from self._asked()

    def _sockets(self) -> Iterator[Metric]:
        gateway, counters = self._gateway, self._gateway.counters
        yield CounterMetricFamily("parley_edge_sockets_opened_total", "WebSockets accepted.", value=counters.opened)
        yield _by(
            "parley_edge_sockets_closed_total", "WebSockets gone, by close code or the client.", "code", counters.closed
        )
        states = Counter(session.state for session in gateway.sessions.values())
        sessions = GaugeMetricFamily("parley_edge_sessions", "WebSockets by state.", labels=["state"])
        for state in (State.GREETING, State.OPENING, State.LIVE):
            sessions.add_metric([state.value], states[state])
        yield sessions
        paused = sum(session.port.paused for session in gateway.sessions.values())
        for name, words, level in (
            ("parley_edge_sockets_paused", "WebSockets with more than 64 KiB waiting.", paused),
            ("parley_edge_accounts", "Accounts with a WebSocket here.", len(gateway.hub.sessions)),
            ("parley_edge_conversations", "Conversations that are followed here.", len(gateway.hub.streams)),
        ):
            yield GaugeMetricFamily(name, words, value=level)
        yield CounterMetricFamily(
            "parley_edge_slow_consumers_total",
            "WebSockets cut because they did not read.",
            value=gateway.slow_consumers,
        )

    def _heard_and_said(self) -> Iterator[Metric]:
        counters = self._gateway.counters
        yield CounterMetricFamily("parley_edge_frames_total", "Frames received from clients.", value=counters.frames)
        yield _by("parley_edge_errors_total", "Errors said on WebSockets.", "code", counters.errors)
        yield CounterMetricFamily("parley_edge_events_total", "Live events forwarded.", value=counters.events)
        yield CounterMetricFamily(
            "parley_edge_deliveries_total",
            "The same, times the WebSockets that each was for.",
            value=counters.deliveries,
        )
        yield counters.delivery_seconds.family(
            "parley_edge_delivery_seconds", "From an event's `at` to the WebSockets' transports."
        )
        yield CounterMetricFamily(
            "parley_edge_replayed_events_total", "Events sent from the log to one client.", value=self._replay.replayed
        )
        yield CounterMetricFamily(
            "parley_edge_replay_reads_total", "Reads of the log for that.", value=self._replay.stretches.reads
        )

    def _under_way(self) -> Iterator[Metric]:
        commands = self._commands
        yield _by("parley_edge_commands_total", "Commands answered, by outcome.", "outcome", commands.outcomes_by_code)
        yield commands.seconds.family("parley_edge_command_seconds", "From a command to its outcome.")
        yield CounterMetricFamily(
            "parley_edge_resends_total", "Batches of commands sent again.", value=commands.lanes.resends
        )
        for name, words, level in (
            ("parley_edge_commands_waiting", "Commands without an outcome yet.", commands.pending),
            ("parley_edge_commands_held_bytes", "What they hold.", commands.lanes.cost),
            (
                "parley_edge_commands_waiting_seconds",
                "How old the oldest of them is (about 10 at most).",
                commands.oldest(time.monotonic()),
            ),
        ):
            yield GaugeMetricFamily(name, words, value=level)

    def _repaired(self) -> Iterator[Metric]:
        hub = self._gateway.hub
        yield GaugeMetricFamily("parley_edge_gaps", "Conversations with an event missing now.", value=len(hub.gaps))
        for name, words, number in (
            ("parley_edge_gap_repairs_total", "Reads of the log begun because of a gap.", hub.repairs_begun),
            ("parley_edge_gaps_repaired_total", "Those that filled their gap.", hub.repaired),
            ("parley_edge_heads_compared_total", "Heads compared with the log.", self._replay.compared),
            ("parley_edge_overruns_total", "Times that all heads were compared after an overrun.", self._end.overruns),
            ("parley_edge_malformed_total", "Frames of workers that could not be understood.", self._end.refused),
            ("parley_edge_unsent_total", "Hints to workers that the link did not take.", self._end.unsent),
        ):
            yield CounterMetricFamily(name, words, value=number)

    def _files(self) -> Iterator[Metric]:
        intake = self._edge.intake
        yield GaugeMetricFamily("parley_edge_uploads", "Requests whose bytes are coming now.", value=intake.open)
        for name, words, number in (
            ("parley_edge_upload_bytes_total", "Bytes of files that were received and kept.", intake.received),
            ("parley_edge_files_total", "Files that were received whole.", intake.completed),
        ):
            yield CounterMetricFamily(name, words, value=number)

    def _asked(self) -> Iterator[Metric]:
        edge = self._edge
        requests = CounterMetricFamily(
            "parley_edge_http_requests_total", "HTTP requests answered.", labels=["method", "status"]
        )
        for (method, status), count in sorted(edge.http.answers.items()):
            requests.add_metric([method, str(status)], count)
        yield requests
        yield edge.http.seconds.family("parley_edge_http_seconds", "Time of an HTTP request.")
        yield _by(
            "parley_edge_csp_violations_total", "What the web app's policy stopped.", "directive", edge.violations
        )
        for name, words, level in (
            ("parley_edge_messaging_enabled", "1 while messaging is switched on.", int(edge.switch.enabled)),
            ("parley_edge_rollout_percentage", "The share of clients who may write.", edge.switch.percentage),
            ("parley_edge_draining", "1 while the edge stops.", int(edge.draining())),
            (
                "parley_edge_revocations_age_seconds",
                "How long ago revocations were read (about 2 at most).",
                time.monotonic() - edge.revocations.read_at,
            ),
        ):
            yield GaugeMetricFamily(name, words, value=level)


def _by(name: str, words: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family

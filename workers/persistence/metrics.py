"""What a persistence worker tells Prometheus: appends, what becomes of commands, what waits for the log."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.persistence.service import LONGEST_LIFE_SECONDS, Persistence

OUTCOMES = {
    "stored": "stored",
    "replays": "replayed",
    "refused": "refused",
    "bad": "bad",
    "expired": "expired",
    "overloaded": "overloaded",
}
COUNTED = {
    "frames": ("parley_persistence_frames_total", "Frames of commands received."),
    "malformed": ("parley_persistence_malformed_total", "Frames that are no commands."),
    "commands": ("parley_persistence_commands_received_total", "Commands in frames, repeated ones included."),
    "merged": ("parley_persistence_merged_total", "Commands that joined the same one in the queue."),
    "held": ("parley_persistence_held_total", "Commands put aside: others had their conversation's row."),
    "retries": ("parley_persistence_retries_total", "Appends to be tried again: the database did not answer."),
    "surprises": ("parley_persistence_surprises_total", "Appends that failed in a way that nobody foresaw."),
    "unsent": ("parley_persistence_unsent_total", "Answers and events that the link did not take."),
}


class PersistenceMetrics(Collector):
    """Reads the worker's own numbers when somebody asks."""

    def __init__(self, persistence: Persistence) -> None:
        self._persistence = persistence

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        persistence = self._persistence
        counters = persistence.counters
        commands = CounterMetricFamily(
            "parley_persistence_commands_total", "Commands answered, by outcome.", labels=["outcome"]
        )
        for field, outcome in OUTCOMES.items():
            commands.add_metric([outcome], getattr(counters, field))
        yield commands
        events = CounterMetricFamily(
            "parley_persistence_events_total", "Events stored, by what made them.", labels=["kind"]
        )
        for kind, count in sorted(persistence.stored_kinds.items()):
            events.add_metric([kind], count)
        yield events
        for field, (name, words) in COUNTED.items():
            yield CounterMetricFamily(name, words, value=getattr(counters, field))
        yield persistence.append_seconds.family(
            "parley_persistence_append_seconds", "Time of one append, its commit included, failed ones too."
        )
        yield persistence.batch_commands.family("parley_persistence_batch_commands", "Commands in one append.")
        queue = persistence.queue
        yield GaugeMetricFamily("parley_persistence_waiting_commands", "Commands that wait.", value=queue.waiting)
        yield GaugeMetricFamily(
            "parley_persistence_held_bytes", "What those and the ones being appended hold.", value=queue.cost
        )
        yield GaugeMetricFamily(
            "parley_persistence_held_conversations", "Conversations whose row others hold.", value=len(queue.held)
        )
        deadline = queue.next_deadline()
        age = 0.0 if deadline is None else LONGEST_LIFE_SECONDS - (deadline - time.monotonic())
        yield GaugeMetricFamily(
            "parley_persistence_waiting_seconds",
            "How long ago the oldest of them left its edge (dead at 5).",
            value=min(max(0.0, age), LONGEST_LIFE_SECONDS),
        )
        yield GaugeMetricFamily(
            "parley_persistence_database_lost", "1 while the database does not answer.", value=int(persistence.lost)
        )

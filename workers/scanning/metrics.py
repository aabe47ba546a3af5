"""What a scanning worker tells Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.scanning.service import Scanning


class ScanningMetrics(Collector):
    """Reads the worker's own numbers when somebody asks."""

    def __init__(self, scanning: Scanning) -> None:
        self._scanning = scanning

    def collect(self) -> Iterator[Metric]:
        """Told to Prometheus."""
        counters = self._scanning.counters
        verdicts = CounterMetricFamily("parley_scanning_verdicts_total", "Verdicts on files.", labels=["verdict"])
        for verdict in ("clean", "infected", "rejected", "confirmed"):
            verdicts.add_metric([verdict], getattr(counters, verdict))
        yield verdicts
        for name, words, value in (
            (
                "parley_scanning_errors_total",
                "Files that could not be judged for now; they are tried again.",
                counters.errors,
            ),
            ("parley_scanning_told_total", "Commands that tell a conversation of a verdict.", counters.told),
            ("parley_scanning_unsent_total", "Those that did not leave; they are said again.", counters.unsent),
            (
                "parley_scanning_refused_frames_total",
                "Frames that a scanning worker has no use for.",
                counters.refused_frames,
            ),
            ("parley_scanning_rescans_total", "Clean files that were put up to be scanned again.", counters.rescans),
            (
                "parley_scanning_swept_files_total",
                "Files that nobody held and whose time was over.",
                counters.swept_files,
            ),
            ("parley_scanning_swept_objects_total", "Objects in the store that no row named.", counters.swept_objects),
        ):
            yield CounterMetricFamily(name, words, value=value)
        yield GaugeMetricFamily("parley_scanning_busy", "Files that are being scanned.", value=self._scanning.busy)
        yield GaugeMetricFamily(
            "parley_scanning_engine_works", "1 while the engine answers.", value=float(self._scanning.works)
        )

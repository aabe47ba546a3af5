"""The rows of the speed table: what load, which goals, and how each is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.bisection import Bisection
from bench.instance import Instance
from bench.rig import Rig


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its bound."""

    figure: str
    bound: float
    unit: str = "ms"
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Is the figure good enough? NaN never is."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{self.figure} {'≥' if self.at_least else '≤'} {self.bound:,g} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: figures by name, whether nothing was wrong with it, and what else is known of it."""

    figures: dict[str, float]
    sound: bool
    load_average: float
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    key: str
    load: str
    goals: tuple[Goal, ...]
    measure: Callable[[Rig], list[Run]]


@dataclass(frozen=True, slots=True)
class Result:
    """A row as it was measured: the median of each figure over the runs."""

    row: Row
    runs: list[Run]

    @property
    def figures(self) -> dict[str, float]:
        """Medians by name."""
        return {name: median(run.figures[name] for run in self.runs) for name in self.runs[0].figures}

    @property
    def sound(self) -> bool:
        """Was nothing lost, doubled, misordered or refused in any run?"""
        return all(run.sound for run in self.runs)

    @property
    def met(self) -> bool:
        """Are all goals reached, by sound runs?"""
        return self.sound and all(goal.met(self.figures[goal.figure]) for goal in self.row.goals)


def _even(rig: Rig, instance: Instance, *words: str) -> Run:
    """One firehose."""
    figures = rig.generate("bench.firehose", instance, *words)
    delivery = figures["delivery_ms"]
    return Run(
        {"p50": _number(delivery["p50"]), "p99": _number(delivery["p99"])},
        figures["sound"],
        figures["load_average"][0],
        figures,
    )


def _number(figure: float | None) -> float:
    """JSON knows no NaN: a latency that nothing was measured of comes as null."""
    return float("nan") if figure is None else figure


def _repeated(*words: str, seconds: tuple[float, float]) -> Callable[[Rig], list[Run]]:
    """The same firehose on one fresh instance, `seconds` long (in full, quick)."""

    def measure(rig: Rig) -> list[Run]:
        with rig.instance() as instance:
            return [_even(rig, instance, *words, "--seconds", rig.length(*seconds)) for _ in range(rig.runs)]

    return measure


def _highest(rig: Rig) -> list[Run]:
    """Bisect for the highest rate; each bisection after the first begins where the one before ended."""
    runs: list[Run] = []
    with rig.instance() as instance:
        for _ in range(rig.runs):
            found = runs[-1].figures["rate"] if runs else 0.0
            search = Bisection(found, factor=1.15) if found else Bisection(500.0 if rig.quick else 4000.0)
            tries: list[dict[str, Any]] = []
            held: Run | None = None
            while (rate := search.rate) is not None and not (rig.quick and len(tries) > 2):
                run = _even(rig, instance, "--rate", f"{rate:.0f}", "--seconds", rig.length(5, 1))
                holds = run.sound and run.figures["p99"] <= HIGHEST_P99
                held = run if holds else held
                lag = run.details["send_lag_ms"]["p99"]
                tries.append({"rate": rate, "p99": run.figures["p99"], "sound": run.sound, "lag": lag, "holds": holds})
                rig.notice(f"    {rate:,.0f}/s: p99 {run.figures['p99']:,.1f} ms, {'holds' if holds else 'fails'}")
                search.tell(holds)
            average = held.load_average if held else 0.0
            details = {**(held.details if held else {}), "tries": tries}
            runs.append(Run({"rate": search.held}, search.held > 0, average, details))
    return runs


def _crowd(rig: Rig) -> list[Run]:
    """A fresh instance for each run: an edge that has held a crowd keeps some of its memory for the next."""
    runs = []
    for _ in range(rig.runs):
        with rig.instance() as instance:
            figures = rig.generate("bench.crowd", instance, "--connections", rig.length(10_000, 300))
            each = _number(figures["bytes_each"]) / 1000
            values = {"each": each, "connects": figures["connects_per_second"]}
            runs.append(Run(values, figures["sound"], figures["load_average"][0], figures))
    return runs


def _storm(rig: Rig) -> list[Run]:
    """One instance, one set of conversations, and so many returns."""
    words = ["--connections", rig.length(500, 50), "--behind", rig.length(50, 5), "--rounds", str(rig.runs)]
    with rig.instance() as instance:
        figures = rig.generate("bench.storm", instance, *words)
    return [
        Run({"all": _number(one["seconds"])}, one["sound"], one["load_average"][0], one) for one in figures["rounds"]
    ]


def _ballast(rig: Rig) -> list[Run]:
    """Two instances, one full and one empty, measured in turn: the neighbours' noise falls on both."""
    runs = []
    seconds = rig.length(10, 2)
    with rig.instance(0) as empty, rig.instance(1) as full:
        rig.fill(full, 1_000 if rig.quick else 100_000, 10_000 if rig.quick else 5_000_000)
        for _ in range(rig.runs):
            light = _even(rig, empty, "--rate", "1000", "--seconds", seconds)
            heavy = _even(rig, full, "--rate", "1000", "--seconds", seconds)
            values = {"p99": heavy.figures["p99"], "empty p99": light.figures["p99"]}
            ratio = values["p99"] / values["empty p99"]
            details = {**heavy.details, "empty": light.details}
            runs.append(Run({**values, "ratio": ratio}, light.sound and heavy.sound, heavy.load_average, details))
    return runs


def _uploads(rig: Rig) -> list[Run]:
    """One instance, measured in turn without and with files on their way."""
    runs = []
    seconds = rig.length(10, 2)
    # A little longer than what is measured, warm-up included, so that they come all the while.
    words = ["--uploads", "20", "--megabytes", rig.length(10, 2), "--pace", rig.length(0.7, 0.5)]
    with rig.instance() as instance:
        for _ in range(rig.runs):
            quiet = _even(rig, instance, "--rate", "1000", "--seconds", seconds)
            with rig.beside("bench.uploads", instance, *words) as ended:
                busy = _even(rig, instance, "--rate", "1000", "--seconds", seconds)
                sound = quiet.sound and busy.sound and ended() == 0
            values = {"p99": busy.figures["p99"], "quiet p99": quiet.figures["p99"]}
            ratio = values["p99"] / values["quiet p99"]
            runs.append(Run({**values, "ratio": ratio}, sound, busy.load_average, busy.details))
    return runs


HIGHEST_P99 = 100.0

ROWS = (
    Row(
        "even",
        "1,000 msg/s, 100 users, groups of 10",
        (Goal("p50", 3), Goal("p99", 15)),
        _repeated("--rate", "1000", seconds=(10, 2)),
    ),
    Row(
        "busy",
        "5,000 msg/s (50,000 deliveries/s), 20 s",
        (Goal("p99", 80),),
        _repeated("--rate", "5000", seconds=(20, 2)),
    ),
    Row(
        "highest",
        "the highest rate with p99 ≤ 100 ms",
        (Goal("rate", 6_000, "msg/s", at_least=True),),
        _highest,
    ),
    Row(
        "room",
        "one sender, 1,000 online members, 20 msg/s",
        (Goal("p99", 100),),
        _repeated(*["--users", "1000", "--group", "1000", "--senders", "1", "--rate", "20"], seconds=(10, 2)),
    ),
    Row(
        "crowd",
        "10,000 idle connections on one edge",
        (Goal("each", 25, "KB"), Goal("connects", 1_000, "/s", at_least=True)),
        _crowd,
    ),
    Row(
        "storm",
        "500 connections at once, 20 cursors each, 50 events behind",
        (Goal("all", 5, "s"),),
        _storm,
    ),
    Row(
        "ballast",
        "1,000 msg/s over 5 million events in 100,000 conversations",
        (Goal("ratio", 1.3, "of the empty one"),),
        _ballast,
    ),
    Row(
        "uploads",
        "1,000 msg/s while 20 files of 10 MB come, at 0.7 MB/s each, and are scanned",
        (Goal("ratio", 1.5, "of without"),),
        _uploads,
    ),
)
"""The table of the speed goals, in its order."""

"""Latencies as pictures: SVG that stands in a page by itself. Pure.

The distribution is drawn over "nines" (50 %, 90 %, 99 %, 99.9 %, …, each as wide as the last), which is where the
slow ones show; latencies are on a logarithmic axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]
Ticks: TypeAlias = Sequence[tuple[float, str]]

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 40, 44
COLOURS = ("#2563a8", "#c2571a", "#2f7d4f", "#8a3f8f", "#a3332d", "#5b6b1c", "#0f7c86", "#6b5b4b")
MOST_NINES = 5.0


def nines(quantile: float) -> float:
    """0.9 is 1, 0.99 is 2, 0.999 is 3; the maximum is as far as the picture goes."""
    return MOST_NINES if quantile >= 1 - 10**-MOST_NINES else -math.log10(1 - quantile)


def distribution(title: str, series: Mapping[str, Points]) -> str:
    """(quantile, milliseconds) by name, as `bench.latency.curve` gives them."""
    moved = {name: [(nines(q), ms) for q, ms in points] for name, points in series.items()}
    ticks = [(nines(q), label) for q, label in ((0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"))]
    ticks += [(nines(0.9999), "99.99"), (MOST_NINES, "max")]
    return chart(title, moved, ticks, "of 100 deliveries, how many were as fast (percentile)")


def over_time(title: str, series: Mapping[str, Points]) -> str:
    """(seconds, milliseconds) by name."""
    last = max((x for points in series.values() for x, _ in points), default=1.0)
    step = max(1.0, _round_up(last / 8))
    ticks = [(n * step, f"{n * step:g}") for n in range(int(last / step) + 1)]
    return chart(title, series, ticks, "seconds since the start")


def chart(title: str, series: Mapping[str, Points], x_ticks: Ticks, x_label: str) -> str:
    """Lines over a linear x axis and a logarithmic y axis in milliseconds; what is not finite is left out."""
    drawn = {
        name: [(x, max(y, 1e-3)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        for name, points in series.items()
    }
    ys = [y for points in drawn.values() for _, y in points] or [1.0]
    xs = [x for points in drawn.values() for x, _ in points] + [x for x, _ in x_ticks] or [0.0]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    high = max(high, low + 1)
    first, last = min(xs), max(max(xs), min(xs) + 1e-9)

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        down = TOP + (high - math.log10(y)) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return across, down

    lines = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" class="chart">',
        f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        _, y = at(first, 10.0**power)
        lines.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="grid"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    for value, label in x_ticks:
        x, _ = at(value, 10.0**low)
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(label)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    beside = float(LEFT)
    for (name, points), colour in zip(drawn.items(), _colours(), strict=False):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        lines.append(f'<text x="{beside:.0f}" y="32" fill="{colour}">{escape(name)}</text>')
        beside += 14 + 6.3 * len(name)
    return "\n".join([*lines, "</svg>"])


def _colours() -> list[str]:
    return list(COLOURS) * 8


def _round_up(value: float) -> float:
    """To the next 1, 2 or 5 of its power of ten."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)

"""The figures of a load run as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEBIBYTE = 1 << 20


def render(figures: Mapping[str, Any]) -> str:
    """Several lines; the last says whether the run was sound."""
    lines = [
        f"{figures['users']} users in groups of {figures['group']}{_speakers(figures)},"
        f" {figures['rate']:,.0f} messages/s for {figures['seconds']:g} s after {figures['warmup']:g} s of warm-up"
        f" (sent at {figures['achieved_rate']:,.0f}/s)",
        "",
        *(f"{name.replace('_', ' '):<14}{figures[name]:>12,}" for name in COUNTS),
        "",
        f"{'ms':<14}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}",
        *(_latency(name, figures[key]) for name, key in LATENCIES),
        "",
        f"{'processes':<30}{'n':>4}{'CPU s':>10}{'CPU %':>8}{'RSS MiB':>10}",
        *(_cost(cost, figures["span_seconds"]) for cost in figures["processes"]),
        f"load average {' '.join(f'{n:.2f}' for n in figures['load_average'])} on {figures['cpus']} CPUs",
    ]
    if figures["errors"]:
        lines += [
            "",
            "errors: " + ", ".join(f"{code} {n:,}" for code, n in sorted(figures["errors"].items())),
        ]
    if figures["closes"]:
        closes = ", ".join(f"{code} {n:,}" for code, n in sorted(figures["closes"].items()))
        lines.append(f"connections ended early: {closes}; {figures['reconnects']:,} came back")
    if figures["errors"].get("rate_limited"):
        lines += ["", "The server limits the rate: this was no measurement. Start it with RATE_LIMIT=0."]
    verdict = "Sound: all answered, nothing lost, duplicated or out of order."
    lines += ["", verdict if figures["sound"] else "NOT SOUND: see the figures above."]
    return "\n".join(lines)


COUNTS = (
    "sent",
    "acked",
    "refused",
    "unanswered",
    "delivered",
    "expected",
    "lost",
    "duplicated",
    "out_of_order",
    "foreign",
)
LATENCIES = (("delivery", "delivery_ms"), ("ack", "ack_ms"), ("send lag", "send_lag_ms"))


def _speakers(figures: Mapping[str, Any]) -> str:
    senders = figures.get("senders", figures["group"])
    return "" if senders == figures["group"] else f" ({senders} of each speak)"


def _latency(name: str, of: Mapping[str, float]) -> str:
    return f"{name:<14}" + "".join(f"{of[q]:>10.2f}" for q in ("p50", "p95", "p99", "max"))


def _cost(cost: Mapping[str, Any], span: float) -> str:
    percent = 100 * cost["cpu_seconds"] / span
    mebibytes = cost["rss_bytes"] / MEBIBYTE
    figures = f"{cost['processes']:>4}{cost['cpu_seconds']:>10.2f}{percent:>8.0f}{mebibytes:>10.0f}"
    return f"{cost['name']:<30}{figures}"

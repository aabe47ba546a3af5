"""A report as one HTML file that needs nothing but itself, and the folder where reports lie."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import orjson

RESULTS = Path(__file__).resolve().parent / "results"

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #66707f; --line: #d9dee6; --paper: #fff; --good: #2f7d4f;
        --bad: #a3332d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #98a2b1; --line: #39414d; --paper: #171c23;
        --good: #6fc793; --bad: #ef8a83; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
       max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
svg.chart { width: 100%; height: auto; margin: .8rem 0; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg text[fill] { font-weight: 600; } svg .title { font-size: 14px; font-weight: 600; }
svg .grid { stroke: var(--line); }
"""


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; a cell that is True or False says yes or no, in colour."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(_cell(one) for one in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(content: Any) -> str:
    if isinstance(content, bool):
        return f'<td class="{"good" if content else "bad"}">{"yes" if content else "no"}</td>'
    return f"<td>{escape(str(content))}</td>"


def page(title: str, words: str, parts: Iterable[str]) -> str:
    """The whole file. `parts` are HTML already; `title` and `words` are text."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f'<h1>{escape(title)}</h1><p class="soft">{escape(words)}</p>',
            *parts,
            "</body></html>",
        ]
    )


def keep(name: str, figures: Any, html: str, *, folder: Path = RESULTS) -> tuple[Path, Path]:
    """Write figures and page as `name` and the time, JSON and HTML; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    data, shown = folder / f"{stem}.json", folder / f"{stem}.html"
    data.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    shown.write_text(html)
    return data, shown

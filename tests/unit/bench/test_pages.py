"""Reports: pictures, pages, and the folder that keeps them."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import pytest

from bench import page, plots

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_nines_are_equally_wide():
    assert [round(plots.nines(q), 9) for q in (0, 0.9, 0.99, 0.999)] == [0, 1, 2, 3]
    assert plots.nines(1.0) == plots.MOST_NINES


def test_a_distribution_has_a_line_for_each_series_within_the_picture():
    svg = drawn(plots.distribution("Delivery", {"run 1": [(0, 1.0), (0.5, 2.0), (1, 90.0)], "run <2>": [(0, 3.0)]}))
    lines = svg.findall("polyline")
    assert len(lines) == 2
    points = [tuple(map(float, point.split(","))) for point in lines[0].attrib["points"].split()]
    assert len(points) == 3
    assert all(0 <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT for x, y in points)
    assert points[0][1] > points[-1][1], "slower is higher"
    assert "run <2>" in [text.text for text in svg.iter("text")]


@pytest.mark.parametrize("series", [{}, {"nothing": []}, {"no figure": [(1.0, math.nan)]}, {"none": [(0.0, 0.0)]}])
def test_a_chart_of_little_or_nothing_is_still_a_chart(series):
    assert drawn(plots.over_time("Delivery", series)).tag == "svg"


def test_the_axis_of_time_has_round_steps():
    svg = drawn(plots.over_time("Delivery", {"p99": [(0.0, 1.0), (61.0, 2.0)]}))
    texts = [text.text for text in svg.iter("text")]
    assert {"0", "10", "20", "60"} <= set(texts)


def test_a_page_stands_by_itself_and_escapes_its_words():
    html = page.page("A & B", "<soft>", [page.table(("what", "ok"), [("<x>", True), (3, False)])])
    assert "A &amp; B" in html
    assert "&lt;soft&gt;" in html
    assert "<td>&lt;x&gt;</td>" in html
    assert '<td class="good">yes</td>' in html
    assert '<td class="bad">no</td>' in html
    assert "http" not in html


def test_a_report_is_kept_as_data_and_page(tmp_path):
    data, shown = page.keep("table", {"n": 1}, "<html>", folder=tmp_path / "results")
    assert json.loads(data.read_bytes()) == {"n": 1}
    assert shown.read_text() == "<html>"
    assert data.stem == shown.stem
    assert data.stem.startswith("table-")

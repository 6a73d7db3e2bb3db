"""The picture of a lineage: well-formed whatever the names, legible, and not drawn where nobody could read it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.cli.render.svg import MOST, svg
from mmreg.cli.text import HOSTILE
from mmreg.errors import MissingExtra, UsageError
from mmreg.schemas.lineage import Edge, Lineage, Node

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {SVG + tag for tag in ("svg", "title", "style", "defs", "marker", "path", "rect", "g", "text")}
ATTRIBUTES = {
    "class", "d", "height", "id", "marker-end", "markerHeight", "markerUnits", "markerWidth", "orient", "refX", "refY",
    "role", "style", "viewBox", "width", "x", "y", "aria-labelledby",
}  # fmt: skip
CLASS = re.compile(r"ground|behind|name|fact|edge( [a-z_]+)+|node [a-z]+ (one|alike|chain)( focus)?")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_names_make_a_well_formed_picture_of_known_parts(
    lineages: st.SearchStrategy[Lineage], data: st.DataObject
) -> None:
    lineage = data.draw(lineages)
    text = svg(lineage, whole=True)
    root = ElementTree.fromstring(text)
    parts = list(root.iter())
    assert {part.tag for part in parts} <= TAGS
    assert {name for part in parts for name in part.attrib} <= ATTRIBUTES
    assert all(CLASS.fullmatch(part.attrib["class"]) for part in parts if "class" in part.attrib)
    assert not HOSTILE.search(text.replace("\n", "")) and "\ufffe" not in text
    boxes = root.findall(f"{SVG}g[@class]")
    assert sum(box.attrib["class"].startswith("node ") for box in boxes) == len(lineage.nodes)
    assert sum("focus" in box.attrib["class"] for box in boxes) == 1
    ids = {node.id for node in lineage.nodes}
    joined = {(edge.source, edge.target) for edge in lineage.edges if {edge.source, edge.target} <= ids}
    assert sum(box.attrib["class"].startswith("edge ") for box in boxes) == len(joined)


def test_a_small_lineage_is_whole_and_says_what_it_is(studio: Callable[[int], Any]) -> None:
    root = ElementTree.fromstring(svg(studio(1).seen("version:pairs-2", "up")))
    assert root.findtext(f"{SVG}title") == "Lineage of pairs@v2, up: 5 boxes"
    assert [text.text for text in root.iter(f"{SVG}text")] == [
        "data/records.jsonl", "ingest pairs", "run:20261122T000002.000002Z", "pairs@v1", "8,000 rows",
        "pass stats", "run:20261122T000003.000003Z", "pairs@v2", "8,101 rows",
    ]  # fmt: skip


@pytest.mark.parametrize(("rounds", "direction"), [(2, "up"), (12, "up"), (4, "down")])
def test_letters_stay_legible_on_a_page_of_1280(studio: Callable[[int], Any], rounds: int, direction: str) -> None:
    history = studio(rounds)
    focus = history.newest["train"] if direction == "up" else "version:pairs-1"
    root = ElementTree.fromstring(svg(history.seen(focus, direction)))
    assert root.attrib["viewBox"].split()[2:] == [root.attrib["width"], root.attrib["height"]]
    scale = min(1.0, 1280 / float(root.attrib["width"])) if "style" in root.attrib else 1.0
    style = root.findtext(f"{SVG}style") or ""
    assert min(float(size) for size in re.findall(r"(\d+)px", style)) * scale >= 9
    assert float(root.attrib["width"]) <= 1422


def test_arrows_end_where_boxes_begin(studio: Callable[[int], Any]) -> None:
    """The tip reaches from the end of the curve to the box; the outline of a round one begins eight after its left."""
    lineage = studio(1).seen("version:pairs-2", "up")
    root = ElementTree.fromstring(svg(lineage))
    curves = [g[1].attrib["d"] for g in root.findall(f"{SVG}g") if g.attrib["class"].startswith("edge")]
    boxes = [g[1].attrib["d"] for g in root.findall(f"{SVG}g") if g.attrib["class"].startswith("node")]
    ends = sorted(float(re.split("[ C]", curve)[-2]) for curve in curves)
    lefts = sorted(float(re.split("[Mh ]", box)[1]) for box in boxes)
    assert len(ends) == 4
    gaps = [left - end - 11.5 for end, left in zip(ends, lefts[1:], strict=True)]
    assert all(min(abs(gap), abs(gap - 8)) < 0.8 for gap in gaps)


def test_too_many_boxes_are_refused_with_what_to_do() -> None:
    nodes = tuple(Node(f"version:{n}", "version", f"set{n}", f"set{n}@v1") for n in range(MOST + 1))
    edges = tuple(Edge(nodes[0].id, node.id, "via") for node in nodes[1:])
    lineage = Lineage(nodes[0].id, "down", nodes, edges)
    with pytest.raises(UsageError, match=r"2,001 boxes are more than fit one picture \(2,000\)") as error:
        svg(lineage, whole=True)
    assert error.value.hint == "without --all, with --depth N, or --format html: that shows any part of it"
    assert "2,000 × set1@v1" in svg(lineage)


def test_without_pygraphviz_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, studio: Callable[[int], Any]
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(MissingExtra, match="needs the extra 'graph'"):
        svg(studio(1).seen("version:pairs-2", "up"))

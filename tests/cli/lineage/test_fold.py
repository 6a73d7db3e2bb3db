"""What is left out of a long lineage, and that nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.cli.render import label, render
from mmreg.cli.render.fold import Sketch, fold, unfolded
from mmreg.cli.render.layout import paint
from mmreg.cli.render.lineage import Tree
from mmreg.cli.text import HOSTILE
from mmreg.schemas.lineage import Edge, Lineage, Node

Studio = Callable[[int], Any]


def shown(lineage: Lineage, *, whole: bool = False) -> list[str]:
    return [paint(line, colour=False) for line in render(Tree.of(lineage, whole=whole))]


def test_a_chain_of_passes_is_one_line(studio: Studio) -> None:
    history = studio(1)
    for _ in range(40):
        history.version(history.run("pass", "stats", ("pairs", "used")), "pairs")
    assert shown(history.seen(history.newest["pairs"], "up")) == [
        "pairs@v47  8,101 rows",
        "└─ pass stats · run:20261122T000109.000069Z",
        "   └─ ⋯ pairs@v1 … pairs@v46  46 versions  passes stats, clean, phash, language, 2 more",
        "      ├─ ingest pairs · run:20261122T000002.000002Z",
        "      │  └─ data/records.jsonl",
        "      └─ model:captioner@1eef00000001",
        "         └─ model captioner · run:20261122T000001.000001Z",
    ]


def test_seeds_are_counted_and_the_one_that_matters_is_not_among_them(studio: Studio) -> None:
    history = studio(2)
    lines = shown(history.seen("version:train-1", "down"))
    assert [line for line in lines if line[:3] in ("├─ ", "└─ ")] == [
        "├─ 4 × training clip · run:20261122T000019.000019Z … run:20261122T000025.000025Z  trained on",
        "├─ training clip · run:20261122T000027.000027Z  trained on",
        "└─ training clip · run:20261122T000029.000029Z  failed  trained on",
    ]
    assert "│  └─ 4 × model:clip@1eef00000001 … model:clip@7bbc00000004  4 evaluations" in lines


def test_validations_are_counted_beside_what_they_looked_at(studio: Studio) -> None:
    history = studio(1)
    for _ in range(40):
        history.run("validation", "train", ("train", "used"))
    assert shown(history.seen("version:train-1", "down"))[0] == "train@v1  5,000 rows  41 validations"


@pytest.mark.parametrize(("customers", "boxes"), [(60, 3), (11, 23)])
def test_many_that_differ_by_name_alone_are_counted_a_few_are_not(studio: Studio, customers: int, boxes: int) -> None:
    history = studio(0)
    history.version(history.run("ingest", "pairs"), "pairs")
    for number in range(customers):
        history.version(history.run("select", f"for_{number}", ("pairs", "used")), f"for_{number}")
    sketch = fold(history.seen("version:pairs-1", "down"))
    assert len(sketch.knots) == boxes
    if customers == 60:
        assert [paint(line, colour=False) for line in render(Tree(sketch))][1:] == [
            "└─ 60 × select for_0 … select for_59",
            "   └─ 60 × for_0@v1 … for_59@v1",
        ]
        assert [label.lines(knot) for knot in sketch.knots.values()][1:] == [
            ("60 × select for_0", "… select for_59"),
            ("60 × for_0@v1", "… for_59@v1"),
        ]


def test_five_hundred_nodes_can_be_read(studio: Studio) -> None:
    history = studio(12)
    for focus, direction in (("version:pairs-1", "down"), (history.newest["train"], "up")):
        lineage = history.seen(focus, direction)
        lines = shown(lineage)
        assert len(lines) < len(lineage.nodes) / 2 and max(map(len, lines)) < 180
        told = [line for line in shown(lineage, whole=True) if line and "(see " not in line]
        assert len(told) == len(lineage.nodes)


def test_what_fits_a_screen_is_not_folded(studio: Studio) -> None:
    lineage = studio(1).seen("version:train-1", "up")
    assert Tree.of(lineage).folded == 0
    assert Tree(fold(lineage)).folded > 0


def test_a_graph_of_versions_alone_is_folded_too() -> None:
    nodes = [Node(f"version:{n}", "version", "pairs", f"pairs@v{n}") for n in range(50)]
    edges = tuple(Edge(a.id, b.id, "via") for a, b in pairwise(nodes))
    lines = shown(Lineage(nodes[-1].id, "up", tuple(nodes), edges))
    assert lines == ["pairs@v49", "└─ pairs@v48", "   └─ ⋯ pairs@v1 … pairs@v47  47 versions", "      └─ pairs@v0"]


def test_ten_thousand_nodes_in_a_row_are_no_trouble() -> None:
    nodes = [Node(f"version:{n}", "version", f"set{n % 7}", f"pairs@v{n}") for n in range(10_000)]
    edges = tuple(Edge(a.id, b.id, "via") for a, b in pairwise(nodes))
    assert fold(Lineage(nodes[0].id, "down", tuple(nodes), edges)).folded == 0


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_folding_loses_nothing_and_joins_nothing_that_was_apart(
    lineages: st.SearchStrategy[Lineage], data: st.DataObject
) -> None:
    lineage = data.draw(lineages)
    whole, sketch = unfolded(lineage), fold(lineage)
    home = {node.id: id for id, knot in sketch.knots.items() for node in (*knot.members, *knot.beside)}
    assert sorted(home) == sorted(node.id for node in lineage.nodes)
    assert sum(len(knot.members) + len(knot.beside) for knot in sketch.knots.values()) == len(lineage.nodes)
    assert sketch.knots[lineage.focus].members == whole.knots[lineage.focus].members

    kept = {Edge(home[e.source], home[e.target], e.kind) for e in whole.edges if home[e.source] != home[e.target]}
    assert set(sketch.edges) == kept
    before, after = _graph(whole), _graph(sketch)
    if nx.is_directed_acyclic_graph(before):
        assert nx.is_directed_acyclic_graph(after)
    for reached in (nx.descendants, nx.ancestors):
        apart = {home[id] for id in reached(before, lineage.focus)} - {lineage.focus}
        assert apart == reached(after, lineage.focus)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_folded_tree_tells_every_knot_once_and_holds_no_control_character(
    lineages: st.SearchStrategy[Lineage], data: st.DataObject
) -> None:
    tree = Tree(fold(data.draw(lineages)))
    lines = list(render(tree))
    told = [line for line in lines if line and line[-1] not in (("  (see above)", "dim"), ("  (see below)", "dim"))]
    assert len(told) == len(tree.sketch.knots)
    assert not any(HOSTILE.search(paint(line, colour=False)) for line in lines)
    for knot in tree.sketch.knots.values():
        assert label.lines(knot) and all(0 < len(line) <= label.LIMIT for line in label.lines(knot))


def _graph(sketch: Sketch) -> Any:
    graph = nx.DiGraph()
    graph.add_nodes_from(sketch.knots)
    graph.add_edges_from((edge.source, edge.target) for edge in sketch.edges if edge.source != edge.target)
    return graph

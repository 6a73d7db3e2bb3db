"""Parts of a lineage beside networkx: ways across something, short ways, and some kinds of nodes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.registry.lineage.narrow import crossing, leads, only, within
from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node, NodeKind

KINDS: tuple[EdgeKind, ...] = ("used", "generated", "curated_by")


@st.composite
def graphs(draw: st.DrawFn) -> Lineage:
    """Versions and models wired to runs at random, cycles among them, as `lineage down` of one of them has them."""
    runs = [f"run:{n}" for n in range(draw(st.integers(1, 5)))]
    others = [f"{draw(st.sampled_from(['version', 'checkpoint']))}:{n}" for n in range(draw(st.integers(1, 6)))]
    pairs = st.tuples(st.sampled_from(runs), st.sampled_from(others), st.booleans(), st.sampled_from(KINDS))
    edges = {
        Edge(run, other, kind) if made else Edge(other, run, kind)
        for run, other, made, kind in draw(st.lists(pairs, max_size=16))
    }
    focus = draw(st.sampled_from(runs + others))
    graph = nx.DiGraph([(edge.source, edge.target) for edge in edges])
    graph.add_node(focus)
    there = nx.descendants(graph, focus) | {focus}
    nodes = tuple(Node(id, kind_of(id), id, id) for id in sorted(there))
    among = (edge for edge in edges if {edge.source, edge.target} <= there)
    return Lineage(focus, "down", nodes, tuple(sorted(among, key=lambda edge: (edge.source, edge.target, edge.kind))))


def kind_of(id: str) -> NodeKind:
    return next(kind for kind in get_args(NodeKind) if kind == id.partition(":")[0])


def mirrored(found: Lineage) -> Lineage:
    direction: Literal["up", "down"] = "up" if found.direction == "down" else "down"
    edges = tuple(Edge(edge.target, edge.source, edge.kind) for edge in found.edges)
    return Lineage(found.focus, direction, found.nodes, edges)


def walks(found: Lineage, start: str, longest: int) -> Iterator[tuple[Edge, ...]]:
    """Every walk from ``start``, the empty one among them."""
    waiting: list[tuple[str, tuple[Edge, ...]]] = [(start, ())]
    while waiting:
        here, walk = waiting.pop()
        yield walk
        if len(walk) < longest:
            waiting += [(edge.target, (*walk, edge)) for edge in found.edges if edge.source == here]


def crosses(start: str, walk: tuple[Edge, ...], what: str) -> bool:
    return what == start or any(what in (edge.kind, edge.target) for edge in walk)


@settings(max_examples=80, deadline=None)
@given(graphs(), st.data())
def test_ways_across_something(found: Lineage, data: st.DataObject) -> None:
    what = st.sampled_from([*KINDS, *(node.id for node in found.nodes)])
    through = data.draw(st.lists(what, min_size=1, max_size=2))
    ends = data.draw(st.sampled_from([None, (found.focus, found.nodes[-1].id)]))
    got = crossing(found, through, ends)
    assert set(got.edges) == across(found, through, ends)
    assert {node.id for node in got.nodes} == {found.focus} | {e for x in got.edges for e in (x.source, x.target)}
    if ends is None:
        assert set(crossing(mirrored(found), through).edges) == set(mirrored(got).edges)


def across(found: Lineage, through: list[str], ends: tuple[str, str] | None) -> set[Edge]:
    """The edges on such ways, by the graph of where one is and what one has crossed."""
    states = nx.MultiDiGraph()
    first = (found.focus, frozenset({found.focus}.intersection(through)))
    states.add_node(first)
    waiting = [first]
    while waiting:
        here, crossed = waiting.pop()
        for edge in found.edges:
            if edge.source == here:
                then = (edge.target, crossed | {edge.kind, edge.target}.intersection(through))
                if then not in states:
                    waiting.append(then)
                states.add_edge((here, crossed), then, edge=edge)
    arrived = {state for state in states if state[1] == set(through) and (ends is None or state[0] == ends[1])}
    leading = arrived.union(*(nx.ancestors(states, state) for state in arrived))
    return {edge for _, then, edge in states.edges(data="edge") if then in leading}


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(KINDS))
def test_ways_across_an_edge_one_by_one(found: Lineage, kind: EdgeKind) -> None:
    """Every short walk that crosses it is there."""
    got = set(crossing(found, [kind]).edges)
    for walk in walks(found, found.focus, 5):
        if crosses(found.focus, walk, kind):
            assert set(walk) <= got


@settings(max_examples=80, deadline=None)
@given(graphs(), st.integers(0, 4), st.data())
def test_ways_of_few_runs(found: Lineage, depth: int, data: st.DataObject) -> None:
    b = data.draw(st.sampled_from([node.id for node in found.nodes]))
    graph = nx.DiGraph()
    graph.add_nodes_from(node.id for node in found.nodes)
    graph.add_weighted_edges_from((e.source, e.target, e.target.startswith("run:")) for e in found.edges)

    def runs_on(source: str, target: str) -> float:
        """On the best way, both ends included."""
        if not nx.has_path(graph, source, target):
            return float("inf")
        return nx.dijkstra_path_length(graph, source, target) + source.startswith("run:")

    wanted = {e for e in found.edges if runs_on(found.focus, e.source) + runs_on(e.target, b) <= depth}
    got = within(found, found.focus, b, depth)
    assert set(got.edges) == wanted
    assert {found.focus} <= {node.id for node in got.nodes}


@settings(max_examples=80, deadline=None)
@given(graphs(), st.sets(st.sampled_from(get_args(NodeKind))))
def test_some_kinds_alone(found: Lineage, kinds: set[NodeKind]) -> None:
    got = only(found, kinds)
    shown = {node.id for node in found.nodes if node.kind in kinds} | {found.focus}
    assert {node.id for node in got.nodes} == shown
    graph = nx.DiGraph([(edge.source, edge.target) for edge in found.edges])
    graph.add_nodes_from(node.id for node in found.nodes)
    hidden = set(graph) - shown
    bridged = set()
    for source in shown:
        for target in shown - {source}:
            between = graph.subgraph(hidden | {source, target}).copy()
            between.remove_edges_from([(source, target)])
            if nx.has_path(between, source, target):
                bridged.add(Edge(source, target, "via"))
    assert set(got.edges) == {edge for edge in found.edges if {edge.source, edge.target} <= shown} | bridged
    for source in shown:
        for target in shown - {source}:
            assert leads(got, source, target) == nx.has_path(graph, source, target)

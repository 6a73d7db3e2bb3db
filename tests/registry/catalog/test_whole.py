"""The whole graph at once, on each kind of index."""

from __future__ import annotations

from mmreg.registry.catalog import Catalog
from mmreg.schemas.run import Run


def test_it_has_what_lies_up_and_down_of_everything(catalog: Catalog, history: list[Run], trained: list[Run]) -> None:
    for run in [*history, *trained]:
        catalog.absorb(run)
    whole = catalog.whole_lineage()
    assert whole.direction == "path" and whole.focus == whole.nodes[0].id
    nodes, edges = set(), set()
    for node in whole.nodes:
        for direction in ("up", "down"):
            part = catalog.lineage(node.id, direction)
            nodes.update(n.id for n in part.nodes)
            edges.update(part.edges)
    assert {node.id for node in whole.nodes} == nodes and set(whole.edges) == edges
    place = {node.id: position for position, node in enumerate(whole.nodes)}
    order = [(place[edge.source], place[edge.target], edge.kind) for edge in whole.edges]
    assert order == sorted(order)


def test_of_an_empty_index_it_is_empty(catalog: Catalog) -> None:
    whole = catalog.whole_lineage()
    assert whole.nodes == () and whole.edges == ()

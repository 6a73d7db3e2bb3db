"""Where one column of a version came from, and what came of it: the graph, column by column.

Its nodes say in their facts which of their ``columns`` are on the way; none, where it was only which rows there are. A
version that only carries a column on is left out, but where something was done to it, or with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mmreg.errors import NotFound, UsageError
from mmreg.registry.lineage.flow import OF_ROWS, Flow, Place, Step
from mmreg.registry.lineage.narrow import shown
from mmreg.schemas.lineage import Edge, Lineage
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog

Direction = Literal["up", "down"]


def lineage(catalog: Catalog, node: NodeRef, direction: Direction, depth: int | None = None) -> Lineage:
    """What the column that ``node`` names came from (`up`) or what came of it (`down`), at most ``depth`` runs away."""
    if depth is not None and depth < 0:
        raise UsageError(f"a depth of {depth} makes no sense: 0 or more")
    flow = Flow(catalog)
    start = places_of(catalog, flow, node, rows=direction == "up")
    places, steps = reached(flow, start, direction, depth)
    return _told(catalog, start[0].node, direction, places, steps, keep={place.node for place in start})


def path(catalog: Catalog, a: NodeRef, b: NodeRef) -> Lineage:
    """All ways from ``a`` down to ``b``, or else from ``b`` to ``a``, where one of them is a column."""
    flow = Flow(catalog)
    first, second = places_of(catalog, flow, a), places_of(catalog, flow, b)
    keep = {first[0].node, second[0].node}
    for upper, lower in ((a, b), (b, a)):
        below, _ = reached(flow, places_of(catalog, flow, upper, rows=False), "down")
        above, steps = reached(flow, places_of(catalog, flow, lower), "up")
        between = below & above
        if between:
            on_it = [step for step in steps if step.source in between and step.target in between]
            return _told(catalog, first[0].node, "path", between, on_it, keep)
    return _told(catalog, first[0].node, "path", {*first, *second}, [], keep)


def reached(
    flow: Flow, start: Iterable[Place], direction: Direction, depth: int | None = None
) -> tuple[set[Place], list[Step]]:
    """The places upstream or downstream of ``start``, itself included, and the steps by which they were reached.

    At most ``depth`` runs lie on the way to each; those of least runs come first.
    """
    runs = {place: int(_is_run(place)) for place in start}
    steps: dict[Step, None] = {}
    waiting, done = deque(runs), set()
    while waiting:
        here = waiting.popleft()
        if here in done:
            continue
        done.add(here)
        for step in flow.above(here) if direction == "up" else flow.below(here):
            there = step.source if direction == "up" else step.target
            far = runs[here] + _is_run(there)
            if depth is not None and far > depth:
                continue
            steps[step] = None
            if there not in runs or far < runs[there]:
                runs[there] = far
                # Without a run more it is as near as those that wait.
                waiting.append(there) if _is_run(there) else waiting.appendleft(there)
    return done, list(steps)


def _is_run(place: Place) -> bool:
    return place.node.startswith("run:")


def places_of(catalog: Catalog, flow: Flow, node: NodeRef, *, rows: bool = True) -> list[Place]:
    """What ``node`` means: all that there is of it, or one column, with the ``rows`` that there are of that or without.

    What a column came from is what its rows came from, too; what comes of a column need not hang on which rows it has.
    """
    id = catalog.node_id(replace(node, column=None))
    if node.kind != "version":
        return list(flow.all_places(id))
    row = catalog.resolve(VersionRef.parse(node.value))
    flow.versions(row.dataset)
    if node.column is None:
        return list(flow.all_places(id))
    known = flow.columns(row)
    if node.column not in known and node.column not in OF_ROWS:
        raise NotFound(
            f"{row.ref} has no column {node.column!r}{did_you_mean(node.column, known)}", hint=f"mmreg show {row.ref}"
        )
    return list(dict.fromkeys([*flow.places(id, [node.column]), *([Place(id)] if rows else [])]))


def _told(
    catalog: Catalog,
    focus: str,
    direction: Literal["up", "down", "path"],
    places: Iterable[Place],
    steps: Sequence[Step],
    keep: set[str],
) -> Lineage:
    columns: dict[str, set[str]] = {}
    for place in places:
        columns.setdefault(place.node, set()).update([place.column] if place.column else [])
    known = catalog.nodes(columns)
    nodes = tuple(
        replace(node, facts={**node.facts, "columns": sorted(columns[node.id])})
        if node.kind in ("version", "run")
        else node
        for node in known
    )
    place_of = {node.id: place for place, node in enumerate(nodes)}
    edges = {
        Edge(step.source.node, step.target.node, step.kind)
        for step in steps
        if step.source.node != step.target.node and {step.source.node, step.target.node} <= place_of.keys()
    }
    whole = Lineage(
        focus,
        direction,
        nodes,
        tuple(sorted(edges, key=lambda edge: (place_of[edge.source], place_of[edge.target], edge.kind))),
    )
    return shown(whole, _worth_showing(whole) | (keep & place_of.keys()))


def _worth_showing(found: Lineage) -> set[str]:
    """All but the versions that only carry on what they have from one to the next."""
    touched = {end for edge in found.edges if edge.kind != "via" for end in (edge.source, edge.target)}
    leads, led = {edge.source for edge in found.edges}, {edge.target for edge in found.edges}
    return {node.id for node in found.nodes if node.id in touched or node.id not in leads & led}

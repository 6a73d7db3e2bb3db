"""Which nodes upstream of one come from which others there: by their rows, their values or what they were trained on.

Not every edge of the graph carries something over. What a model was only evaluated on leaves nothing in it, nor does a
dataset of which a selection only keeps clear (`none_of`), or has as many rows as (`sample: like`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mmreg.schemas.lineage import Edge, Lineage, Node
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

Towards = Mapping[str, str | None]
"""By node the next one on the shortest way; None where the way ends, or began."""

CONTENT = frozenset({"used", "generated", "continues", "trained_on"})
"""Edges by which data goes on into data, or into a model."""


class Descent:
    """The graph upstream of ``focus`` (a node's id), without edges that carry nothing."""

    def __init__(self, workspace: Workspace, focus: str) -> None:
        self.graph = workspace.catalog.lineage(focus, "up")
        self.nodes: Mapping[str, Node] = {node.id: node for node in self.graph.nodes}
        self.edges = carrying(workspace, self.graph)
        self._below: dict[str, list[Edge]] = {}
        self._above: dict[str, list[Edge]] = {}
        for edge in self.edges:
            self._below.setdefault(edge.source, []).append(edge)
            self._above.setdefault(edge.target, []).append(edge)

    def above(self, id: str) -> list[Edge]:
        """The edges that lead to a node."""
        return self._above.get(id, [])

    def content(self, crossing: Collection[Edge] = ()) -> set[str]:
        """What the focus has data of, itself among it: over the edges of `CONTENT`, and over ``crossing``."""
        found = {self.graph.focus}
        waiting = deque(found)
        while waiting:
            for edge in self.above(waiting.popleft()):
                if edge.source not in found and (self._is_content(edge) or edge in crossing):
                    found.add(edge.source)
                    waiting.append(edge.source)
        return found

    def descendants(self, of: Iterable[str]) -> Towards:
        """All that comes from any of these nodes, with the node before it on the shortest way; these among them."""
        return self._breadth_first(of, lambda id: (edge.target for edge in self._below.get(id, ())))

    def to_focus(self) -> Towards:
        """All that leads to the focus, with the next node on the shortest way."""
        return self._breadth_first([self.graph.focus], lambda id: (edge.source for edge in self.above(id)))

    def _is_content(self, edge: Edge) -> bool:
        """A model that was merely used is no content: what it wrote or chose is told by another kind of edge."""
        return edge.kind in CONTENT and not (edge.kind == "used" and self.nodes[edge.source].kind == "checkpoint")

    def named(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Nodes as people name them."""
        return tuple(shown(self.nodes[id]) for id in ids)

    @staticmethod
    def _breadth_first(starts: Iterable[str], following: Callable[[str], Iterable[str]]) -> Towards:
        found: dict[str, str | None] = dict.fromkeys(starts)
        waiting = deque(found)
        while waiting:
            here = waiting.popleft()
            for there in following(here):
                if there not in found:
                    found[there] = here
                    waiting.append(there)
        return found


def follow(towards: Towards, id: str | None) -> Iterator[str]:
    """The nodes from ``id`` to the end of the way."""
    while id is not None:
        yield id
        id = towards[id]


def shown(node: Node) -> str:
    """A node as people name it."""
    if node.kind == "run":
        return f"{node.facts.get('job', 'run')} {node.name}"
    return f"model {node.name}@{node.id.partition(':')[2][:12]}" if node.kind == "checkpoint" else node.ref


def carrying(workspace: Workspace, graph: Lineage) -> tuple[Edge, ...]:
    """The edges of ``graph`` that carry something over."""
    idle = set(_idle(workspace, graph))
    return tuple(edge for edge in graph.edges if edge.kind != "evaluated_on" and (edge.source, edge.target) not in idle)


def _idle(workspace: Workspace, graph: Lineage) -> Iterator[tuple[str, str]]:
    """From what selections only keep clear of to their runs."""
    selections = [node.id.partition(":")[2] for node in graph.nodes if node.facts.get("job") == "select"]
    for run in workspace.catalog.runs_with(selections):
        yield from ((f"version:{id}", f"run:{run.id}") for id in kept_clear(run))


def kept_clear(run: Run) -> set[str]:
    """The uuids of the versions that a selection names only to have none of their rows, or as many."""
    select = run.facets.get("select", {})
    recipe = select.get("recipe", {})
    sample, none_of = recipe.get("sample"), recipe.get("none_of") or ()
    apart = {*none_of, *([sample.get("like")] if isinstance(sample, Mapping) else ())}
    base = {chosen_from["uuid"] for chosen_from in select.get("base", ())}
    named = {*recipe.get("all_of", ()), *recipe.get("any_of", ()), *recipe.get("datasets", ())}
    return {
        used.id
        for used in run.inputs
        if used.kind == "version" and used.id not in base and used.ref.partition("@")[0] in apart - named
    }

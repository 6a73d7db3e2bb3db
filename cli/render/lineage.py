"""A lineage as a tree in the terminal, rooted at what was asked for.

Runs stand between the artefacts that they read and made. A node that several ways lead to is told once, with
all that lies beyond it, and then only pointed at with "(see above)"; a branch too deep to read goes on below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mmreg.cli.render.layout import Line, Piece, Style, Styled, render
from mmreg.cli.text import clip, plural
from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node

_ROLES: Mapping[EdgeKind, str] = {
    "curated_by": "curated",
    "trained_on": "trained on",
    "init_from": "initial weights",
    "evaluated_on": "evaluated on",
}
_STYLES: Mapping[str, Style] = {"version": "bold", "checkpoint": "cyan", "source": "yellow"}
_LABEL = 80
_DEEP = 60
"""Cells of indentation after which a branch goes on further below, at the margin."""


@render.register(Lineage)
def _(value: Lineage) -> Iterator[Line]:
    """Downstream for `down` and `path`, upstream for `up`."""
    graph = _Graph.of(value)
    for root in graph.roots:
        yield from _tree(graph, root)


@dataclass
class _Graph:
    """Neighbours of each node in the direction that the tree grows; nodes already told."""

    nodes: Mapping[str, Node]
    beyond: Mapping[str, Sequence[tuple[str, EdgeKind]]]
    roots: Sequence[str]
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, lineage: Lineage) -> _Graph:
        nodes = {node.id: node for node in lineage.nodes}
        beyond: dict[str, list[tuple[str, EdgeKind]]] = {}
        for edge in lineage.edges:
            near, far = _ends(edge, lineage.direction)
            if near in nodes and far in nodes:
                beyond.setdefault(near, []).append((far, edge.kind))
        return cls(nodes, beyond, _roots(lineage, nodes, beyond))


def _ends(edge: Edge, direction: str) -> tuple[str, str]:
    return (edge.target, edge.source) if direction == "up" else (edge.source, edge.target)


def _roots(
    lineage: Lineage, nodes: Mapping[str, Node], beyond: Mapping[str, Sequence[tuple[str, EdgeKind]]]
) -> list[str]:
    """The focus, or where a path begins; then whatever no tree from there reaches."""
    reached = {far for neighbours in beyond.values() for far, _ in neighbours}
    first = [] if lineage.direction == "path" and lineage.focus in reached else [lineage.focus]
    starts = [node for node in (*first, *(n for n in nodes if n not in reached)) if node in nodes]
    roots: list[str] = []
    seen: set[str] = set()
    for node in (*starts, *nodes):  # the rest only matters for what a broken record could hold: a cycle
        if node not in seen:
            roots.append(node)
            _reach(node, beyond, seen)
    return roots


def _reach(start: str, beyond: Mapping[str, Sequence[tuple[str, EdgeKind]]], seen: set[str]) -> None:
    todo = [start]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += [far for far, _ in beyond.get(node, ())]


def _tree(graph: _Graph, root: str) -> Iterator[Line]:
    """Depth first, without recursion: a lineage may be deeper than Python's stack, or a screen is wide."""
    below = [root]
    for start in below:
        if start in graph.told:
            continue
        if start != root:
            yield ()
        todo: list[tuple[str, EdgeKind | None, str, str]] = [(start, None, "", "")]
        while todo:
            name, kind, branch, indent = todo.pop()
            beyond = graph.beyond.get(name, ())
            if name in graph.told:
                yield (Styled(branch, "dim"), *_label(graph.nodes[name], kind, "see above"))
            elif beyond and len(indent) >= _DEEP:
                below.append(name)
                yield (Styled(branch, "dim"), *_label(graph.nodes[name], kind, "see below"))
            else:
                graph.told.add(name)
                yield (Styled(branch, "dim"), *_label(graph.nodes[name], kind))
                todo += _branches(beyond, indent)


def _branches(beyond: Sequence[tuple[str, EdgeKind]], indent: str) -> Iterator[tuple[str, EdgeKind | None, str, str]]:
    """The last first, as a stack wants them."""
    for position, (far, kind) in enumerate(reversed(beyond)):
        yield ((far, kind, indent + "├─ ", indent + "│  ") if position else (far, kind, indent + "└─ ", indent + "   "))


def _label(node: Node, kind: EdgeKind | None, pointer: str | None = None) -> Iterator[Piece]:
    yield _name(node)
    if not pointer:
        yield Styled("".join(f"  {fact}" for fact in _facts(node)), "dim")
    if kind is not None and kind in _ROLES:
        yield Styled(f"  {_ROLES[kind]}", "yellow")
    if pointer:
        yield Styled(f"  ({pointer})", "dim")


def _name(node: Node) -> Piece:
    if node.kind != "run":
        return Styled(clip(node.ref, _LABEL), _STYLES[node.kind])
    return clip(f"{node.facts.get('job', 'run')} {node.name} · {short_run(node)}", _LABEL)


def short_run(node: Node) -> str:
    """The run's reference without its random end: in all likelihood it still names this run alone."""
    return node.ref.partition("Z-")[0] + "Z" if "Z-" in node.ref else node.ref


def _facts(node: Node) -> Iterator[str]:
    """What is worth a word beside the name; a run that went well needs none."""
    if isinstance(node.facts.get("rows"), int):
        yield plural(node.facts["rows"], "row")
    if node.facts.get("state") not in (None, "complete"):
        yield str(node.facts["state"])

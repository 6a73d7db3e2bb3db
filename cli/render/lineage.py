"""A lineage as a tree in the terminal, rooted at what was asked for.

Runs stand between the artefacts that they read and made. A node that several ways lead to is told once, with
all that lies beyond it, and then only pointed at with "(see above)"; a branch too deep to read goes on below.
What is more than a screen is folded (`mmreg.cli.render.fold`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mmreg.cli.render.fold import Knot, Sketch, fold, unfolded
from mmreg.cli.render.label import facts, name
from mmreg.cli.render.layout import Line, Piece, Style, Styled, render
from mmreg.schemas.lineage import Edge, EdgeKind, Lineage

ROLES: Mapping[EdgeKind, str] = {
    "curated_by": "curated",
    "trained_on": "trained on",
    "init_from": "initial weights",
    "evaluated_on": "evaluated on",
    "continues": "continued",
}
"""The edges that say more than "read" and "made", in a person's words."""
_STYLES: Mapping[str, Style] = {"version": "bold", "checkpoint": "cyan", "source": "yellow"}
_SCREEN = 40
"""A lineage of so many nodes is shown whole."""
_DEEP = 60
"""Cells of indentation after which a branch goes on further below, at the margin."""


@dataclass(frozen=True)
class Tree:
    """What of a lineage is printed, with ``folded`` nodes that are not there for themselves."""

    sketch: Sketch

    @classmethod
    def of(cls, lineage: Lineage, *, whole: bool = False) -> Tree:
        return cls(unfolded(lineage) if whole or len(lineage.nodes) <= _SCREEN else fold(lineage))

    @property
    def folded(self) -> int:
        return self.sketch.folded


@render.register(Lineage)
def _(value: Lineage) -> Iterator[Line]:
    return render(Tree.of(value))


@render.register(Tree)
def _(value: Tree) -> Iterator[Line]:
    """Downstream for `down` and `path`, upstream for `up`."""
    graph = _Graph.of(value.sketch)
    for root in graph.roots:
        yield from _tree(graph, root)


_Ways = Mapping[str, Mapping[str, Sequence[EdgeKind]]]


@dataclass
class _Graph:
    """Neighbours of each knot in the direction that the tree grows; knots already told."""

    knots: Mapping[str, Knot]
    beyond: _Ways
    roots: Sequence[str]
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, sketch: Sketch) -> _Graph:
        beyond: dict[str, dict[str, list[EdgeKind]]] = {}
        for edge in sketch.edges:
            near, far = _ends(edge, sketch.direction)
            beyond.setdefault(near, {}).setdefault(far, []).append(edge.kind)
        return cls(sketch.knots, beyond, _roots(sketch, beyond))


def _ends(edge: Edge, direction: str) -> tuple[str, str]:
    return (edge.target, edge.source) if direction == "up" else (edge.source, edge.target)


def _roots(sketch: Sketch, beyond: _Ways) -> list[str]:
    """The focus, or where a path begins; then whatever no tree from there reaches."""
    reached = {far for neighbours in beyond.values() for far in neighbours}
    first = [] if sketch.direction == "path" and sketch.focus in reached else [sketch.focus]
    starts = [id for id in (*first, *(n for n in sketch.knots if n not in reached)) if id in sketch.knots]
    roots: list[str] = []
    seen: set[str] = set()
    for id in (*starts, *sketch.knots):  # the rest only matters for what a broken record could hold: a cycle
        if id not in seen:
            roots.append(id)
            _reach(id, beyond, seen)
    return roots


def _reach(start: str, beyond: _Ways, seen: set[str]) -> None:
    todo = [start]
    while todo:
        id = todo.pop()
        if id not in seen:
            seen.add(id)
            todo += beyond.get(id, ())


def _tree(graph: _Graph, root: str) -> Iterator[Line]:
    """Depth first, without recursion: a lineage may be deeper than Python's stack, or a screen is wide."""
    below = [root]
    for start in below:
        if start in graph.told:
            continue
        if start != root:
            yield ()
        todo: list[tuple[str, Sequence[EdgeKind], str, str]] = [(start, (), "", "")]
        while todo:
            id, kinds, branch, indent = todo.pop()
            beyond = graph.beyond.get(id, {})
            if id in graph.told:
                yield (Styled(branch, "dim"), *_label(graph.knots[id], kinds, "see above"))
            elif beyond and len(indent) >= _DEEP:
                below.append(id)
                yield (Styled(branch, "dim"), *_label(graph.knots[id], kinds, "see below"))
            else:
                graph.told.add(id)
                yield (Styled(branch, "dim"), *_label(graph.knots[id], kinds))
                todo += _branches(beyond, indent)


def _branches(
    beyond: Mapping[str, Sequence[EdgeKind]], indent: str
) -> Iterator[tuple[str, Sequence[EdgeKind], str, str]]:
    """The last first, as a stack wants them."""
    for position, (far, kinds) in enumerate(reversed(list(beyond.items()))):
        yield (
            (far, kinds, indent + "├─ ", indent + "│  ") if position else (far, kinds, indent + "└─ ", indent + "   ")
        )


def _label(knot: Knot, kinds: Sequence[EdgeKind], pointer: str | None = None) -> Iterator[Piece]:
    style = _STYLES.get(knot.node.kind) if knot.how != "chain" else "dim"
    yield Styled(name(knot), style) if style else name(knot)
    if not pointer:
        yield Styled("".join(f"  {fact}" for fact in facts(knot)), "dim")
    if roles := [ROLES[kind] for kind in kinds if kind in ROLES]:
        yield Styled(f"  {', '.join(roles)}", "yellow")
    if pointer:
        yield Styled(f"  ({pointer})", "dim")

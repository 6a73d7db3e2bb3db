"""A lineage with less in it than there is, for people: what repeats is counted, what goes straight on is shortened.

Two things make a real lineage long. A dataset goes through forty passes, each of them a run and a version: of such a
*chain* the ends are shown, and what lies between is one knot. And the same thing is done over and over to the same
versions (five seeds of a training, a validation after each publish): nodes *alike* are one knot with a count.

The result is again a graph without new cycles: a chain has one way out, and nodes alike lie equally deep.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node

ALIKE = 3
"""From so many nodes alike on they are counted."""
CHAIN = 5
"""From so many nodes on the inside of a chain is folded: two passes and what lies between them."""
_ROUNDS = 4
"""How often nodes alike are told apart by their neighbours. Any number is right; more of them count less together."""


@dataclass(frozen=True)
class Knot:
    """One node, or several that are shown as one, in the order of the lineage."""

    id: str
    members: tuple[Node, ...]
    how: Literal["one", "alike", "chain"] = "one"

    @property
    def node(self) -> Node:
        """The one it is, or the newest of them."""
        return self.members[-1]


@dataclass(frozen=True)
class Sketch:
    """What is shown of a lineage: knots by id in the order of their first members, and the edges between them."""

    focus: str
    direction: Literal["up", "down", "path"]
    knots: Mapping[str, Knot]
    edges: tuple[Edge, ...]

    @property
    def folded(self) -> int:
        """How many nodes are not shown for themselves."""
        return sum(len(knot.members) for knot in self.knots.values() if knot.how != "one")


def unfolded(lineage: Lineage) -> Sketch:
    """Every node for itself."""
    knots = {node.id: Knot(node.id, (node,)) for node in lineage.nodes}
    edges = tuple(edge for edge in lineage.edges if edge.source in knots and edge.target in knots)
    return Sketch(lineage.focus, lineage.direction, knots, edges)


def fold(lineage: Lineage) -> Sketch:
    """Nodes alike counted, then chains shortened. The focus and what is next to it stay as they are."""
    whole = unfolded(lineage)
    counted = _merged(whole, list(_alike(whole)), "alike")
    return _merged(counted, list(_chains(counted)), "chain")


def _merged(sketch: Sketch, groups: Sequence[Sequence[str]], how: Literal["alike", "chain"]) -> Sketch:
    """``sketch`` with each group of its knots as one knot, called like the first of them."""
    home = {id: group[0] for group in groups for id in group}
    members: dict[str, list[Knot]] = defaultdict(list)
    for id, knot in sketch.knots.items():
        members[home.get(id, id)].append(knot)
    knots = {
        id: Knot(id, tuple(node for part in parts for node in part.members), how if len(parts) > 1 else parts[0].how)
        for id, parts in members.items()
    }
    edges = dict.fromkeys(
        Edge(home.get(edge.source, edge.source), home.get(edge.target, edge.target), edge.kind) for edge in sketch.edges
    )
    return Sketch(sketch.focus, sketch.direction, knots, tuple(edge for edge in edges if edge.source != edge.target))


def _alike(sketch: Sketch) -> Iterator[Sequence[str]]:
    """Groups of nodes of one kind and name that came about alike and came to the same: all upstream of them is alike,
    and so is all downstream.
    """
    before, after = _neighbours(sketch)
    order = list(_sorted(sketch, before, after))
    upstream = _signatures(sketch, order, before)
    downstream = _signatures(sketch, reversed(order), after)
    classes = _numbered((id, (upstream[id], downstream[id])) for id in sketch.knots)
    for _ in range(_ROUNDS):
        classes = _numbered(
            (id, (classes[id], *(frozenset((classes[far], kind) for far, kind in way[id]) for way in (before, after))))
            for id in sketch.knots
        )
    groups: dict[int, list[str]] = defaultdict(list)
    for id, number in classes.items():
        groups[number].append(id)
    return (group for group in groups.values() if len(group) >= ALIKE)


_Ways = Mapping[str, Sequence[tuple[str, EdgeKind]]]


def _neighbours(sketch: Sketch) -> tuple[_Ways, _Ways]:
    before: dict[str, list[tuple[str, EdgeKind]]] = {id: [] for id in sketch.knots}
    after: dict[str, list[tuple[str, EdgeKind]]] = {id: [] for id in sketch.knots}
    for edge in sketch.edges:
        before[edge.target].append((edge.source, edge.kind))
        after[edge.source].append((edge.target, edge.kind))
    return before, after


def _sorted(sketch: Sketch, before: _Ways, after: _Ways) -> Iterator[str]:
    """Upstream first. What goes round in circles, as in a broken record, is left out."""
    missing = {id: len(found) for id, found in before.items()}
    ready = deque(id for id in sketch.knots if not missing[id])
    while ready:
        id = ready.popleft()
        yield id
        for far, _ in after[id]:
            missing[far] -= 1
            if not missing[far]:
                ready.append(far)


def _signatures(sketch: Sketch, order: Iterable[str], way: _Ways) -> dict[str, int]:
    """A number for each node, equal where all that is beyond them that ``way`` is alike, in linear time."""
    numbers: dict[Hashable, int] = {}
    found = {id: numbers.setdefault(id, len(numbers)) for id in sketch.knots}
    for id in order:
        key = (_sort(sketch.knots[id].node, sketch.focus), frozenset((found[far], kind) for far, kind in way[id]))
        found[id] = numbers.setdefault(key, len(numbers))
    return found


def _sort(node: Node, focus: str) -> Hashable:
    if node.id == focus:
        return node.id
    return (node.kind, node.name, node.facts.get("job"), node.facts.get("state"), str(node.facts.get("columns")))


def _numbered(keys: Iterable[tuple[str, Hashable]]) -> dict[str, int]:
    numbers: dict[Hashable, int] = {}
    return {id: numbers.setdefault(key, len(numbers)) for id, key in keys}


@dataclass(frozen=True)
class _Links:
    """Which knots lead to which, but for the ``pendants``: runs and sources that hang on one other knot alone."""

    before: Mapping[str, Sequence[str]]
    after: Mapping[str, Sequence[str]]
    pendants: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, sketch: Sketch) -> _Links:
        before, after = ({id: {far for far, _ in found} for id, found in way.items()} for way in _neighbours(sketch))
        hanging = {
            id: next(iter(before[id] | after[id]))
            for id, knot in sketch.knots.items()
            if id != sketch.focus and len(before[id] | after[id]) == 1 and knot.node.kind in ("run", "source")
        }
        pendants: dict[str, list[str]] = defaultdict(list)
        for id, holder in hanging.items():
            pendants[holder].append(id)
        left = [
            {id: [far for far in found if far not in hanging] for id, found in way.items()} for way in (before, after)
        ]
        return cls(left[0], left[1], pendants)


def _chains(sketch: Sketch) -> Iterator[Sequence[str]]:
    """The insides of stretches in which one dataset goes on, run by run, and of which nothing else is made.

    What hangs on the inside and on nothing else (a validation, a listing of files) goes with it. What the runs
    read beside it (a model) does not.
    """
    links = _Links.of(sketch)
    pinned = {sketch.focus, *links.before.get(sketch.focus, ()), *links.after.get(sketch.focus, ())}
    ahead = {id: far for id in sketch.knots if id not in pinned and (far := _goes_on(sketch, links, id)) is not None}
    behind = {far: id for id, far in ahead.items()}
    for start in ahead.keys() - behind.keys():
        stretch = [start]
        while (far := ahead[stretch[-1]]) in ahead and behind[far] == stretch[-1]:
            stretch.append(far)
        if len(stretch) >= CHAIN:
            yield [*stretch, *(pendant for id in stretch for pendant in links.pendants.get(id, ()))]


def _goes_on(sketch: Sketch, links: _Links, id: str) -> str | None:
    """What follows on ``id`` in its stretch, or None where it is not on the inside of one."""
    name = _dataset(sketch, links, id)
    if name is None or sketch.knots[id].how != "one" or len(links.after[id]) != 1:
        return None
    if not any(_dataset(sketch, links, far) == name for far in links.before[id]):
        return None
    (far,) = links.after[id]
    return far if _dataset(sketch, links, far) == name else None


def _dataset(sketch: Sketch, links: _Links, id: str) -> str | None:
    """Of a version, its dataset; of a run, the one that it makes a version of."""
    node = sketch.knots[id].node
    if node.kind == "version":
        return node.name
    made = {sketch.knots[far].node.name for far in links.after[id] if sketch.knots[far].node.kind == "version"}
    return made.pop() if node.kind == "run" and len(made) == 1 else None

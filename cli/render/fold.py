"""A lineage with less in it than there is, for people: what repeats is counted, what goes straight on is shortened.

Two things make a real lineage long. A dataset goes through forty passes, each of them a run and a version: of such a
*chain* the ends are shown, and what lies between is one knot. And the same thing is done over and over to the same
versions (five seeds of a training): nodes *alike* are one knot with a count. What only looks (a validation after each
publish) is counted beside what it looked at.

The result is again a graph without new cycles: a chain has one way out, and nodes alike lie equally deep.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node

ALIKE = 3
"""From so many nodes alike on they are counted."""
STRANGERS = 12
"""From so many on nodes are counted that are alike but for their names: selections for sixty customers."""
CHAIN = 5
"""From so many nodes on the inside of a chain is folded: two passes and what lies between them."""
_ROUNDS = 4
"""How often nodes alike are told apart by their neighbours. Any number is right; more of them count less together."""


@dataclass(frozen=True)
class Knot:
    """One node, or several that are shown as one, in the order of the lineage; and what is only counted ``beside``."""

    id: str
    members: tuple[Node, ...]
    how: Literal["one", "alike", "chain"] = "one"
    beside: tuple[Node, ...] = ()

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
        return sum(len(knot.beside) + (len(knot.members) if knot.how != "one" else 0) for knot in self.knots.values())


def unfolded(lineage: Lineage) -> Sketch:
    """Every node for itself."""
    knots = {node.id: Knot(node.id, (node,)) for node in lineage.nodes}
    edges = tuple(edge for edge in lineage.edges if edge.source in knots and edge.target in knots)
    return Sketch(lineage.focus, lineage.direction, knots, edges)


def fold(lineage: Lineage) -> Sketch:
    """Nodes alike counted, validations hung on what they looked at, chains shortened. The focus stays as it is."""
    sketch = unfolded(lineage)
    sketch = _merged(sketch, list(_alike(sketch, ALIKE)), "alike")
    sketch = _merged(sketch, list(_alike(sketch, STRANGERS, by_name=False)), "alike")
    sketch = _hung(sketch, _looks(sketch))
    return _shortened(sketch)


def _merged(sketch: Sketch, groups: Sequence[Sequence[str]], how: Literal["alike", "chain"]) -> Sketch:
    """``sketch`` with each group of its knots as one knot, called like the first of them."""
    home = {id: group[0] for group in groups for id in group}
    parts: dict[str, list[Knot]] = defaultdict(list)
    for id, knot in sketch.knots.items():
        parts[home.get(id, id)].append(knot)
    knots = {
        id: found[0]
        if len(found) == 1
        else Knot(
            id,
            tuple(node for knot in found for node in knot.members),
            how,
            tuple(node for knot in found for node in knot.beside),
        )
        for id, found in parts.items()
    }
    edges = dict.fromkeys(
        Edge(home.get(edge.source, edge.source), home.get(edge.target, edge.target), edge.kind) for edge in sketch.edges
    )
    return Sketch(sketch.focus, sketch.direction, knots, tuple(edge for edge in edges if edge.source != edge.target))


def _hung(sketch: Sketch, holders: Mapping[str, str]) -> Sketch:
    """``sketch`` without the knots that ``holders`` has, each only counted beside its holder."""
    beside: dict[str, list[Node]] = defaultdict(list)
    for id, holder in holders.items():
        beside[holder] += sketch.knots[id].members
    knots = {
        id: replace(knot, beside=(*knot.beside, *beside[id])) if id in beside else knot
        for id, knot in sketch.knots.items()
        if id not in holders
    }
    edges = tuple(edge for edge in sketch.edges if edge.source in knots and edge.target in knots)
    return Sketch(sketch.focus, sketch.direction, knots, edges)


def _looks(sketch: Sketch) -> dict[str, str]:
    """The runs that went well, of which nothing came and which read one thing: with what that is."""
    before, after = _neighbours(sketch)
    return {
        id: before[id][0][0]
        for id, knot in sketch.knots.items()
        if knot.node.kind == "run" and knot.node.facts.get("state") == "complete" and id != sketch.focus
        if len(before[id]) == 1 and not after[id]
    }


def _alike(sketch: Sketch, least: int, *, by_name: bool = True) -> Iterator[Sequence[str]]:
    """Groups of ``least`` nodes or more of one kind (and name) that came about alike and came to the same: all upstream
    of them is alike, and so is all downstream.
    """
    before, after = _neighbours(sketch)
    order = list(_sorted(sketch, before, after))
    sorts = {id: _sort(knot, sketch.focus, by_name) for id, knot in sketch.knots.items()}
    upstream = _signatures(sorts, order, before)
    downstream = _signatures(sorts, reversed(order), after)
    number: defaultdict[Hashable, int] = defaultdict(count().__next__)
    classes = {id: number[upstream[id], downstream[id]] for id in sketch.knots}
    for _ in range(_ROUNDS):
        sizes = Counter(classes.values())
        several = [id for id in sketch.knots if sizes[classes[id]] >= least]
        near = {
            id: [frozenset((classes[far], kind) for far, kind in way[id]) for way in (before, after)] for id in several
        }
        classes |= {id: number[classes[id], *near[id]] for id in several}
    groups: dict[int, list[str]] = defaultdict(list)
    for id, its in classes.items():
        groups[its].append(id)
    return (group for group in groups.values() if len(group) >= least)


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


def _signatures(sorts: Mapping[str, Hashable], order: Iterable[str], way: _Ways) -> dict[str, int]:
    """A number for each node, equal where all that is beyond them that ``way`` is alike, in linear time."""
    numbers: dict[Hashable, int] = {}
    found = {id: numbers.setdefault(id, len(numbers)) for id in sorts}
    for id in order:
        key = (sorts[id], frozenset((found[far], kind) for far, kind in way[id]))
        found[id] = numbers.setdefault(key, len(numbers))
    return found


def _sort(knot: Knot, focus: str, by_name: bool) -> Hashable:
    node = knot.node
    if node.id == focus:
        return node.id
    facts = (node.kind, node.facts.get("job"), node.facts.get("state"), str(node.facts.get("columns")))
    return (*facts, node.name) if by_name else facts


def _shortened(sketch: Sketch) -> Sketch:
    """Of each stretch in which one dataset goes on, run by run, and of which nothing else is made, the inside folded.

    The listings of files that only its runs read go with it. What they read beside that (a model) does not.
    """
    before, after = ({id: {far for far, _ in found} for id, found in way.items()} for way in _neighbours(sketch))
    listings = {
        id: next(iter(after[id]))
        for id, knot in sketch.knots.items()
        if knot.node.kind == "source" and len(after[id]) == 1 and id != sketch.focus
    }
    pinned = {sketch.focus, *before.get(sketch.focus, ()), *after.get(sketch.focus, ())}
    ahead = {
        id: far for id in sketch.knots if id not in pinned and (far := _goes_on(sketch, before, after, id)) is not None
    }
    behind = {far: id for id, far in ahead.items()}
    stretches = [_stretch(start, ahead, behind) for start in ahead if start not in behind]
    folded = {id for stretch in stretches if len(stretch) >= CHAIN for id in stretch}
    sketch = _hung(sketch, {id: reader for id, reader in listings.items() if reader in folded})
    return _merged(sketch, [stretch for stretch in stretches if len(stretch) >= CHAIN], "chain")


_Ends = Mapping[str, Set[str]]


def _goes_on(sketch: Sketch, before: _Ends, after: _Ends, id: str) -> str | None:
    """What follows on ``id`` in its stretch, or None where it is not on the inside of one."""
    name = _dataset(sketch, after, id)
    if name is None or sketch.knots[id].how != "one" or len(after[id]) != 1:
        return None
    if not any(_dataset(sketch, after, far) == name for far in before[id]):
        return None
    (far,) = after[id]
    return far if _dataset(sketch, after, far) == name else None


def _dataset(sketch: Sketch, after: _Ends, id: str) -> str | None:
    """Of a version, its dataset; of a run, the one that it makes a version of."""
    node = sketch.knots[id].node
    if node.kind == "version":
        return node.name
    made = {sketch.knots[far].node.name for far in after[id] if sketch.knots[far].node.kind == "version"}
    return made.pop() if node.kind == "run" and len(made) == 1 else None


def _stretch(start: str, ahead: Mapping[str, str], behind: Mapping[str, str]) -> list[str]:
    stretch = [start]
    while (far := ahead[stretch[-1]]) in ahead and behind[far] == stretch[-1]:
        stretch.append(far)
    return stretch

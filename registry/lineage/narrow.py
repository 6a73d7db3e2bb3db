"""Less of a lineage: only ways that cross something, only ways of so many runs, only nodes of some kinds."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mmreg.schemas.lineage import Edge, Lineage, NodeKind

State = tuple[str, int]
"""Where one stands on a way, and which of what it has to cross it has crossed so far, a bit each."""


def crossing(found: Lineage, through: Sequence[str], ends: tuple[str, str] | None = None) -> Lineage:
    """Of ``found`` the ways that cross all of ``through``: kinds of edges, or ids of nodes.

    A way begins at the focus, or leads from the first of ``ends`` to the second. What lies on none is left out; the
    focus stays.
    """
    start, end = ends or (found.focus, None)
    steps = _steps(found, up=found.direction == "up")
    marks = {what: 1 << place for place, what in enumerate(dict.fromkeys(through))}
    whole = (1 << len(marks)) - 1

    def after(state: State, edge: Edge, to: str) -> State:
        return to, state[1] | marks.get(edge.kind, 0) | marks.get(to, 0)

    first = (start, marks.get(start, 0))
    before: dict[State, list[tuple[State, Edge]]] = {first: []}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        for edge, to in steps.get(state[0], ()):
            following = after(state, edge, to)
            if following not in before:
                before[following] = []
                waiting.append(following)
            before[following].append((state, edge))
    arrived = [state for state in before if state[1] == whole and end in (None, state[0])]
    return _kept(found, set(_backwards(before, arrived)))


def within(found: Lineage, a: str, b: str, depth: int) -> Lineage:
    """Of the ways from ``a`` down to ``b`` those of at most ``depth`` runs, themselves included."""
    runs = {node.id for node in found.nodes if node.kind == "run"}
    down = _distances(a, _followers((edge.source, edge.target) for edge in found.edges), runs)
    up = _distances(b, _followers((edge.target, edge.source) for edge in found.edges), runs)
    far = depth + 1
    short = {edge for edge in found.edges if down.get(edge.source, far) + up.get(edge.target, far) <= depth}
    kept = _kept(found, short)
    ends = tuple(node for node in found.nodes if node.id in (a, b))
    return kept if kept.edges else replace(kept, nodes=ends)


def leads(found: Lineage, a: str, b: str) -> bool:
    """Whether a way of ``found`` leads from ``a`` down to ``b``."""
    return b in _distances(a, _followers((edge.source, edge.target) for edge in found.edges), ())


def only(found: Lineage, kinds: Collection[NodeKind], keep: Collection[str] = ()) -> Lineage:
    """``found`` without nodes of other kinds, but the focus and ``keep``. Where one led on, an edge ``via`` does."""
    kept = {found.focus, *keep}
    return shown(found, {node.id for node in found.nodes if node.kind in kinds or node.id in kept})


def shown(found: Lineage, ids: Collection[str]) -> Lineage:
    """``found`` with the nodes ``ids`` alone. Where one that is not shown led on, an edge ``via`` does."""
    steps = _followers((edge.source, edge.target) for edge in found.edges)
    place = {node.id: position for position, node in enumerate(found.nodes)}
    edges = {edge for edge in found.edges if edge.source in ids and edge.target in ids}
    for source in ids:
        edges.update(Edge(source, target, "via") for target in _beyond(source, steps, ids))
    return replace(
        found,
        nodes=tuple(node for node in found.nodes if node.id in ids),
        edges=tuple(sorted(edges, key=lambda edge: (place[edge.source], place[edge.target], edge.kind))),
    )


def _beyond(source: str, steps: Mapping[str, Sequence[str]], shown: Collection[str]) -> Iterator[str]:
    """What of ``shown`` comes next after ``source`` over what is not shown."""
    waiting = [node for node in steps.get(source, ()) if node not in shown]
    seen, told = set(waiting), {source}
    while waiting:
        for node in steps.get(waiting.pop(), ()):
            if node in shown and node not in told:
                told.add(node)
                yield node
            elif node not in shown and node not in seen:
                seen.add(node)
                waiting.append(node)


def _steps(found: Lineage, *, up: bool) -> dict[str, list[tuple[Edge, str]]]:
    """The edges at each node by which a way leads on, with where to."""
    steps: dict[str, list[tuple[Edge, str]]] = {}
    for edge in found.edges:
        here, there = (edge.target, edge.source) if up else (edge.source, edge.target)
        steps.setdefault(here, []).append((edge, there))
    return steps


def _backwards(before: Mapping[State, Sequence[tuple[State, Edge]]], arrived: Iterable[State]) -> Iterator[Edge]:
    """The edges on the ways that lead to ``arrived``."""
    waiting = list(arrived)
    seen = set(waiting)
    while waiting:
        for state, edge in before[waiting.pop()]:
            yield edge
            if state not in seen:
                seen.add(state)
                waiting.append(state)


def _kept(found: Lineage, edges: Collection[Edge]) -> Lineage:
    there = {found.focus} | {end for edge in edges for end in (edge.source, edge.target)}
    return replace(
        found,
        nodes=tuple(node for node in found.nodes if node.id in there),
        edges=tuple(edge for edge in found.edges if edge in edges),
    )


def _followers(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for here, there in pairs:
        following.setdefault(here, []).append(there)
    return following


def _distances(start: str, steps: Mapping[str, Sequence[str]], runs: Collection[str]) -> dict[str, int]:
    """How many runs lie on the shortest way from ``start`` to each node, both included."""
    found = {start: int(start in runs)}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in steps.get(here, ()):
            runs_there = found[here] + (there in runs)
            if runs_there < found.get(there, runs_there + 1):
                found[there] = runs_there
                # Without a run more it is as near as those that wait.
                waiting.append(there) if there in runs else waiting.appendleft(there)
    return found

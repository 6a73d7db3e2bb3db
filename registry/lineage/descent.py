"""Which places upstream of a node come from which others there: by their rows, their values, or by what was learned.

It is all over the steps of `mmreg.registry.lineage.flow`: by column, and without what carries nothing over. What a
model was only evaluated on leaves nothing in it, nor does a dataset of which a selection only keeps clear (`none_of`),
or has as many rows as (`sample: like`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from mmreg.registry.lineage.columns import places_of, reached
from mmreg.registry.lineage.flow import Flow, Place, Step
from mmreg.schemas.lineage import EdgeKind, Node
from mmreg.schemas.refs import NodeRef

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog

CONTENT: Collection[EdgeKind] = ("used", "generated", "continues", "trained_on", "via")
"""Steps by which data goes on into data, or into a model."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way from a node to where it ends, told node by node; it shares ``rest`` with all others that go on so.

    ``carried``: from here to the next node a version only carries on what it has.
    """

    node: str
    rest: Way | None = None
    carried: bool = False
    length: int = 1

    def __iter__(self) -> Iterator[str]:
        here: Way | None = self
        while here is not None:
            yield here.node
            here = here.rest

    def before(self, node: str, *, carried: bool = False) -> Way:
        """This way, from a node before it."""
        return Way(node, self, carried, self.length + 1)


class Descent:
    """All that is upstream of ``node``, a version or a column of one, a run or a model."""

    def __init__(self, catalog: Catalog, node: NodeRef) -> None:
        self.flow = Flow(catalog)
        self.start = places_of(catalog, self.flow, node)
        self.focus = self.start[0].node
        _, self.steps = reached(self.flow, self.start, "up")
        self._above: dict[Place, list[Step]] = {}
        self._below: dict[Place, list[Step]] = {}
        for step in self.steps:
            self._above.setdefault(step.target, []).append(step)
            self._below.setdefault(step.source, []).append(step)
        self.places = dict.fromkeys([*self.start, *(step.source for step in self.steps)])
        self.nodes: Mapping[str, Node] = {
            node.id: node for node in catalog.nodes(list(dict.fromkeys(place.node for place in self.places)))
        }

    def above(self, place: Place) -> list[Step]:
        return self._above.get(place, [])

    def below(self, place: Place) -> list[Step]:
        return self._below.get(place, [])

    def content(self, crossing: Callable[[Step], bool] = lambda step: False) -> set[Place]:
        """What the focus has data of, itself among it: over steps of `CONTENT`, and those that ``crossing`` wants."""
        found = set(self.start)
        waiting = deque(found)
        while waiting:
            for step in self.above(waiting.popleft()):
                if step.source not in found and (step.kind in CONTENT or crossing(step)):
                    found.add(step.source)
                    waiting.append(step.source)
        return found

    def descendants(self, of: Iterable[Place]) -> Mapping[Place, Way]:
        """All that comes from any of these places, these too, with the shortest way back to one of them."""
        return self._ways(of, self.below, lambda step: step.target)

    def to_focus(self, kinds: Collection[EdgeKind] = get_args(EdgeKind)) -> Mapping[Place, Way]:
        """All that leads to the focus over steps of ``kinds``, with the shortest way there."""
        return self._ways(
            self.start, lambda place: (s for s in self.above(place) if s.kind in kinds), lambda step: step.source
        )

    def named(self, way: Iterable[str]) -> tuple[str, ...]:
        """Nodes as people name them."""
        return tuple(shown(self.nodes[id]) for id in way)

    def _ways(
        self, starts: Iterable[Place], following: Callable[[Place], Iterable[Step]], end: Callable[[Step], Place]
    ) -> dict[Place, Way]:
        """All that can be reached; what is only carried from version to version makes no way longer."""
        found: dict[Place, Way] = {}
        waiting: deque[tuple[Place, Place | None, Step | None]] = deque((place, None, None) for place in starts)
        while waiting:
            here, back, by = waiting.popleft()
            if here in found:
                continue
            found[here] = Way(here.node) if back is None or by is None else self._longer(found[back], here.node, by)
            for step in following(here):
                there = end(step)
                if there not in found:
                    nearer = step.kind == "via"
                    waiting.appendleft((there, here, step)) if nearer else waiting.append((there, here, step))
        return found

    def _longer(self, way: Way, node: str, by: Step) -> Way:
        """``way`` from ``node`` on, without versions that lie between others and only carry on what they have."""
        if node == way.node:
            return way
        if by.kind != "via":
            return way.before(node)
        if self.nodes[by.source.node].name == self.nodes[by.target.node].name:
            return (way.rest if way.carried and way.rest else way).before(node, carried=True)
        # Between a version and what it refers to, the run that chose its rows.
        made = (step.source.node for step in self.above(Place(by.target.node)) if step.kind == "generated")
        chosen = next(made, None)
        return (way.before(chosen) if chosen is not None else way).before(node)


def shown(node: Node) -> str:
    """A node as people name it."""
    if node.kind == "run":
        return f"{node.facts.get('job', 'run')} {node.name}"
    return f"model {node.name}@{node.id.partition(':')[2][:12]}" if node.kind == "checkpoint" else node.ref

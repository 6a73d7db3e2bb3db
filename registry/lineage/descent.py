"""Which places upstream of a node come from which others there: by their rows, their values, or by what was learned.

It is all over the steps of `mmreg.registry.lineage.flow`: by column, and without what carries nothing over. What a
model was only evaluated on leaves nothing in it, nor does a dataset of which a selection only keeps clear (`none_of`),
or has as many rows as (`sample: like`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, get_args

from mmreg.registry.lineage.columns import places_of, reached
from mmreg.registry.lineage.flow import Flow, Place, Step
from mmreg.schemas.lineage import EdgeKind, Node
from mmreg.schemas.refs import NodeRef

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog

Towards = Mapping[Place, Step | None]
"""By place the step by which the shortest way comes there, or goes on; None where the way begins, or ends."""

CONTENT: Collection[EdgeKind] = ("used", "generated", "continues", "trained_on", "via")
"""Steps by which data goes on into data, or into a model."""


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

    def descendants(self, of: Iterable[Place]) -> Towards:
        """All that comes from any of these places, with the step by which the shortest way leads there; these too."""
        return shortest(of, self.below, lambda step: step.target)

    def to_focus(self, kinds: Collection[EdgeKind] = get_args(EdgeKind)) -> Towards:
        """All that leads to the focus over steps of ``kinds``, with the step by which the shortest way goes on."""
        return shortest(
            self.start, lambda place: (s for s in self.above(place) if s.kind in kinds), lambda step: step.source
        )

    def named(self, steps: Iterable[Step], first: str | None = None) -> tuple[str, ...]:
        """The nodes on a way, as people name them; without versions that only carry on what they have.

        ``first`` is the node where the way begins; it is all of a way of no steps.
        """
        way = [first] if first is not None else []
        carried = False  # whether the last of the way was only carried to
        for step in steps:
            source, target = self.nodes[step.source.node], self.nodes[step.target.node]
            if not way:
                way.append(source.id)
            if target.id == way[-1]:
                continue
            if step.kind == "via" and carried and source.name == target.name:
                way.pop()
            if step.kind == "via" and source.name != target.name:
                way += self._chosen_by(step.target)
            way.append(target.id)
            carried = step.kind == "via"
        return tuple(shown(self.nodes[id]) for id in way)

    def _chosen_by(self, place: Place) -> list[str]:
        """The run that chose the rows of a version that refers to those of others."""
        made = [step.source.node for step in self.above(Place(place.node)) if step.kind == "generated"]
        return made[:1]


def shortest(
    starts: Iterable[Place], following: Callable[[Place], Iterable[Step]], end: Callable[[Step], Place]
) -> Towards:
    """All that can be reached; what is only carried from version to version makes no way longer."""
    found: dict[Place, Step | None] = {}
    waiting: deque[tuple[Place, Step | None]] = deque((place, None) for place in starts)
    while waiting:
        here, by = waiting.popleft()
        if here in found:
            continue
        found[here] = by
        for step in following(here):
            if end(step) not in found:
                waiting.appendleft((end(step), step)) if step.kind == "via" else waiting.append((end(step), step))
    return found


def way_to(towards: Towards, place: Place) -> list[Step]:
    """The steps by which `Descent.descendants` came to ``place``."""
    steps: list[Step] = []
    while (step := towards[place]) is not None:
        steps.append(step)
        place = step.source
    return steps[::-1]


def way_on(towards: Towards, place: Place) -> Iterator[Step]:
    """The steps by which `Descent.to_focus` goes on from ``place``."""
    while (step := towards[place]) is not None:
        yield step
        place = step.target


def shown(node: Node) -> str:
    """A node as people name it."""
    if node.kind == "run":
        return f"{node.facts.get('job', 'run')} {node.name}"
    return f"model {node.name}@{node.id.partition(':')[2][:12]}" if node.kind == "checkpoint" else node.ref

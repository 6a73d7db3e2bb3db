"""How what is bad reaches what: walks over the flow of columns that know in which manner each place is touched.

A pass touches what it wrote from a touched column, a selection the rows that it chose by one, a training the whole
model, and a model all that it was asked to make or to choose.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from mmreg.registry.lineage.flow import ROWS, Flow, Place, Step
from mmreg.schemas.impact import Touch
from mmreg.schemas.lineage import Node

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog, VersionRow
    from mmreg.schemas.run import Run

Way = tuple[str, ...]
SHORT = 12
"""Hexadecimal digits of a digest that a way shows."""


class Spot(NamedTuple):
    """A place, and how it is touched."""

    place: Place
    how: Touch


class Walk:
    """What was reached, with the shortest way to each (of least runs, the first found): ids of nodes, in this order."""

    def __init__(self, catalog: Catalog, flow: Flow, ways: Mapping[Spot, Way]) -> None:
        self._flow, self.ways = flow, ways
        ids = dict.fromkeys(id for spot, way in ways.items() for id in (spot.place.node, *way))
        self.nodes: dict[str, Node] = {node.id: node for node in catalog.nodes(ids)}
        datasets = dict.fromkeys(node.name for node in self.nodes.values() if node.kind == "version")
        self.versions = {row.uuid: row for name in datasets for row in flow.versions(name)}
        runs = (flow.run(id.removeprefix("run:")) for id in self.nodes if id.startswith("run:"))
        self.runs: Sequence[Run] = sorted(runs, key=lambda run: (run.ended_at, run.id))

    def row(self, node: str) -> VersionRow | None:
        return self.versions.get(node.removeprefix("version:"))

    def name(self, node: str) -> str:
        """A node as people name it."""
        known = self.nodes.get(node)
        if known is None:
            return node
        if known.kind == "run":
            return f"{known.facts.get('job', 'run')} {known.name}"
        return f"model {known.name}@{node.partition(':')[2][:SHORT]}" if known.kind == "checkpoint" else known.ref

    def named(self, way: Way) -> Way:
        return tuple(self.name(node) for node in way)


def begin(places: Iterable[Place], how: Touch = "content") -> dict[Spot, Way]:
    """Where a walk begins: at these places, each by itself."""
    return {Spot(place, how): (place.node,) for place in places}


def walk(
    catalog: Catalog,
    flow: Flow,
    starts: Mapping[Spot, Way],
    direction: Literal["up", "down"] = "down",
    goes: Callable[[Step], bool] = lambda step: True,
) -> Walk:
    """Follow ``starts``, each with the way that led there, as far as steps go that ``goes`` lets pass."""
    ways: dict[Spot, Way] = {}
    waiting = deque((start, way, False) for start, way in starts.items())
    while waiting:
        here, way, carried = waiting.popleft()
        if here in ways:
            continue
        ways[here] = way
        for step in flow.below(here.place) if direction == "down" else flow.above(here.place):
            there = step.target if direction == "down" else step.source
            if not goes(step):
                continue
            spot = Spot(there, _how(flow, here, step) if direction == "down" else here.how)
            if there.node == here.place.node:
                waiting.appendleft((spot, way, carried))
            elif there.node.startswith("run:"):
                waiting.append((spot, (*way, there.node), False))
            else:  # of versions that only carry it on the last one is enough to tell
                on = step.kind == "via"
                waiting.appendleft((spot, (*(way[:-1] if on and carried else way), there.node), on))
    return Walk(catalog, flow, ways)


def _how(flow: Flow, here: Spot, step: Step) -> Touch:
    """How the end of a step downstream is touched, where its beginning is ``here``."""
    source, target = step.source, step.target
    if step.kind == "trained_on":
        return "trained"
    if step.kind == "init_from":
        return "initialised"
    if not target.node.startswith("run:"):
        return here.how
    if target.of.startswith("checkpoint:"):
        return "trained"
    if target.column == ROWS and flow.run(target.node.removeprefix("run:")).job.kind == "select":
        return here.how if source.node.startswith("version:") and source.column == ROWS else "chosen"
    return here.how if source.node.startswith("version:") and source.column == ROWS else "content"

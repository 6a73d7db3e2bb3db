"""What a version or a model has cost: each run upstream of it once, however many ways lead from there.

Opens no table: runs tell what they spent, and the index knows the runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mmreg.registry.lineage.spent import Spent, spent
from mmreg.schemas.cost import MEASURES, Amount, By, Cost, CostLine
from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.run import Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog

SHORT = 12
"""Hexadecimal digits of a digest that are shown."""


def cost(catalog: Catalog, upstream: Lineage, by: By = "job") -> Cost:
    """Sum what all runs of ``upstream`` have spent, trainings of the models that curated it among them.

    A pass that took up what stopped runs had left owes their cost, too. Lines are in the order of their
    first runs.
    """
    account = _Account(by, _opaque(catalog, upstream))
    for run in catalog.runs_with([_id(node) for node in upstream.nodes if node.kind == "run"]):
        account.add(run, run)
        for stopped in _taken_up(catalog, run):
            account.add(stopped, run)
    ways = _Ways(upstream)
    lines = tuple(group.line(ways) for group in account.groups.values())
    total = account.total.line(ways)
    uncounted = {measure: amount.unknown for measure, amount in total.amounts.items() if amount.unknown}
    focus = ways.nodes[upstream.focus]
    columns = ",".join(focus.facts.get("columns", ())) if focus.kind == "version" else ""
    ref = f"{focus.ref}:{columns}" if columns else shown(focus)
    return Cost(upstream.focus, ref, by, lines, total, uncounted, tuple(_untold(upstream)))


def shown(node: Node) -> str:
    """A node as people name it."""
    if node.kind == "run":
        return f"{node.facts.get('job', 'run')} {node.name}"
    return f"model {node.name}@{_id(node)[:SHORT]}" if node.kind == "checkpoint" else node.ref


def _id(node: Node) -> str:
    return node.id.partition(":")[2]


def _opaque(catalog: Catalog, upstream: Lineage) -> set[str]:
    """Digests of the models whose weights nobody here can read: somebody else's server runs them."""
    digests = [_id(node) for node in upstream.nodes if node.kind == "checkpoint"]
    return {known.digest for known in catalog.checkpoints_with(digests) if known.opaque}


def _taken_up(catalog: Catalog, run: Run) -> Iterator[Run]:
    """The stopped runs whose staged results ``run`` has published: of the same recipe, since it last ran to its end."""
    facet = run.facets.get("pass", {})
    if not facet.get("resumed"):
        return
    for before in catalog.runs("pass", run.job.name):
        same = before.facets.get("pass", {}).get("generation") == facet.get("generation")
        if same and (before.ended_at, before.id) < (run.ended_at, run.id):
            if before.state is RunState.COMPLETE:
                return
            yield before


def _untold(upstream: Lineage) -> Iterator[str]:
    """Models of which no training is known."""
    nodes = {node.id: node for node in upstream.nodes}
    trained = {
        edge.target for edge in upstream.edges
        if edge.kind == "generated" and nodes[edge.source].facts.get("job") == "training"
    }  # fmt: skip
    for node in upstream.nodes:
        if node.kind == "checkpoint" and node.id not in trained:
            yield shown(node).removeprefix("model ")


@dataclass
class _Group:
    """Runs that stand on one line, and what each of them spent."""

    name: str
    kind: str
    spent: dict[str, Spent] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    nearest: list[str] = field(default_factory=list)

    def add(self, run: Run, amounts: Spent, published_by: Run) -> None:
        self.spent[run.id] = amounts
        self.nearest.append(f"run:{published_by.id}")
        if run.state is not RunState.COMPLETE:
            self.stopped.add(run.id)

    def line(self, ways: _Ways) -> CostLine:
        way = ways.from_nearest(self.nearest)
        return CostLine(self.name, self.kind, len(self.spent), len(self.stopped), self._amounts(), way)

    def _amounts(self) -> Mapping[str, Amount]:
        found = {measure for amounts in self.spent.values() for measure in amounts}
        return {measure: self._amount(measure) for measure in sorted(found, key=_place)}

    def _amount(self, measure: str) -> Amount:
        told = [amounts[measure] for amounts in self.spent.values() if measure in amounts]
        known = [value for value in told if value is not None]
        return Amount(sum(known), len(known), len(told) - len(known))


class _Account:
    """Runs on their lines, each once."""

    def __init__(self, by: By, opaque: set[str]) -> None:
        self._by, self._opaque = by, opaque
        self.groups: dict[tuple[str, str], _Group] = {}
        self.total = _Group("total", "")

    def add(self, run: Run, published_by: Run) -> None:
        if run.id in self.total.spent:
            return
        amounts = spent(run, self._opaque.__contains__)
        kind, name = _line_of(run, published_by, self._by)
        for group in (self.groups.setdefault((kind, name), _Group(name, kind)), self.total):
            group.add(run, amounts, published_by)


def _line_of(run: Run, published_by: Run, by: By) -> tuple[str, str]:
    """Kind and name of the line that a run stands on."""
    if by == "run":
        return run.job.kind, f"{run.job.name} {run.id}"
    if by == "job":
        return run.job.kind, run.job.name
    made = [f"{made['name']}@{made['digest'][:SHORT]}" for made in run.checkpoints]
    if by == "model":
        asked = [
            f"{used.ref.removeprefix('model:').partition('@')[0]}@{used.id[:SHORT]}"
            for used in run.inputs if used.role == "curated_by"
        ]  # fmt: skip
        models = ", ".join(sorted({*asked, *made}))
        return ("model", models) if models else ("", "no model")
    written = sorted(published_by.outputs, key=lambda output: output.kind != "root")
    if written:
        return "dataset", written[0].dataset
    return ("model", made[0].partition("@")[0]) if made else (run.job.kind, run.job.name)


class _Ways:
    """The shortest way from each node down to the focus, as people name its steps."""

    def __init__(self, upstream: Lineage) -> None:
        self.nodes = {node.id: node for node in upstream.nodes}
        self._upstream = upstream

    def from_nearest(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The way from the one of ``ids`` that is the fewest steps away, the first of several."""
        step: str | None = min((id for id in ids if id in self._next), key=self._rank.__getitem__, default=None)
        way: list[str] = []
        while step is not None:
            way.append(shown(self.nodes[step]))
            step = self._next[step]
        return tuple(way)

    @cached_property
    def _rank(self) -> Mapping[str, int]:
        """Breadth first, what is nearer comes first."""
        return {id: place for place, id in enumerate(self._next)}

    @cached_property
    def _next(self) -> Mapping[str, str | None]:
        """By node the next one towards the focus, the first that was met breadth first."""
        above: dict[str, list[str]] = {}
        for edge in self._upstream.edges:
            above.setdefault(edge.target, []).append(edge.source)
        found: dict[str, str | None] = {self._upstream.focus: None}
        waiting = deque([self._upstream.focus])
        while waiting:
            below = waiting.popleft()
            for id in above.get(below, ()):
                if id not in found:
                    found[id] = below
                    waiting.append(id)
        return found


def _place(measure: str) -> tuple[int, str]:
    return MEASURES.index(measure.partition(" ")[0]), measure

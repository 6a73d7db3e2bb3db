"""Two versions, or two models, side by side: data, recipe, curators, cost and metrics.

Only counting the rows that they share opens Lance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.lineage.cost import cost
from mmreg.registry.lineage.flow import Flow
from mmreg.registry.lineage.impact import begins_at
from mmreg.registry.lineage.scores import compared_metrics
from mmreg.registry.lineage.touch import SHORT, begin, walk
from mmreg.registry.objects import get_object
from mmreg.schemas.comparison import Changed, Comparison, Shared, SharedRows
from mmreg.schemas.refs import NodeRef
from mmreg.schemas.run import Run
from mmreg.schemas.training import TrainedOn, trained_on

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.cost import Amount

Facts = Mapping[str, Any]


def compare(workspace: Workspace, a: NodeRef, b: NodeRef, *, rows: bool = True) -> Comparison:
    """What differs between two versions or two models. ``rows``: count the samples that they share, too.

    Raises `UsageError` for what cannot be compared.
    """
    flow = Flow(workspace.catalog)
    one, other = Side(workspace, flow, a), Side(workspace, flow, b)
    if one.kind != other.kind:
        raise UsageError(f"{a} is a {one.kind} and {b} a {other.kind}", hint="two versions, or two models")
    steps = _shared(one.steps, other.steps)
    return Comparison(
        kind=one.kind,
        a=one.name,
        b=other.name,
        data=_shared(one.data, other.data),
        columns=_shared(one.columns, other.columns),
        rows=_rows(one, other) if rows else None,
        steps=steps,
        changed=tuple(_changed(workspace, one.steps, other.steps, steps.both)),
        curators=_shared(one.curators, other.curators),
        cost=_cost(workspace, one, other),
        metrics=tuple(compared_metrics(workspace.catalog, one.node, other.node)),
    )


class Side:
    """One of both, and what is upstream of it."""

    def __init__(self, workspace: Workspace, flow: Flow, ref: NodeRef) -> None:
        if ref.kind not in ("version", "model", "digest") or ref.column is not None:
            raise UsageError(f"{ref} is neither a version nor a model", hint="mmreg compare train@v1 train@v2")
        self._workspace, self._flow = workspace, flow
        self.node, places = begins_at(workspace.catalog, flow, ref)
        self._found = walk(workspace.catalog, flow, begin(places), "up")
        self.kind: Literal["version", "model"] = "version" if ref.kind == "version" else "model"
        self.name = self._found.name(self.node)

    @property
    def row(self) -> VersionRow | None:
        return self._found.row(self.node)

    @cached_property
    def made_by(self) -> list[Run]:
        """The runs that made a model."""
        digest = self.node.removeprefix("checkpoint:")
        return [run for run in self._found.runs if any(doc["digest"] == digest for doc in run.checkpoints)]

    @cached_property
    def trained(self) -> tuple[TrainedOn, ...]:
        return tuple(dict.fromkeys(data for run in self.made_by for data in trained_on(run)))

    @property
    def data(self) -> list[str]:
        if self.kind == "model":
            return [str(data) + (f" where {data.where}" if data.where else "") for data in self.trained]
        last = {o.dataset: o.ref for run in self._found.runs if run.job.kind == "ingest" for o in run.outputs}
        return list(last.values())

    @property
    def columns(self) -> list[str]:
        return [c for c in self._flow.columns(self.row) if not c.startswith("_")] if self.row is not None else []

    @cached_property
    def steps(self) -> dict[str, Facts]:
        """What each step upstream was made with, as it ran last before; of a model's own training as it made that."""
        runs = [*self._found.runs, *self.made_by]
        return {f"{run.job.kind} {run.job.name}": facts for run in runs if (facts := _facts(run))}

    @property
    def curators(self) -> list[str]:
        asked = (i.id for run in self._found.runs for i in run.inputs if i.role == "curated_by")
        return [self._found.name(f"checkpoint:{digest}") for digest in dict.fromkeys(asked)]

    def samples(self) -> Any:
        """The ids of its samples, or of those that the model was trained on."""
        import numpy as np

        from mmreg.registry.row_sets import empty, rows_of

        told = self.trained
        if self.row is not None:
            told = (TrainedOn(self.row.ref, self.row.uuid),)
        return np.unique(np.concatenate([empty(), *(rows_of(self._workspace, data) for data in told)]))


def _shared(a: Iterable[str], b: Iterable[str]) -> Shared:
    first, second = dict.fromkeys(a), dict.fromkeys(b)
    return Shared(
        tuple(name for name in first if name not in second),
        tuple(name for name in second if name not in first),
        tuple(name for name in first if name in second),
    )


def _rows(one: Side, other: Side) -> SharedRows | None:
    import numpy as np

    try:
        a, b = one.samples(), other.samples()
    except NotFound:
        return None
    both = len(np.intersect1d(a, b, assume_unique=True))
    return SharedRows(len(a) - both, len(b) - both, both)


_PASS = ("use", "version", "generation", "code", "params", "inputs", "outputs", "prompt", "into")
_TRAINING = ("command", "code", "params", "seed", "framework", "init_from", "samples_seen")


def _facts(run: Run) -> Facts | None:
    """What a step was made with; None of a run that is no step."""
    facet = run.facets.get(run.job.kind, {})
    match run.job.kind:
        case "ingest":
            return {key: facet.get(key) for key in ("source", "listing", "license")}
        case "pass":
            models = [f"{used.ref.partition('@')[0]}@{used.id[:SHORT]}" for used in run.inputs if _asked(used.role)]
            return {**{key: facet.get(key) for key in _PASS}, "model": ", ".join(models) or None}
        case "select":
            return dict(facet.get("recipe", {}))
        case "training":
            data = [str(data) for data in trained_on(run)]
            return {**{key: facet.get(key) for key in _TRAINING}, "data": data}
    return None


def _asked(role: str) -> bool:
    return role == "curated_by"


def _changed(
    workspace: Workspace, a: Mapping[str, Facts], b: Mapping[str, Facts], steps: Iterable[str]
) -> Iterator[Changed]:
    for step in steps:
        for what in dict.fromkeys([*a[step], *b[step]]):
            before, after = a[step].get(what), b[step].get(what)
            if before != after:
                yield Changed(step, what, *(_text(workspace, what, value) for value in (before, after)))


def _text(workspace: Workspace, what: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and what != "prompt"):
        return value
    if what == "prompt":
        try:
            return get_object(workspace.lake.store, value).decode()
        except IntegrityError:
            return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _cost(workspace: Workspace, one: Side, other: Side) -> dict[str, tuple[Amount | None, Amount | None]]:
    catalog = workspace.catalog
    a, b = (cost(catalog, catalog.lineage(side.node, "up")).total.amounts for side in (one, other))
    return {measure: (a.get(measure), b.get(measure)) for measure in dict.fromkeys([*a, *b])}

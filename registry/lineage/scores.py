"""What models scored, over all seeds of their trainings: of a model and those trained likewise, or of a version's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from mmreg.schemas.comparison import ComparedMetric, Score
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import trained_on

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog

Key = tuple[str, str, str]
"""Model, metric, and what it was measured on."""
_LIKE = ("command", "params", "code", "init_from", "framework")


def compared_metrics(catalog: Catalog, a: str, b: str) -> Iterator[ComparedMetric]:
    """Every metric that either has, by what it was measured on. Of versions it is of the models trained on them."""
    named = a.startswith("version:")
    first, second = scores(catalog, a, named=named), scores(catalog, b, named=named)
    for key in sorted({*first, *second}):
        one, other = first.get(key), second.get(key)
        difference = other.mean - one.mean if one is not None and other is not None else None
        yield ComparedMetric(*key, one, other, difference)


def scores(catalog: Catalog, node: str, *, named: bool) -> dict[Key, Score]:
    """``named``: apart by the names of models."""
    values: dict[Key, dict[object, float]] = {}
    for training, digest in _trained(catalog, node):
        name = next((doc["name"] for doc in training.checkpoints if doc["digest"] == digest), "") if named else ""
        for on, seed, metrics in _measured(catalog, training, digest):
            for metric, value in metrics.items():
                # What was measured again counts as it was last.
                values.setdefault((name, metric, on), {})[digest, seed] = value
    return {key: _score(tuple(found.values())) for key, found in values.items()}


def _score(values: tuple[float, ...]) -> Score:
    return Score(fmean(values), stdev(values) if len(values) > 1 else None, values)


def _trained(catalog: Catalog, node: str) -> Iterator[tuple[Run, str]]:
    """The trainings, each with a checkpoint that it made."""
    version = node.startswith("version:")
    near = list(catalog.runs_with(catalog.next_runs(node, "down" if version else "up")))
    runs = [run for run in near if run.state is RunState.COMPLETE and (run.job.kind == "training" or not version)]
    if version:
        runs = [run for run in runs if any(f"version:{data.uuid}" == node for data in trained_on(run))]
    else:
        likes = [run for run in runs if run.job.kind == "training"]
        alike = chain.from_iterable(catalog.runs("training", run.job.name)[::-1] for run in likes)
        keys = [_like(run) for run in likes]
        runs += [run for run in alike if run.state is RunState.COMPLETE and _like(run) in keys]
    seen = dict.fromkeys((run.id, doc["digest"]) for run in runs for doc in run.checkpoints)
    by_id = {run.id: run for run in runs}
    for id, digest in seen:
        if version or by_id[id].job.kind == "training" or f"checkpoint:{digest}" == node:
            yield by_id[id], digest


def _like(run: Run) -> Any:
    """What trainings have in common that differ by their seeds alone."""
    told = run.facets.get("training", {})
    data = [(one.uuid, one.split, one.where, one.weight, one.component) for one in trained_on(run)]
    return [{key: told.get(key) for key in _LIKE}, data]


def _measured(catalog: Catalog, training: Run, digest: str) -> Iterator[tuple[str, object, Mapping[str, float]]]:
    """On what, by which seed of the evaluation, and the metrics."""
    if metrics := _metrics(training, digest):
        yield _on(training) or "as its training said", None, metrics
    for run in catalog.runs_with(catalog.next_runs(f"checkpoint:{digest}", "down")):
        told = run.facets.get("evaluation", {})
        if run.job.kind == "evaluation" and told.get("model", digest) == digest:
            yield _on(run), told.get("seed"), _metrics(run, digest)


def _metrics(run: Run, digest: str) -> dict[str, float]:
    told = run.facets.get("metrics", {})
    found = told.get(digest, {}) if any(isinstance(value, Mapping) for value in told.values()) else told
    return {name: float(value) for name, value in found.items() if value is not None}


def _on(run: Run) -> str:
    split = run.facets.get("evaluation", {}).get("split")
    refs = (used.ref for used in run.inputs if used.role == "evaluated_on")
    return ", ".join(f"{ref}:{split}" if split else ref for ref in refs)

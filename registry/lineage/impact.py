"""What becomes of a node downstream: versions and their columns, models, evaluations and names, and what to do next.

Opens no table: the index knows what each run read and made, column by column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.registry.lineage.columns import places_of
from mmreg.registry.lineage.flow import ROWS, Flow, Place
from mmreg.registry.lineage.remedies import remedies
from mmreg.registry.lineage.touch import SHORT, Spot, Walk, Way, begin, walk
from mmreg.schemas.impact import Impact, Touch, TouchedEvaluation, TouchedModel, TouchedName, TouchedVersion
from mmreg.schemas.refs import NodeRef

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

_ORDER: tuple[Touch, ...] = ("content", "chosen", "trained", "initialised", "registered")
_EVALUATING = ("evaluation", "training")


def impact(workspace: Workspace, ref: NodeRef) -> Impact:
    """All that ``ref`` touches: of a run what it made is touched, of a version with a column what comes of that."""
    flow = Flow(workspace.catalog)
    node, places = begins_at(workspace.catalog, flow, ref)
    found = walk(workspace.catalog, flow, begin(places))
    column = f":{ref.column}" if ref.column else ""
    return told(workspace, found, found.name(node) + column, [node])


def begins_at(catalog: Catalog, flow: Flow, ref: NodeRef) -> tuple[str, list[Place]]:
    """The node that ``ref`` means, and its places: those of its column where it names one. Raises `NotFound`."""
    return catalog.node_id(replace(ref, column=None)), places_of(catalog, flow, ref, rows=False)


def told(
    workspace: Workspace,
    found: Walk,
    about: str,
    starts: Iterable[str],
    mend: str = "once what is wrong in {ref} is mended where it comes from",
) -> Impact:
    """The answer, given what was reached; ``starts`` are the nodes where ways begin, which are left out.

    ``mend`` says what is to be done to data where it begins, ``{ref}``.
    """
    begins = set(starts)
    spots: dict[str, dict[Spot, Way]] = {}
    for spot, way in found.ways.items():
        if spot.place.node not in begins:
            spots.setdefault(spot.place.node, {})[spot] = way
    versions = tuple(_versions(found, spots))
    models = tuple(_models(workspace, found, spots))
    answer = Impact(
        about=about,
        starts=tuple(found.name(node) for node in begins),
        versions=versions,
        models=models,
        evaluations=tuple(_evaluations(found, spots)),
        names=tuple(_names(workspace, versions, models)),
    )
    return replace(answer, todo=tuple(remedies(workspace, found, answer, mend)))


def _versions(found: Walk, spots: Mapping[str, Mapping[Spot, Way]]) -> Iterator[TouchedVersion]:
    rows = [row for node in spots if (row := found.row(node)) is not None]
    latest = {row.dataset: row.uuid for row in reversed(found.versions.values())}
    for row in sorted(rows, key=lambda row: (row.created_at, row.dataset, row.lance_version)):
        here = spots[f"version:{row.uuid}"]
        of_rows = {spot.how for spot in here if spot.place.column == ROWS}
        columns = {spot.place.column for spot in here if spot.place.column != ROWS and spot.how not in of_rows}
        whole = "content" in of_rows
        yield TouchedVersion(
            ref=row.ref,
            uuid=row.uuid,
            ways=_ways(found, here),
            rows=row.rows,
            whole=whole,
            columns=() if whole else tuple(sorted(columns)),
            latest=latest[row.dataset] == row.uuid,
            promoted=row.promoted,
            removed=bool(row.removed_by),
        )


def _ways(found: Walk, spots: Mapping[Spot, Way]) -> dict[Touch, Way]:
    """The shortest way for each kind of touch."""
    first: dict[Touch, Way] = {}
    for spot, way in spots.items():
        first.setdefault(spot.how, way)
    return {how: found.named(first[how]) for how in _ORDER if how in first}


def _models(workspace: Workspace, found: Walk, spots: Mapping[str, Mapping[Spot, Way]]) -> Iterator[TouchedModel]:
    for node, known in found.nodes.items():
        if known.kind == "checkpoint" and node in spots:
            digest = node.removeprefix("checkpoint:")
            meant = workspace.catalog.aliases(known.name)
            yield TouchedModel(
                ref=found.name(node),
                digest=digest,
                ways=_ways(found, spots[node]),
                aliases=tuple(sorted(alias for alias, of in meant.items() if of == digest)),
            )


def _evaluations(found: Walk, spots: Mapping[str, Mapping[Spot, Way]]) -> Iterator[TouchedEvaluation]:
    """Runs that evaluated, and trainings that measured what they made."""
    for run in found.runs:
        here = spots.get(f"run:{run.id}")
        if not here or run.job.kind not in _EVALUATING or not (_evaluated_on(run) or _metrics(run)):
            continue
        judged = run.facets.get("evaluation", {}).get("model")
        models = [judged] if judged else [doc["digest"] for doc in run.checkpoints]
        models += [used.id for used in run.inputs if used.kind == "checkpoint" and used.role == "used" and not judged]
        yield TouchedEvaluation(
            run=f"run:{run.id}",
            models=tuple(_model(found, digest) for digest in dict.fromkeys(models)),
            on=_evaluated_on(run),
            way=found.named(next(iter(here.values()))),
            metrics=_metrics(run),
        )


def _model(found: Walk, digest: str) -> str:
    node = f"checkpoint:{digest}"
    return found.name(node) if node in found.nodes else f"model {digest[:SHORT]}"


def _evaluated_on(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys(used.ref for used in run.inputs if used.role == "evaluated_on"))


def _metrics(run: Run) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {}
    for name, value in run.facets.get("metrics", {}).items():
        metrics |= value if isinstance(value, Mapping) else {name: value}
    return metrics


def _names(
    workspace: Workspace, versions: Iterable[TouchedVersion], models: Iterable[TouchedModel]
) -> Iterator[TouchedName]:
    touched: dict[str, str] = {}
    for version in versions:
        touched[version.uuid] = version.ref
        if version.promoted:
            yield TouchedName("promoted", version.ref.partition("@")[0], version.ref)
    for model in models:
        touched[model.digest] = model.ref
        for alias in model.aliases:
            yield TouchedName("alias", f"{model.name}@{alias}", model.ref)
    yield from _locked(workspace, touched)


def _locked(workspace: Workspace, touched: Mapping[str, str]) -> Iterator[TouchedName]:
    from mmreg.registry.lock import lock_path, read_lock

    if not lock_path(workspace.project).exists():
        return
    lock = read_lock(workspace.project)
    meant = [*((name, one.uuid) for name, one in lock.datasets.items())]
    meant += [(name, model.digest) for name, model in lock.models.items()]
    yield from (TouchedName("locked", name, touched[id]) for name, id in meant if id is not None and id in touched)

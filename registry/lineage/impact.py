"""What becomes of a node downstream: versions and their columns, models, evaluations and names, and what to do next.

Opens no table: the index knows what each run read and made, column by column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.errors import NotFound, UsageError
from mmreg.registry.lineage.remedies import remedies
from mmreg.registry.lineage.touch import ALL, ROWS, Downstream, Place, Way
from mmreg.schemas.impact import (
    Impact,
    Touch,
    TouchedEvaluation,
    TouchedModel,
    TouchedName,
    TouchedVersion,
)
from mmreg.schemas.refs import NodeRef, VersionRef

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

_ORDER: tuple[Touch, ...] = ("content", "chosen", "trained", "initialised", "registered")


def impact(workspace: Workspace, ref: NodeRef) -> Impact:
    """All that ``ref`` touches: of a run what it made is touched, of a version with a column what comes of that."""
    node = workspace.catalog.node_id(replace(ref, column=None))
    downstream = Downstream(workspace.catalog, [node])
    if ref.column is not None:
        _check_column(workspace, ref)
    if ref.kind == "run":
        run = downstream.runs[node.removeprefix("run:")]
        starts: dict[Place, Way] = {
            place: (downstream.name(node), downstream.name(place.node)) for place in downstream.outputs(run, "content")
        }
    else:
        starts = {Place(node, "content", ref.column or ALL): (downstream.name(node),)}
    about = downstream.name(node) + (f":{ref.column}" if ref.column else "")
    ways = downstream.walk(starts)
    return told(workspace, downstream, about, [node], ways)


def told(
    workspace: Workspace, downstream: Downstream, about: str, starts: Iterable[str], ways: Mapping[Place, Way]
) -> Impact:
    """The answer, given the way to each touched place; ``starts`` are the nodes where ways begin, left out."""
    begins = set(starts)
    found: dict[str, dict[Place, Way]] = {}
    for place, way in ways.items():
        if len(way) > 1 or place.node not in begins:
            found.setdefault(place.node, {})[place] = way
    versions = tuple(_versions(workspace, downstream, found))
    models = tuple(_models(workspace, downstream, found))
    answer = Impact(
        about=about,
        starts=tuple(downstream.name(node) for node in begins),
        versions=versions,
        models=models,
        evaluations=tuple(_evaluations(downstream, found)),
        names=tuple(_names(workspace, versions, models)),
    )
    return replace(answer, todo=tuple(remedies(workspace, downstream, answer, ways)))


def _check_column(workspace: Workspace, ref: NodeRef) -> None:
    """Raises `NotFound` where no run is known to have made such a column of the dataset."""
    if ref.kind != "version":
        raise UsageError(f"{ref}: only a version has columns", hint=f"{ref.value}@latest:{ref.column}")
    row = workspace.catalog.resolve(VersionRef.parse(ref.value))
    roots = [row.dataset] if row.kind == "root" else [root["dataset"] for root in row.roots]
    versions = [version for root in roots for version in workspace.catalog.versions(root)]
    known = dict.fromkeys(column for version in versions for column in version.columns if not column.startswith("_"))
    if ref.column not in known:
        from mmreg.schemas.suggest import did_you_mean

        near = did_you_mean(ref.column or "", list(known))
        raise NotFound(f"{row.ref} has no column {ref.column!r}{near}", hint=f"mmreg show {row.ref}")


def _versions(
    workspace: Workspace, downstream: Downstream, found: Mapping[str, Mapping[Place, Way]]
) -> Iterator[TouchedVersion]:
    rows = [downstream.versions[id] for node in found if (id := node.removeprefix("version:")) in downstream.versions]
    latest = _latest(downstream.versions.values())
    for row in sorted(rows, key=lambda row: (row.created_at, row.dataset, row.lance_version)):
        places = found[f"version:{row.uuid}"]
        parts = {place.part for place in places}
        yield TouchedVersion(
            ref=row.ref,
            uuid=row.uuid,
            ways=_ways(places),
            rows=row.rows,
            whole=ALL in parts,
            columns=() if ALL in parts else tuple(sorted(part for part in parts if part not in (ALL, ROWS))),
            latest=latest[row.dataset] == row.uuid,
            promoted=row.promoted,
            removed=bool(row.removed_by),
        )


def _latest(rows: Iterable[VersionRow]) -> dict[str, str]:
    """The uuid of each dataset's newest version."""
    newest: dict[str, VersionRow] = {}
    for row in rows:
        if row.dataset not in newest or newest[row.dataset].lance_version < row.lance_version:
            newest[row.dataset] = row
    return {name: row.uuid for name, row in newest.items()}


def _ways(places: Mapping[Place, Way]) -> dict[Touch, Way]:
    """The first way found for each kind of touch: the shortest."""
    first: dict[Touch, Way] = {}
    for place, way in places.items():
        first.setdefault(place.how, way)
    return {how: first[how] for how in _ORDER if how in first}


def _models(
    workspace: Workspace, downstream: Downstream, found: Mapping[str, Mapping[Place, Way]]
) -> Iterator[TouchedModel]:
    nodes = [node for node in downstream.nodes if node in found and node.startswith("checkpoint:")]
    for node in nodes:
        name, digest = downstream.nodes[node].name, node.removeprefix("checkpoint:")
        meant = workspace.catalog.aliases(name)
        yield TouchedModel(
            ref=downstream.name(node),
            digest=digest,
            ways=_ways(found[node]),
            aliases=tuple(sorted(alias for alias, of in meant.items() if of == digest)),
        )


def _evaluations(downstream: Downstream, found: Mapping[str, Mapping[Place, Way]]) -> Iterator[TouchedEvaluation]:
    for run in downstream.runs.values():
        if (node := f"run:{run.id}") not in found:
            continue
        models = [doc["digest"] for doc in run.checkpoints]
        models += [used.id for used in run.inputs if used.kind == "checkpoint" and used.role == "used"]
        metrics: dict[str, float | None] = {}
        for name, value in run.facets.get("metrics", {}).items():
            metrics |= value if isinstance(value, Mapping) else {name: value}
        yield TouchedEvaluation(
            run=f"run:{run.id}",
            models=tuple(downstream.name(f"checkpoint:{digest}") for digest in dict.fromkeys(models)),
            on=tuple(dict.fromkeys(used.ref for used in run.inputs if used.role == "evaluated_on")),
            way=next(iter(found[node].values())),
            metrics=metrics,
        )


def _names(
    workspace: Workspace, versions: Iterable[TouchedVersion], models: Iterable[TouchedModel]
) -> Iterator[TouchedName]:
    versions, models = list(versions), list(models)
    yield from (TouchedName("promoted", v.ref.partition("@")[0], v.ref) for v in versions if v.promoted)
    yield from (
        TouchedName("alias", f"{m.ref.removeprefix('model ').partition('@')[0]}@{alias}", m.ref)
        for m in models
        for alias in m.aliases
    )
    yield from _locked(workspace, {v.uuid: v.ref for v in versions} | {m.digest: m.ref for m in models})


def _locked(workspace: Workspace, touched: Mapping[str, str]) -> Iterator[TouchedName]:
    from mmreg.registry.lock import lock_path, read_lock

    if not lock_path(workspace.project).exists():
        return
    lock = read_lock(workspace.project)
    meant = [*((name, one.uuid) for name, one in lock.datasets.items())]
    meant += [(name, model.digest) for name, model in lock.models.items()]
    yield from (TouchedName("locked", name, touched[id]) for name, id in meant if id is not None and id in touched)

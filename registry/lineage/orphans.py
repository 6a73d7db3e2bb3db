"""What hangs on nothing: asked of the index alone, for the whole lake or for one dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.schemas.orphans import ORPHANS, Orphan, OrphanKind, Orphans, OrphansOf

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog, VersionRow
    from mmreg.schemas.run import Run
    from mmreg.schemas.summary import ModelSummary

_CURES: dict[OrphanKind, str] = {
    "unused_version": "mmreg gc --plan",
    "model_without_data": "mmreg train record, with the data that it was trained on",
    "unused_model": "mmreg model alias, for what is in use elsewhere",
    "evaluation_without_link": "mmreg eval record MODEL REF, with the version and the model that were meant",
    "unread_source": "mmreg lineage down SOURCE",
}


def orphans(catalog: Catalog, dataset: str | None = None) -> Orphans:
    """All orphans; where ``dataset`` is given, its versions and the evaluations on it. Raises `NotFound`."""
    if dataset is not None:
        catalog.log(dataset)  # says so where there is none
        return Orphans(dataset, (versions(catalog, dataset), evaluations(catalog, dataset)))
    return Orphans(None, (versions(catalog), *models(catalog), evaluations(catalog), sources(catalog)))


def versions(catalog: Catalog, dataset: str | None = None) -> OrphansOf:
    """Versions that nothing was made from, apart from the newest of each dataset and what its name means."""
    names = [dataset] if dataset is not None else [summary.name for summary in catalog.datasets()]
    unused = catalog.unused_versions()
    looked_at, found = 0, []
    for name in names:
        there = [row for row in catalog.versions(name) if not row.removed_by]
        meant = catalog.meant(name)
        looked_at += len(there)
        found += [
            row
            for row in there[1:]
            if row.uuid in unused and not row.promoted and (meant is None or row.uuid != meant.uuid)
        ]
    return _of("unused_version", looked_at, [_version(row) for row in found])


def models(catalog: Catalog) -> tuple[OrphansOf, OrphansOf]:
    """Models of unknown data, and models that nothing was done with."""
    known = {model.digest: model for model in catalog.models()}
    untrained, unused = catalog.untrained_checkpoints(), catalog.unused_checkpoints()
    aliased = {model.digest for model in catalog.models() if model.aliases}
    opaque = {checkpoint.digest for checkpoint in catalog.checkpoints() if checkpoint.opaque}

    def said(model: ModelSummary) -> str:
        weights = "opaque" if model.digest in opaque else model.framework
        return f"{weights}, licence {model.license}" if model.license else weights

    def told(kind: OrphanKind, digests: set[str]) -> OrphansOf:
        some = [model for digest, model in known.items() if digest in digests]
        found = [Orphan(kind, f"model:{m.name}@{m.digest[:12]}", said(m), m.created_at) for m in some]
        return _of(kind, len(known), found)

    return told("model_without_data", untrained), told("unused_model", unused - aliased)


def evaluations(catalog: Catalog, dataset: str | None = None) -> OrphansOf:
    """Runs that evaluated a model or a version that is not known."""
    registered = {model.digest for model in catalog.models()}
    uuids: dict[str, set[str]] = {}
    looked_at, found = 0, []
    for run in (*catalog.runs("evaluation"), *catalog.runs("training")):
        on = [i for i in run.inputs if i.role == "evaluated_on" and dataset in (None, i.ref.partition("@")[0])]
        if not on:
            continue
        looked_at += 1
        for name in {i.ref.partition("@")[0] for i in on} - uuids.keys():
            uuids[name] = {row.uuid for row in catalog.versions(name)}
        unknown = [i.ref for i in on if i.id not in uuids[i.ref.partition("@")[0]]]
        unknown += [model for model in _models_of(run) if model not in registered]
        if unknown:
            found.append(Orphan("evaluation_without_link", f"run:{run.id}", f"{unknown[0]} is not known", run.ended_at))
    return _of("evaluation_without_link", looked_at, found)


def sources(catalog: Catalog) -> OrphansOf:
    """Sources that were read and that no version in the lake is from."""
    gone = "what was read from it is no longer in the lake"
    found = [Orphan("unread_source", f"source:{path}", gone, at) for path, at in catalog.unread_sources()]
    return _of("unread_source", catalog.source_count(), found)


def _models_of(run: Run) -> Iterator[str]:
    yield from (i.id for i in run.inputs if i.kind == "checkpoint" and i.role == "used")


def _version(row: VersionRow) -> Orphan:
    return Orphan("unused_version", row.ref, f"{row.job_kind} {row.job_name}, {row.rows:,} rows", row.created_at)


def _of(kind: OrphanKind, looked_at: int, found: list[Orphan]) -> OrphansOf:
    newest_first = sorted(found, key=lambda orphan: orphan.at, reverse=True)
    return OrphansOf(kind, ORPHANS[kind], looked_at, _CURES[kind], tuple(newest_first))

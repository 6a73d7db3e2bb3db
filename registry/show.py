"""Everything about one version."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mmreg.registry.catalog import VersionRow
from mmreg.registry.changes import rejected_records
from mmreg.registry.evolve import earlier_names
from mmreg.schemas.detail import ColumnDetail, VersionDetail
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

SHOWN = 20
"""Rejected records listed; all are counted."""


def show(workspace: Workspace, ref: VersionRef) -> VersionDetail:
    """What ``mmreg show`` tells of ``ref``."""
    row = workspace.catalog.resolve(ref)
    run = workspace.catalog.run(row.run)
    root = row.dataset if row.kind == "root" else row.roots[0]["dataset"]
    root_version = row.lance_version if row.kind == "root" else row.roots[0]["lance_version"]
    ingest = _ingest_at(workspace, root, root_version)
    facet = ingest.facets["ingest"] if ingest is not None else {}
    uri = workspace.lake.table_uri(row.dataset)
    own = row.kind == "root"
    return VersionDetail(
        ref=f"{row.dataset}@v{row.ordinal}",
        dataset=row.dataset,
        version=row.ordinal,
        uuid=row.uuid,
        kind=row.kind,
        rows=row.rows,
        rejected=int(facet.get("rejected", 0)) if own else 0,
        lance_version=row.lance_version,
        uri=uri,
        open_with=f"lance.dataset({uri!r}, version={row.lance_version})",
        created_at=row.created_at,
        run=row.run,
        job=f"{row.job_kind} {row.job_name}",
        promoted=row.promoted,
        license=facet.get("license"),
        columns=_columns(workspace, root, root_version),
        roots=tuple(_root_ref(workspace, part["dataset"], part["uuid"]) for part in row.roots),
        splits=run.facets.get("select", {}).get("splits", {}),
        rejected_reasons=facet.get("reasons", {}) if own else {},
        rejected_records=tuple(
            {"source": r["source"], "reason": r["reason"], "detail": r["detail"]}
            for r in islice(rejected_records(workspace.lake, ingest), SHOWN)
        )
        if own
        else (),
    )


def producers(workspace: Workspace, root: str, lance_version: int) -> dict[str, tuple[str, str]]:
    """For each column of a root version that a pass made: the pass's name, and the latest run that wrote it.

    Columns and passes under the names that they have in that version, whatever they were called when they ran.
    """
    made: dict[str, tuple[str, str]] = {}
    columns: dict[str, str | None] = {}  # what a column of an earlier version is called in this one; None: it is gone
    passes: dict[str, str] = {}
    for row in _up_to(workspace, root, lance_version):
        if row.job_kind in ("schema", "drop"):
            before, passes_before = earlier_names(workspace, row)
            now_called = {name: columns.get(name, name) for name in before}
            columns |= dict.fromkeys(before)
            columns |= {old: now_called[new] for new, old in before.items() if old is not None}
            passes |= {old: passes.get(new, new) for new, old in passes_before.items()}
        elif row.job_kind == "pass":
            for column in row.columns:
                if (name := columns.get(column, column)) is not None:
                    made.setdefault(name, (passes.get(row.job_name, row.job_name), row.run))
    return made


def _columns(workspace: Workspace, root: str, lance_version: int) -> tuple[ColumnDetail, ...]:
    made = producers(workspace, root, lance_version)
    schema = workspace.lake.table(root, lance_version).schema
    return tuple(
        ColumnDetail(field.name, _type(field.type), *made.get(field.name, ("source", None)))
        for field in schema
        if not field.name.startswith("_")
    )


def _type(dtype: object) -> str:
    from mmreg.schemas.arrow import media_kind

    return media_kind(dtype) or str(dtype)  # type: ignore[arg-type]


def _ingest_at(workspace: Workspace, root: str, lance_version: int) -> Run | None:
    """The last ingest of ``root`` as of a version, also one that only changed what was rejected."""
    last = workspace.catalog.last_run("ingest", root)
    newest = workspace.latest(root)
    if last is not None and lance_version >= newest.lance_version:
        return last
    for row in _up_to(workspace, root, lance_version):
        if row.job_kind == "ingest":
            return workspace.catalog.run(row.run)
    return None


def _up_to(workspace: Workspace, root: str, lance_version: int) -> list[VersionRow]:
    return [row for row in workspace.catalog.versions(root) if row.lance_version <= lance_version]


def _root_ref(workspace: Workspace, dataset: str, uuid: str) -> str:
    return next(
        (f"{dataset}@v{row.ordinal}" for row in workspace.catalog.versions(dataset) if row.uuid == uuid),
        dataset,
    )

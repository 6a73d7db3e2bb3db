"""Everything about one version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmreg.registry.catalog import VersionRow
from mmreg.registry.changes import rejected_records
from mmreg.registry.derive import roots_at, selected_by
from mmreg.registry.evolve import earlier_names
from mmreg.schemas.detail import ColumnDetail, MixShare, VersionDetail
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

SHOWN = 20
"""Rejected records listed; all are counted."""


def show(workspace: Workspace, ref: VersionRef) -> VersionDetail:
    """What ``mmreg show`` tells of ``ref``."""
    row = workspace.catalog.resolve(ref)
    own = row.kind == "root"
    ingest = ingest_at(workspace, row.dataset, row.lance_version) if own else None
    facet = ingest.facets["ingest"] if ingest is not None else {}
    chosen = None if own else selected_by(workspace, row)
    select = workspace.catalog.run(chosen.run).facets["select"] if chosen is not None else {}
    uri = workspace.lake.table_uri(row.dataset)
    return VersionDetail(
        ref=row.ref,
        dataset=row.dataset,
        version=row.ordinal,
        uuid=row.uuid,
        kind=row.kind,
        rows=row.rows,
        rejected=int(facet.get("rejected", 0)),
        lance_version=row.lance_version,
        uri=uri,
        open_with=f"lance.dataset({uri!r}, version={row.lance_version})",
        created_at=row.created_at,
        run=row.run,
        job=f"{row.job_kind} {row.job_name}",
        promoted=row.promoted,
        verdict=row.verdict,
        judged_by=row.judged_by,
        license=_license(workspace, row),
        columns=_columns(workspace, row),
        roots=tuple(_root_ref(workspace, part["dataset"], part["uuid"]) for part in row.roots),
        splits=select.get("splits", {}),
        mix=_mix(select),
        dropped=dict(Counter(select.get("decisions", {}).get("reasons", {})).most_common()),
        rejected_reasons=facet.get("reasons", {}),
        cost=workspace.catalog.run(row.run).facets.get("pass", {}).get("cost", {}),
        rejected_records=tuple(
            {"source": r["source"], "reason": r["reason"], "detail": r["detail"]}
            for r in islice(rejected_records(workspace.lake, ingest), SHOWN)
        )
        if own
        else (),
    )


def common_producers(workspace: Workspace, row: VersionRow) -> dict[str, tuple[str, str]]:
    """`producers` for any version: of a mixture the columns that passes of one name made in all its roots."""
    first, *others = (producers(workspace, root, at) for root, at in roots_at(row))
    return {column: made for column, made in first.items() if all(o.get(column, ())[:1] == made[:1] for o in others)}


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


def _columns(workspace: Workspace, row: VersionRow) -> tuple[ColumnDetail, ...]:
    made = common_producers(workspace, row)
    return tuple(
        ColumnDetail(field.name, _type(field.type), *made.get(field.name, ("source", None)))
        for field in workspace.open_version(row.ref).schema
    )


def _license(workspace: Workspace, row: VersionRow) -> str | None:
    """Of all its roots."""
    ingests = (ingest_at(workspace, root, at) for root, at in roots_at(row))
    found = (ingest.facets["ingest"].get("license") for ingest in ingests if ingest is not None)
    return " AND ".join(dict.fromkeys(license for license in found if license)) or None


def _mix(select: Mapping[str, Any]) -> tuple[MixShare, ...]:
    given = select.get("mix", ())
    total = sum(share["rows"] for share in given)
    return tuple(
        MixShare(
            dataset=share["dataset"],
            weight=share["weight"],
            achieved=share["rows"] / total if total else 0.0,
            rows=share["rows"],
            wanted=share["wanted"],
            supply=share["supply"],
        )
        for share in given
    )


def _type(dtype: object) -> str:
    from mmreg.schemas.arrow import media_kind

    return media_kind(dtype) or str(dtype)  # type: ignore[arg-type]


def ingest_at(workspace: Workspace, root: str, lance_version: int) -> Run | None:
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
        (row.ref for row in workspace.catalog.versions(dataset) if row.uuid == uuid),
        dataset,
    )

"""Write, audit, publish: check a version, record what was found, and let the bare name mean it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound, ReadOnly
from mmreg.registry.catalog import VersionRow
from mmreg.registry.clock import now
from mmreg.registry.runs import new_run_id
from mmreg.registry.show import common_producers
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.declaration import CheckSpec
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.validators.load import load_check
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def validate(workspace: Workspace, ref: VersionRef | None) -> list[ValidationReport]:
    """Check ``ref`` as declared for its dataset, or the latest version of every dataset with checks.

    Recorded, unless the lake cannot be written to.
    """
    if ref is not None:
        return [_validate(workspace, workspace.catalog.resolve(_latest_if_bare(ref)))]
    names = [name for name in workspace.spec.checks if workspace.exists(name)]
    missing = [name for name in workspace.spec.checks if name not in names]
    if missing:
        raise NotFound(f"{missing[0]} has checks, but no version yet", hint="mmreg apply")
    return [_validate(workspace, workspace.latest(name)) for name in names]


def promote(workspace: Workspace, ref: VersionRef) -> ValidationReport:
    """Check ``ref``, and where no check of severity `error` failed make it what the bare name means.

    The report says whether it was promoted: ``ok``. A dataset without checks is promoted as it is.
    """
    row = workspace.catalog.resolve(_latest_if_bare(ref))
    with workspace.holding(row):
        return _promote(workspace, row)


def _promote(workspace: Workspace, row: VersionRow) -> ValidationReport:
    report = _validate(workspace, row)
    if not report.ok:
        return report
    workspace.pin(row.dataset, row.uuid, row.lance_version)
    moment = now()
    workspace.record(
        Run(
            id=new_run_id(),
            job=Job("promotion", row.dataset),
            state=RunState.COMPLETE,
            started_at=moment,
            ended_at=moment,
            inputs=(_input(row),),
            facets={"promotion": {"dataset": row.dataset, "uuid": row.uuid}},
        )
    )
    return report


def _latest_if_bare(ref: VersionRef) -> VersionRef:
    # A bare name means what was promoted; what one wants checked is what came since.
    return ref if ref.selector else VersionRef(ref.dataset, "latest")


def _validate(workspace: Workspace, row: VersionRow) -> ValidationReport:
    started = now()
    specs = workspace.spec.checks.get(row.dataset, ())
    ref = row.ref
    report = ValidationReport(row.dataset, ref, row.uuid, row.rows, ())
    if specs:
        checks = _run_checks(workspace, ref, row, specs)
        report = replace(report, results=tuple(check.result() for check in checks), run=new_run_id())
        assert report.run is not None
        run = Run(
            id=report.run,
            job=Job("validation", row.dataset),
            state=RunState.COMPLETE,
            started_at=started,
            ended_at=now(),
            inputs=(_input(row),),
            facets={"validation": {"ok": report.ok, "results": [_recorded(result) for result in report.results]}},
        )
        try:
            workspace.record(run)
        except ReadOnly:  # the report is what was asked for; without a record of it
            report = replace(report, run=None)
    return report


def _recorded(result: CheckResult) -> dict[str, Any]:
    """What a run keeps of a result: no cells, as runs are never changed and samples may be erased."""
    said = asdict(result)
    kept = [{key: example[key] for key in ("sample_id", "reason") if key in example} for example in said["examples"]]
    return {**said, "examples": kept}


def _run_checks(workspace: Workspace, ref: str, row: VersionRow, specs: tuple[CheckSpec, ...]) -> list[Check]:
    """Two streams over the version: one without media for all checks that can, one for those that must see it."""
    reader = workspace.open_version(ref)
    schema = reader.full_schema
    made = common_producers(workspace, row)
    newest = {name: run for name, run in reversed(made.values())}
    former = [column for column, (name, run) in made.items() if run != newest[name]]
    producers = {column: name for column, (name, _) in made.items()}
    table = Table(schema, producers, former, row.dataset, ref, row.rows)
    checks = [load_check(spec, table, workspace.project.folder) for spec in specs]
    for media in (False, True):
        group = [check for check in checks if check.media == media]
        if not group:
            continue
        wanted = sorted({column for check in group for column in check.columns})
        columns = ["sample_id", *(c for c in wanted if c != "sample_id")]
        size = 64 if media and any(media_kind(schema.field(c).type) for c in wanted if c in schema.names) else 8192
        for batch in reader.batches(columns, batch_size=size, media="tolerant" if media else False):
            for check in group:
                check.update(batch)
    return checks


def _input(row: VersionRow) -> RunInput:
    return RunInput("version", row.uuid, row.ref)

"""The run that a validation leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mmreg.errors import ReadOnly
from mmreg.registry.clock import now
from mmreg.registry.runs import new_run_id
from mmreg.registry.validation.seen import State, keep
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


def recorded(
    workspace: Workspace,
    row: VersionRow,
    report: ValidationReport,
    started: str,
    facts: Mapping[str, Any],
    states: Mapping[str, Mapping[str, State]],
) -> ValidationReport:
    """``report`` with the run that tells of it; without one where the lake cannot be written to.

    The run's facet ``validation`` has ``ok``, ``results``, ``facts`` and, as ``seen``, what names the kept ``states``.
    """
    try:
        seen = keep(workspace.lake.store, states)
        return _recorded(workspace, row, report, started, {**facts, "seen": seen})
    except ReadOnly:  # the report is what was asked for; without a record of it
        return report


def _recorded(
    workspace: Workspace, row: VersionRow, report: ValidationReport, started: str, facts: Mapping[str, Any]
) -> ValidationReport:
    run = Run(
        id=new_run_id(),
        job=Job("validation", row.dataset),
        state=RunState.COMPLETE,
        started_at=started,
        ended_at=now(),
        inputs=(RunInput("version", row.uuid, row.ref),),
        facets={"validation": {"ok": report.ok, "results": [_kept(one) for one in report.results], **facts}},
    )
    workspace.record(run)
    return replace(report, run=run.id)


def _kept(result: CheckResult) -> dict[str, Any]:
    """What a run keeps of a result: no cells, as runs are never changed and samples may be erased."""
    said = asdict(result)
    kept = [{key: example[key] for key in ("sample_id", "reason") if key in example} for example in said["examples"]]
    drawn = [one for one in said["histograms"] if not one["cells"]]
    return {**said, "examples": kept, "histograms": drawn, "groups": []}  # names of groups are cells, too

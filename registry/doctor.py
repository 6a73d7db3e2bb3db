"""What crashes leave behind, and its mending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.errors import MmregError
from mmreg.registry import leases, sync
from mmreg.registry.derive import completed
from mmreg.registry.evolve import followed
from mmreg.registry.made import complete_state
from mmreg.registry.store import probe
from mmreg.schemas.finding import DoctorReport, Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def doctor(workspace: Workspace) -> DoctorReport:
    """Look at every window that a crash can leave open, close it, and say so.

    Commits without a run object get one, runs without a place in the index are absorbed, leases of processes that
    are gone are released. What needs a person is reported unfixed.
    """
    findings: list[Finding] = []
    lake = workspace.lake
    facts = probe(lake.store)
    if not facts.conditional_put:
        findings.append(
            Finding(
                "store_unsafe",
                f"this store does not honour conditional put: {facts.reason}",
                hint="write from one process only",
            )
        )
    catalog = workspace.open_catalog()
    absorbed = catalog.catch_up(lake.store)
    if absorbed:
        findings.append(Finding("index_behind", f"{absorbed} runs were not in the index", fixed=True))
    for run in sync.catch_up(lake, catalog):
        refs = ", ".join(output.ref for output in run.outputs)
        findings.append(
            Finding(
                "run_object_missing",
                f"{refs}: committed without a run object; written from the commit",
                fixed=True,
            )
        )
    for run in catalog.runs("pass"):
        if (whole := completed(workspace, run) or complete_state(workspace, run)) is not None:
            refs = " and ".join(output.ref for output in whole.outputs)
            findings.append(Finding("derived_behind", f"pass {run.job.name} made {refs}: completed", fixed=True))
    for run in (*catalog.runs("schema"), *catalog.runs("drop")):
        if (whole := followed(workspace, run)) is not None:
            refs = " and ".join(output.ref for output in whole.outputs)
            findings.append(
                Finding("derived_behind", f"{run.job.kind} {run.job.name} made {refs}: completed", fixed=True)
            )
    for name in leases.release_abandoned(lake.store):
        findings.append(Finding("lease_left", f"{name}: its holder is gone; released", fixed=True))
    for row in catalog.datasets():
        findings += _unreadable(workspace, row.name)
    return DoctorReport(tuple(findings))


def rebuild(workspace: Workspace) -> int:
    """Drop the index and make it again from runs and commits. Returns how many runs it holds."""
    catalog = workspace.open_catalog()
    catalog.clear()
    sync.catch_up(workspace.lake, catalog)
    return len(catalog.runs())


def _unreadable(workspace: Workspace, dataset: str) -> list[Finding]:
    try:
        workspace.lake.table(dataset)
    except MmregError as error:
        return [Finding("unreadable", error.message, hint=f"mmreg log {dataset} shows earlier versions")]
    return []

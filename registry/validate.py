"""Write, audit, publish: check a version, record what was found, and let the bare name mean it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mmreg.errors import Conflict, NotFound
from mmreg.registry.clock import now
from mmreg.registry.lock import write_lock
from mmreg.registry.runs import new_run_id
from mmreg.registry.validation import run_checks
from mmreg.schemas.check import ValidationReport
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.progress import Progress


def validate(
    workspace: Workspace,
    ref: VersionRef | None = None,
    *,
    only: Sequence[str] = (),
    since: Mapping[str, VersionRef] | None = None,
    record: bool = True,
    progress: Progress | None = None,
) -> list[ValidationReport]:
    """Check ``ref`` as declared for its dataset, or the latest version of every dataset with checks.

    ``only``: keys or names of checks, or patterns of them with ``*``; datasets without such a check are left out, and
    `NotFound` is raised where there is none at all. ``since``: by dataset an earlier version; of checks that judge
    every row by itself only rows count in whose fragments something has changed since. Recorded if ``record`` says so,
    unless the lake cannot be written to.
    """
    reports = [
        _checked(workspace, row, only, (since or {}).get(row.dataset), record, progress)
        for row in _asked(workspace, ref)
    ]
    if not only:
        return reports
    found = [report for report in reports if report.results]
    if reports and not found:
        raise NotFound(f"no check is called {' or '.join(only)}", hint="mmreg checks")
    return found


def promote(workspace: Workspace, ref: VersionRef, *, progress: Progress | None = None) -> ValidationReport:
    """Check ``ref``, and where no check of severity `error` failed make it what the bare name means.

    The report says whether it was promoted: ``ok``. A dataset without checks is promoted as it is. What all names mean
    then is written to the project's lock. Raises `Conflict` where somebody else's checks failed it meanwhile.
    """
    row = workspace.catalog.resolve(_latest_if_bare(ref))
    with workspace.holding(row):
        report = _checked(workspace, row, progress=progress)
        if report.ok:
            publish(workspace, row, report.run)
    if report.ok and workspace.project.document is not None:
        write_lock(workspace)
    return report


def publish(workspace: Workspace, row: VersionRow, validation: str | None) -> None:
    """Make ``row`` what its dataset's bare name means. It passed the run ``validation``; None: it has no checks.

    Raises `Conflict` where a run that is neither that one nor was known then says that the version failed.
    """
    with workspace.alone(f"promotion.{row.dataset}"):
        last = workspace.catalog.resolve(VersionRef(row.dataset, row.uuid))
        if last.failed and last.judged_by not in (validation, row.judged_by):
            raise Conflict(
                f"{row.ref} passed, and meanwhile failed in run {last.judged_by}: it is not promoted",
                hint=f"mmreg validate {row.ref}, with the mmreg.yaml that everybody agrees on; then promote again",
            )
        _publish(workspace, row, validation)


def _publish(workspace: Workspace, row: VersionRow, validation: str | None) -> None:
    workspace.pin(row.dataset, row.uuid, row.lance_version)
    moment = now()
    workspace.record(
        Run(
            id=new_run_id(),
            job=Job("promotion", row.dataset),
            state=RunState.COMPLETE,
            started_at=moment,
            ended_at=moment,
            inputs=(RunInput("version", row.uuid, row.ref),),
            facets={"promotion": {"dataset": row.dataset, "uuid": row.uuid, "validation": validation}},
        )
    )


def _asked(workspace: Workspace, ref: VersionRef | None) -> list[VersionRow]:
    if ref is not None:
        return [workspace.catalog.resolve(_latest_if_bare(ref))]
    for name in workspace.spec.checks:
        if not workspace.exists(name):
            raise NotFound(f"{name} has checks, but no version yet", hint="mmreg apply")
    return [workspace.latest(name) for name in workspace.spec.checks]


def _latest_if_bare(ref: VersionRef) -> VersionRef:
    # A bare name means what was promoted; what one wants checked is what came since.
    return ref if ref.selector else VersionRef(ref.dataset, "latest")


def _checked(
    workspace: Workspace,
    row: VersionRow,
    only: Sequence[str] = (),
    since: VersionRef | None = None,
    record: bool = True,
    progress: Progress | None = None,
) -> ValidationReport:
    specs = workspace.spec.checks.get(row.dataset, ())
    before = workspace.catalog.resolve(since) if since is not None else None
    return run_checks(workspace, row, specs, only=only, since=before, record=record, progress=progress)

"""What may be wrong with a dataset, and what would cure it. `mmreg.schemas.diagnosis` lists all codes.

Each file here has one idea: it asks checks of `mmreg.validators` about the rows, or looks at what runs have recorded.
All checks go over the version together, by columns, without decoding media.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.registry.findings import captions, duplicates, leak, noise, orphans, recorded, stale, tail
from mmreg.registry.findings.subject import Ask, Subject, Unanswered
from mmreg.registry.validation import run_checks
from mmreg.schemas.check import CheckResult
from mmreg.schemas.diagnosis import DatasetReport, Diagnosis
from mmreg.schemas.progress import Progress
from mmreg.schemas.refs import VersionRef

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def examine(workspace: Workspace, ref: VersionRef, progress: Progress | None = None) -> DatasetReport:
    """Look for everything in ``ref``; of a bare name in the newest version. Nothing is recorded.

    Memory: that of the checks, some 100 bytes a row. Raises `NotFound`.
    """
    row = workspace.catalog.resolve(ref if ref.selector else VersionRef(ref.dataset, "latest")).readable()
    subject = Subject(workspace, row)
    asks = [ask for idea in (duplicates, captions, noise, leak, stale) for ask in idea.asks(subject)]
    found: list[Diagnosis | Unanswered] = [*_checked(subject, asks, progress)]
    for idea in (recorded, tail, orphans):
        found += idea.look(subject)
    return DatasetReport(
        dataset=row.dataset,
        version=row.ref,
        uuid=row.uuid,
        rows=row.rows,
        findings=tuple(one for one in found if isinstance(one, Diagnosis) and one.count),
        looked_for=tuple(dict.fromkeys(one.code for one in found if isinstance(one, Diagnosis))),
        unanswered={one.code: one.why for one in found if isinstance(one, Unanswered)},
    )


def _checked(subject: Subject, asks: list[Ask | Unanswered], progress: Progress | None) -> list[Diagnosis | Unanswered]:
    wanted = [ask for ask in asks if isinstance(ask, Ask)]
    specs = [ask.spec for ask in wanted]
    report = run_checks(subject.workspace, subject.row, specs, record=False, progress=progress)
    answers = iter(report.results)
    return [diagnosis(ask, next(answers)) if isinstance(ask, Ask) else ask for ask in asks]


def diagnosis(ask: Ask, result: CheckResult) -> Diagnosis | Unanswered:
    """What a check's answer means; a count of 0 is nothing found."""
    if result.status == "insufficient":
        return Unanswered(ask.code, result.message)
    where = f"{ask.what}: " if ask.what else ""
    found = Diagnosis(ask.code, where + result.message, result.failed, result.examined, ask.cure, result.examples)
    return replace(found, note=ask.note)

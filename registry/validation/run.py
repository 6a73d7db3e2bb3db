"""Running checks over one version: two streams at most, one of cells and one of media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.registry.clock import now
from mmreg.registry.show import common_producers
from mmreg.registry.validation.declared import Declared, chosen, declared_checks
from mmreg.registry.validation.record import recorded
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.progress import Progress, Quiet
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.declaration import CheckSpec


def run_checks(
    workspace: Workspace,
    row: VersionRow,
    specs: Sequence[CheckSpec],
    *,
    only: Sequence[str] = (),
    since: VersionRow | None = None,
    record: bool = True,
    progress: Progress | None = None,
) -> ValidationReport:
    """Run ``specs``, all the checks of a dataset, or of them those that ``only`` names, on the version ``row``.

    ``only``: keys, names of checks, or patterns of them with ``*``. ``since``: an earlier version of the dataset; of
    checks that judge every row by itself only rows count in whose fragments something has changed since.
    ``record``: keep the run and what was seen in the lake, unless that cannot be written to. Raises `UsageError` for a
    check that is not as it should be, or that breaks; it names the dataset, the check and its place.
    """
    started = now()
    checks = chosen(declared_checks(workspace.project, row.dataset, specs), only)
    report = ValidationReport(row.dataset, row.ref, row.uuid, row.rows, ())
    if not checks:
        return report
    results = _results(workspace, row, checks, progress or Quiet())
    report = replace(report, results=results)
    return recorded(workspace, row, report, started, {}) if record else report


def _results(
    workspace: Workspace, row: VersionRow, declared: Sequence[Declared], progress: Progress
) -> tuple[CheckResult, ...]:
    reader = workspace.open_version(row.ref)
    made = common_producers(workspace, row)
    newest = {name: run for name, run in reversed(made.values())}
    former = [column for column, (name, run) in made.items() if run != newest[name]]
    producers = {column: name for column, (name, _) in made.items()}
    world = WorkspaceWorld(workspace, row)
    table = Table(reader.full_schema, producers, former, row.dataset, row.ref, len(reader), world)
    checks = [one.load(table) for one in declared]
    for media in (False, True):
        group = [
            (one, check) for one, check in zip(declared, checks, strict=True) if check.media == media and check.columns
        ]
        if not group:
            continue
        wanted = sorted({column for _, check in group for column in check.columns})
        columns = ["sample_id", *(c for c in wanted if c != "sample_id")]
        has_media = any(media_kind(table.schema.field(c).type) for c in wanted if c in table.schema.names)
        progress.start(f"{row.ref}: {'media' if media else 'cells'}", len(reader))
        for batch in reader.batches(
            columns, batch_size=64 if media and has_media else 8192, media="tolerant" if media else False
        ):
            for one, check in group:
                with one.blamed():
                    check.update(batch)
            progress.advance(batch.num_rows)
        progress.done()
    return tuple(_told(one, check) for one, check in zip(declared, checks, strict=True))


def _told(declared: Declared, check: Check) -> CheckResult:
    with declared.blamed():
        return replace(check.result(), key=declared.key, declared_at=declared.place)

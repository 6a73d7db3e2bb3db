"""Running checks over one version: what earlier runs have seen is taken over, the rest is read once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from mmreg.registry.clock import now
from mmreg.registry.show import common_producers
from mmreg.registry.validation.answer import of_changed, of_sample
from mmreg.registry.validation.declared import Declared, chosen, declared_checks
from mmreg.registry.validation.examples import with_values
from mmreg.registry.validation.look import Look
from mmreg.registry.validation.pieces import Pieces
from mmreg.registry.validation.record import recorded
from mmreg.registry.validation.sampling import halvings_for
from mmreg.registry.validation.seen import Seen, State, digest_of
from mmreg.registry.validation.stream import stream
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.progress import Progress, Quiet
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.check_spec import CheckSpec


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
    declared = declared_checks(workspace.project, row.dataset, specs)
    asked = chosen(declared, only)
    report = ValidationReport(row.dataset, row.ref, row.uuid, row.rows, ())
    if not asked:
        return report
    reader = workspace.open_version(row.ref)
    table = _table(workspace, row, reader)
    before = workspace.open_version(since.ref) if since is not None else None
    checking = _Checking(reader, before, Seen(workspace, row.dataset), progress or Quiet())
    looks = checking.looks(asked, table)
    checking.run(looks)
    report = replace(report, rows=table.rows, results=checking.results(looks))
    if not record:
        return report
    facts = {
        "checks": len(declared),
        **({"only": list(only)} if only else {}),
        **({"since": since.uuid} if since is not None else {}),
    }
    states: dict[str, dict[str, State]] = defaultdict(dict)
    for look in looks:
        if look.digest is not None:  # two looks may differ only in their samples, or in what they tolerate
            states[look.digest] |= look.states
    return recorded(workspace, row, report, started, facts, states)


class _Checking:
    """One version, perhaps since an earlier one, while checks run over it."""

    def __init__(self, reader: Reader, before: Reader | None, seen: Seen, progress: Progress) -> None:
        self._reader, self._before, self._seen, self._progress = reader, before, seen, progress
        self._cut: dict[tuple[Reader, int], Pieces] = {}

    def looks(self, declared: Sequence[Declared], table: Table) -> list[Look]:
        """A look for each check; of what is not as it should be, `UsageError`, before anything is read."""
        found = []
        for one in declared:
            check = one.load(table)
            with one.blamed():
                digest = digest_of(one.spec, check, table) if check.columns else None
            look = Look(one, table, check, halvings_for(one.spec.sample, table.rows), digest)
            if digest is not None:
                look.known = self._seen.of(digest)
            if self._before is not None and isinstance(check, RowCheck):
                look.unchanged = frozenset(self._pieces(self._before, look.halvings).keys(check.columns))
            found.append(look)
        return found

    def run(self, looks: Sequence[Look]) -> None:
        reading = [look for look in looks if look.check.columns]
        kinds = sorted(reading, key=lambda look: (look.check.media, look.halvings))
        for (media, halvings), group in groupby(kinds, key=lambda look: (look.check.media, look.halvings)):
            label = f"{self._reader.ref}: {'media' if media else 'cells'}"
            pieces = self._pieces(self._reader, halvings)
            stream(pieces, list(group), media=media, label=label, progress=self._progress)

    def results(self, looks: Sequence[Look]) -> tuple[CheckResult, ...]:
        told = with_values([look.result() for look in looks], looks, self._reader.parts)
        return tuple(self._of_some(look, result) for look, result in zip(looks, told, strict=True))

    def _of_some(self, look: Look, result: CheckResult) -> CheckResult:
        """``result`` with what it says where not all rows were looked at."""
        if look.unchanged is not None and self._before is not None:
            since = self._before.ref
            return of_changed(result, look.rows, look.table.rows, since, sampled=bool(look.halvings))
        return of_sample(result, look.rows, look.table.rows) if look.halvings else result

    def _pieces(self, reader: Reader, halvings: int) -> Pieces:
        if (reader, halvings) not in self._cut:
            whole = Pieces.of(reader) if not halvings else self._pieces(reader, 0).sample(halvings)
            self._cut[reader, halvings] = whole
        return self._cut[reader, halvings]


def _table(workspace: Workspace, row: VersionRow, reader: Reader) -> Table:
    made = common_producers(workspace, row)
    newest = {name: run for name, run in reversed(made.values())}
    former = [column for column, (name, run) in made.items() if run != newest[name]]
    producers = {column: name for column, (name, _) in made.items()}
    world = WorkspaceWorld(workspace, row)
    return Table(reader.full_schema, producers, former, row.dataset, row.ref, len(reader), world)

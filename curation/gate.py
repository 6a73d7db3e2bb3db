"""One gate for continuous integration: what is declared to hold, checked where it may have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.curation.known import known_failures, write_baseline
from mmreg.curation.since import checked, points
from mmreg.errors import MmregError, NotFound, UsageError
from mmreg.registry.validation.declared import Declared, chosen, declared_checks
from mmreg.schemas.check import ValidationReport
from mmreg.schemas.gate import FailOn, GateReport, Skipped
from mmreg.schemas.refs import VersionRef
from mmreg.validators.unknown import unknown

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.catalog import VersionRow
    from mmreg.schemas.detail import Diff
    from mmreg.schemas.plan import Plan
    from mmreg.schemas.progress import Progress


@dataclass(frozen=True)
class Ask:
    """What is asked of the gate.

    ``refs`` are the versions to check; empty for the newest one of every dataset with checks. ``only``: keys or names
    of checks, or patterns of them as in a shell. ``since``: `lock` or versions; what has not changed since is not
    checked again, if these very checks have run on it. ``baseline`` is a file of known failures, written anew where
    ``update``. ``context``: also tell what `mmreg apply` would do and what has changed, for who reads a pull request.
    ``record``: keep what was found as a Run where the lake can be written to.
    """

    refs: tuple[VersionRef, ...] = ()
    only: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    fail_on: FailOn = "error"
    baseline: Path | None = None
    update: bool = False
    context: bool = False
    record: bool = True


def gate(registry: Registry, ask: Ask, progress: Progress | None = None) -> GateReport:
    """Check, and judge by ``ask``. A failed check is an answer; `GateReport.ok` says whether the gate opens.

    Raises `NotFound` for a version that is not there, `UsageError` for an ``ask`` that makes no sense and for a check
    that is not as it should be.
    """
    if ask.update and (ask.baseline is None or ask.since):
        raise UsageError(
            "a baseline is updated from all rows: with --baseline FILE and without --since",
            hint="mmreg validate --baseline FILE --update-baseline",
        )
    known = known_failures(ask.baseline, new=ask.update)
    declared = {name: declared_checks(registry.project, name, specs) for name, specs in registry.spec.checks.items()}
    rows = _asked(registry, ask.refs)
    wanted = _wanted(declared, [row.dataset for row in rows], ask.only)
    before = points(registry, ask.since)
    reports: list[ValidationReport] = []
    whole: list[ValidationReport] = []
    skipped: list[Skipped] = []
    for row in rows:
        checks, since = wanted.get(row.dataset, []), before.get(row.dataset)
        if not checks and (ask.only or not ask.refs):
            continue
        base = checked(registry, since, checks) if since is not None else None
        if base is not None and base.row.uuid == row.uuid:
            skipped.append(Skipped(row.dataset, row.ref, f"unchanged since {base}"))
            continue
        found = registry.validate(
            row.ref,
            only=[escape(check.key) for check in checks] if ask.only else (),
            since={row.dataset: base.row.ref} if base is not None else None,
            record=ask.record,
            progress=progress,
        )
        reports += found
        whole += found if base is None else []
    keys = {name: [check.key for check in checks] for name, checks in declared.items()}
    if known is not None and ask.update:
        assert ask.baseline is not None
        known = known.updated(reports, keys)
        write_baseline(ask.baseline, known)
    plan, no_plan = _plan(registry) if ask.context else (None, "")
    return GateReport(
        reports=tuple(known.allow(report) for report in reports) if known is not None else tuple(reports),
        skipped=tuple(skipped),
        fail_on=ask.fail_on,
        baseline=str(ask.baseline) if ask.baseline is not None else None,
        tighten=tuple(known.tighten(whole, keys)) if known is not None else (),
        plan=plan,
        no_plan=no_plan,
        diffs=tuple(_diffs(registry, rows, before)) if ask.context else (),
    )


def choose(checks: Sequence[Declared], only: Sequence[str]) -> list[Declared]:
    """Of ``checks`` those that ``only`` names. Raises `UsageError` for a name that fits none of them."""
    for name in only:
        if not chosen(checks, [name]):
            names = {known for check in checks for known in (check.key, check.spec.check)}
            raise unknown("declared check", name, sorted(names))
    return chosen(checks, only)


def _asked(registry: Registry, refs: Sequence[VersionRef]) -> list[VersionRow]:
    """The versions to check, each once; a bare name means the newest: what was promoted has been checked."""
    if not refs:
        for name in registry.spec.checks:
            if not registry.exists(name):
                raise NotFound(f"{name} has checks, but no version yet", hint="mmreg apply")
    asked = refs or [VersionRef(name) for name in registry.spec.checks]
    rows = [registry.catalog.resolve(ref if ref.selector else VersionRef(ref.dataset, "latest")) for ref in asked]
    return list({row.uuid: row for row in rows}.values())


def _wanted(
    declared: Mapping[str, Sequence[Declared]], datasets: Sequence[str], only: Sequence[str]
) -> dict[str, list[Declared]]:
    """By dataset, the checks to run of those that are asked for."""
    there = [check for name in dict.fromkeys(datasets) for check in declared.get(name, ())]
    wanted: dict[str, list[Declared]] = {}
    for check in choose(there, only):
        wanted.setdefault(check.dataset, []).append(check)
    return wanted


def _plan(registry: Registry) -> tuple[Plan | None, str]:
    """What apply would do, or why that cannot be said here: a checkout in CI need not have the sources."""
    from mmreg.curation.plan import plan

    try:
        return plan(registry), ""
    except MmregError as error:
        return None, error.message


def _diffs(registry: Registry, rows: Sequence[VersionRow], before: Mapping[str, VersionRow]) -> Iterator[Diff]:
    """What each of ``rows`` has changed: since what was asked for, else since what was promoted."""
    for row in rows:
        base = before.get(row.dataset)
        if base is None:
            base = next((version for version in registry.catalog.versions(row.dataset) if version.promoted), None)
        if base is not None and base.uuid != row.uuid and not base.removed_by:
            yield registry.diff(base.ref, row.ref)

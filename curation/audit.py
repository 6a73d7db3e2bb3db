"""Write, audit, publish: what `apply` makes of the declared checks. A version that fails them stays, marked; what a
training reads has passed them; a version becomes what its dataset's name means by a promotion alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.curation.foreseen import Foreseen, OnlyTheLakeKnows, foresee
from mmreg.curation.graph import Step
from mmreg.curation.kinds import root_of, roots_behind
from mmreg.curation.since import tells
from mmreg.errors import NotFound
from mmreg.registry.validate import publish
from mmreg.registry.validation.declared import declared_checks
from mmreg.schemas.plan import PlanStep, StepResult
from mmreg.schemas.progress import Progress

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.catalog import VersionRow
    from mmreg.schemas.declared_models import TrainingSpec


@dataclass(frozen=True)
class Verdict:
    """What the checks of a dataset, as declared now, say of its version ``row``: ``ok``, and ``said`` in words.

    ``run`` is the run that recorded it, None where the lake cannot be written to; ``known``: by an earlier one.
    """

    row: VersionRow
    ok: bool
    said: str
    run: str | None
    known: bool


class Audits:
    """What the checks of ``datasets`` said during one apply: no version is checked twice, or told of twice."""

    def __init__(self, registry: Registry, progress: Progress, datasets: Iterable[str]) -> None:
        self._registry, self._progress = registry, progress
        self._unforeseen = list(datasets)
        self._verdicts: dict[str, Verdict] = {}

    def refuse_senseless(self) -> None:
        """Raise `UsageError` for a check that makes no sense whatever its version will hold, or `MissingExtra`.

        That is before something costly is done: afterwards would be late.
        """
        while self._unforeseen:
            dataset = self._unforeseen.pop()
            table = _foreseen(self._registry, dataset)
            for one in declared_checks(self._registry.project, dataset, self._registry.spec.checks[dataset]):
                with suppress(OnlyTheLakeKnows):
                    one.load(table)

    def of(self, datasets: Iterable[str], *, promote: bool = False) -> Iterator[StepResult]:
        """The newest versions, checked, and where they passed promoted; what has no version yet is left out."""
        for dataset in datasets:
            if not self._registry.exists(dataset):
                continue
            told = self._registry.latest(dataset).uuid in self._verdicts
            verdict = self.verdict(dataset)
            if not told:
                yield result(verdict)
            if promote and verdict.ok and (promoted := promotion(self._registry, verdict)) is not None:
                yield promoted

    def verdict(self, dataset: str) -> Verdict:
        """What is said of the newest version by now, or by checking it."""
        uuid = self._registry.latest(dataset).uuid
        if uuid not in self._verdicts:
            found = check(self._registry, dataset, self._progress)
            uuid = found.row.uuid
            self._verdicts[uuid] = found
        return self._verdicts[uuid]


def _foreseen(registry: Registry, dataset: str) -> Foreseen:
    """The columns that ``dataset`` will have, as declared, and those that others have put into the lake."""
    table = foresee(registry.project, dataset)
    roots = [root for root in roots_behind(registry.project, dataset) if registry.exists(root)]
    there = {column.name: column for root in roots for column in registry.newest(root).table.schema}
    more = [column for name, column in there.items() if name not in table.schema.names and name not in table.dim]
    return replace(table, schema=pa.schema([*table.schema, *more]))


def known_verdict(registry: Registry, row: VersionRow) -> Verdict | None:
    """What is recorded of ``row``; None where it has not been checked yet by all that is declared now."""
    try:
        run = registry.catalog.run(row.judged_by) if row.judged_by else None
    except NotFound:
        run = None
    if run is None:
        return None
    facet = run.facets["validation"]
    declared = declared_checks(registry.project, row.dataset, registry.spec.checks.get(row.dataset, ()))
    if len(facet["results"]) != len(declared) or not tells(run, declared):
        return None
    return Verdict(row, facet["ok"], _told(row, facet["results"]), run.id, known=True)


def check(registry: Registry, dataset: str, progress: Progress | None = None) -> Verdict:
    """Check the newest version of ``dataset``, unless it is known what comes of that."""
    row = registry.latest(dataset)
    if (known := known_verdict(registry, row)) is not None:
        return known
    (report,) = registry.validate(row.ref, progress=progress)
    said = _told(row, [vars(result) for result in report.results])
    if report.run is None:
        said += "; not recorded, as the lake cannot be written to"
    return Verdict(row, report.ok, said, report.run, known=False)


def _told(row: VersionRow, results: Iterable[Mapping[str, Any]]) -> str:
    """In words: how many checks failed, and the first of them."""
    found = list(results)
    errors = [one for one in found if one["status"] == "failed" and one["severity"] == "error"]
    others = [one for one in found if one["status"] != "passed" and one not in errors]
    checks = f"{len(found)} check{'s' * (len(found) != 1)}"
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        return f"{row.ref}  {len(errors)} of {checks} failed: {errors[0]['key']}: {errors[0]['message']}{more}"
    warned = f", {len(others)} of them with what stops nothing" if others else ""
    return f"{row.ref}  {checks} passed{warned}"


def hint(verdict: Verdict) -> str:
    """What to type where one failed."""
    return f"mmreg validate {verdict.row.ref}"


def result(verdict: Verdict) -> StepResult:
    """A verdict as a step of an apply."""
    name, ref = verdict.row.dataset, verdict.row.ref
    if not verdict.ok:
        return StepResult("check", name, "failed", verdict.said, ref=ref, hint=hint(verdict))
    return StepResult("check", name, "unchanged" if verdict.known else "passed", verdict.said, ref=ref)


def promotion(registry: Registry, verdict: Verdict) -> StepResult | None:
    """Promote what has passed; None where its name means it already. Raises `Conflict` as `publish` does."""
    row = verdict.row
    if row.promoted:
        return None
    with registry.holding(row):
        publish(registry, row, verdict.run)
    said = f"{row.ref}  what {row.dataset} means now"
    return StepResult("promotion", row.dataset, "promoted", said, ref=row.ref, rows=row.rows)


def touched(registry: Registry, steps: Iterable[Step]) -> list[str]:
    """The datasets with checks of which ``steps`` make versions, in the order of the declaration."""
    made: set[str] = set()
    for step in steps:
        made.update(_made(registry, step))
    return [name for name in registry.spec.checks if name in made]


def _made(registry: Registry, step: Step) -> Iterator[str]:
    if step.kind == "ingest":
        yield step.name
    elif step.kind in ("pass", "select"):
        spec = registry.spec.passes[step.name]
        if spec.into is not None:
            yield spec.into
        if step.kind == "pass":  # its columns are the root's, and what it reads is brought to them
            yield spec.from_
            yield root_of(registry.project, spec.from_)


def read_by(registry: Registry, training: TrainingSpec) -> list[str]:
    """The datasets with checks that a training reads."""
    return [name for name in training.reads if name in registry.spec.checks]


def plan_check(registry: Registry, dataset: str, moving: Iterable[Step]) -> PlanStep | None:
    """What apply would check of ``dataset``, where the steps ``moving`` run before; None where there is nothing."""
    before = next((step for step in moving if dataset in _made(registry, step)), None)
    if before is not None:
        return PlanStep("check", dataset, "run", f"after {before.kind} {before.name}", dataset=dataset)
    if not registry.exists(dataset):
        return None
    row = registry.latest(dataset)
    known = known_verdict(registry, row)
    if known is None:
        again = f"{row.ref} was not checked yet" if not row.judged_by else f"{row.ref} is declared to be checked anew"
        return PlanStep("check", dataset, "run", again, dataset=dataset, rows=row.rows)
    if known.ok:
        return PlanStep("check", dataset, "nothing", known.said, dataset=dataset)
    notes = (f"{hint(known)} shows what failed",)
    return PlanStep("check", dataset, "failed", known.said, dataset=dataset, notes=notes)

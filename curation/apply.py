"""Doing what the declaration says: every step that is pending, upstream first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mmreg.curation import audit
from mmreg.curation.approval import Allowance
from mmreg.curation.bind import BoundPass, bind
from mmreg.curation.change import take_note
from mmreg.curation.declared import Declaration
from mmreg.curation.evolution import Evolution, Evolutions, evolve
from mmreg.curation.graph import Step, steps
from mmreg.curation.people import unmatched
from mmreg.curation.plan import open_ingest, pass_freshness, plan, plan_step
from mmreg.curation.runner import run_pass
from mmreg.curation.sample import stage_samples
from mmreg.curation.select import bind_selection, run_selection
from mmreg.curation.terms import Terms
from mmreg.curation.train import run_training, training_state
from mmreg.errors import NotApproved
from mmreg.registry.drop import take_up
from mmreg.registry.erase.carry_out import refuse_unfinished
from mmreg.registry.evolve import complete
from mmreg.registry.lock import lock_path, write_lock
from mmreg.registry.models import add_declared, newest, note_served
from mmreg.registry.weights import weights_path
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.plan import ApplyReport, PlanStep, StepResult
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import Run, RunInput

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class Work:
    """One apply under way: where it reports, what it may spend, what it was declared by, what its checks said."""

    registry: Registry
    progress: Progress
    allowance: Allowance
    declaration: Declaration
    audits: audit.Audits
    errors_only: bool = False


def apply(
    registry: Registry,
    select: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    approve: str | None = None,
    force: bool = False,
    errors_only: bool = False,
    promote: bool = False,
    lock: bool = False,
) -> ApplyReport:
    """Bring what is declared, or ``select``, up to date. Run again, it does only what is pending by then.

    Newest versions of datasets with checks are checked at the end, and before a training that reads them: it is blocked
    where they fail. A version that fails stays, marked; ``ok`` of the report is False then. ``promote``: those that
    passed become what their datasets' names mean. ``lock``, and after promotions: write down what names mean.

    A step that waits for something is reported as blocked, and so is what comes after it; a failing step raises,
    and what was published before it stays. Spending above a budget needs the digest of the plan in ``approve``, else
    `NotApproved` is raised. Where somebody else has declared a step differently since, `Conflict`, unless ``force``;
    so it is while an erasure is not through.
    ``errors_only``: nothing but rows that failed is computed anew.
    """
    registry.catch_up()
    refuse_unfinished(registry)
    approved = None
    if approve is not None:
        approved = plan(registry, select)
        if approved.digest != approve:
            raise _not_approved(select, approved.digest, f"what would be done is no longer the plan {approve}")
    declaration, progress = Declaration(registry, force=force), progress or Quiet()
    chosen = steps(registry.project, select)
    checked = audit.touched(registry, chosen)
    audits = audit.Audits(registry, progress, checked)
    work = Work(registry, progress, Allowance(registry.spec, approved), declaration, audits, errors_only)
    named = {selector.strip("+").removeprefix("dataset:") for selector in select}
    results: list[StepResult] = []
    for step in chosen:
        if errors_only and step.kind != "pass":
            continue
        try:
            results += _seconds(work, _apply(work, step, step.name in named))
        except NotApproved as error:
            raise _not_approved(select, plan(registry, select).digest, error.message) from error
    results += _seconds(work, audits.of(checked, promote=promote))
    written = write_lock(registry) if lock or promote else None
    return ApplyReport(tuple(results), str(lock_path(registry.project).name) if written is not None else None)


def _not_approved(select: Sequence[str], digest: str, said: str) -> NotApproved:
    words = " ".join(["mmreg apply", *select])
    return NotApproved(said, hint=f"mmreg plan{words.removeprefix('mmreg apply')}, then: {words} --approve {digest}")


def _seconds(work: Work, found: Iterator[StepResult]) -> Iterator[StepResult]:
    """What was found, each with the seconds that it took."""
    started = time.monotonic()
    for result in found:
        now = time.monotonic()
        yield replace(result, seconds=round(now - started, 3))
        started = now
        if result.outcome != "unchanged":
            work.progress.message(f"{result.kind} {result.name}: {result.message}")


def _apply(work: Work, step: Step, named: bool) -> Iterator[StepResult]:
    if step.kind == "ingest":
        complete(work.registry, step.name)
    with work.declaration.blaming(step.kind, step.name):
        found = Evolutions(work.registry).of(step)
    if found is not None:
        yield from _schema(work, step, found)
    if step.kind == "ingest":
        yield _ingest(work, step.name)  # looks for itself, so that a source is listed once
        return
    planned = plan_step(work.registry, step)
    if planned.action == "stale" and not named:
        yield StepResult(step.kind, step.name, "stale", planned.reason)
    elif planned.action == "blocked":
        yield StepResult(step.kind, step.name, "blocked", planned.reason)
    elif planned.action == "nothing" and step.kind != "pass":
        yield StepResult(step.kind, step.name, "unchanged", planned.reason)
        if step.kind == "select":
            work.declaration.see("select", step.name)
    elif step.kind == "pass":
        yield _pass(work, step.name, planned, named)
    elif step.kind == "training":
        yield from _training(work, step.name)
    else:
        yield _STEPS[step.kind](work, step.name)


def _schema(work: Work, step: Step, found: Evolution) -> Iterator[StepResult]:
    work.declaration.check(step.kind, step.name)
    run = evolve(work.registry, found, work.declaration.facet(step.kind, step.name))
    if run is not None:
        work.declaration.see(step.kind, step.name)
        yield _published("schema", found.root, run, "; ".join(_changes(run.facets["schema"])))


def _changes(facet: Mapping[str, Any]) -> Iterator[str]:
    """What was changed of columns, in words."""
    yield from (f"+ {name}" for name in facet["added"])
    yield from (f"~ {old} is {new}" for old, new in {**facet["passes"], **facet["renamed"]}.items() if new[0] != "_")
    yield from (f"~ {name}: {before} is {after}" for name, (before, after) in facet["retyped"].items())


def _model(work: Work, name: str) -> StepResult:
    checkpoint = add_declared(work.registry, name)
    return StepResult("model", name, "registered", f"{checkpoint.digest[:12]}", ref=f"{name}@{checkpoint.digest[:12]}")


def _ingest(work: Work, name: str) -> StepResult:
    registry = work.registry
    with registry.alone(name):
        work.declaration.check("ingest", name)
        take_up(registry, name)
        done = open_ingest(registry, name).execute(work.progress, work.declaration.facet("ingest", name))
        registry.catalog.touch_all(name, done.touched.items())
        if done.filled is not None:
            registry.record(done.filled)
        if done.run is not None:
            registry.record(done.run)
        work.declaration.see("ingest", name)
    if done.run is None:
        return StepResult("ingest", name, "unchanged", "the source is as it was")
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed, "filled": done.refilled}
    if done.run.outputs:
        counts["rejected"] = done.rejected
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "no row changed"
    made = done.run if done.run.outputs or done.filled is None else done.filled
    return _published("ingest", name, made, said, rejected=done.rejected, computed=done.added + done.changed)


class _PassTerms(Terms):
    """A pass begins if nobody has declared it otherwise, and stops where it has spent what it may."""

    def __init__(self, work: Work, bound: BoundPass) -> None:
        self._work, self._bound = work, bound
        self.facets = work.declaration.facet("pass", bound.name)

    def begin(self) -> None:
        self._work.declaration.check("pass", self._bound.name)

    def spent(self, cost: Mapping[str, float]) -> None:
        self._work.allowance.spend(self._bound.name, cost, model=self._bound.spec.model is not None)


def _pass(work: Work, name: str, planned: PlanStep, named: bool) -> StepResult:
    registry = work.registry
    bound = bind(registry, name)
    inputs: tuple[RunInput, ...] = ()
    if bound.model is not None:
        checkpoint = bound.model.checkpoint
        if bound.spec.model in registry.spec.models and _is_new(registry, checkpoint):
            add_declared(registry, checkpoint.name)  # where the pass was selected without its model
        weights_path(registry.project.folder, checkpoint, verify=True)
        inputs = (RunInput("checkpoint", checkpoint.digest, f"{bound.spec.model}", role="curated_by"),)
    if planned.action == "run":
        work.audits.refuse_senseless()
        if not work.errors_only:  # how many these are is not planned; what they cost is watched all the same
            work.allowance.admit(planned)
        stage_samples(registry, bound, lambda: pass_freshness(registry, bound).pending)
    done = run_pass(registry, bound, inputs, work.progress, terms=_PassTerms(work, bound), errors_only=work.errors_only)
    work.declaration.see("pass", name)
    if bound.model is not None and (served := getattr(bound.operator, "served", None)) is not None:
        note_served(registry, bound.model.checkpoint, served())
    if done.run is None and planned.action == "stale":
        return StepResult("pass", name, "stale", planned.reason)
    if done.run is None and planned.drifted and named:
        take_note(registry, bound)
        return StepResult("pass", name, "unchanged", "taken note that the changed code answers as before")
    if done.run is None:
        said = "no row has failed" if work.errors_only else "every row is done"
        if done.computed:
            said = f"{done.computed:,} rows computed, with the answers that are there"
        return StepResult("pass", name, "unchanged", said, computed=done.computed, errors=done.errors)
    resumed = f", {done.staged:,} found staged" if done.staged else ""
    resumed += f", {done.taken:,} taken over" if done.taken else ""
    wrong = f", {done.errors:,} with an error" if done.errors else ""
    resumed += f", {lost:,} of the annotations about no sample" if (lost := unmatched(done.run)) else ""
    whose = f" of {bound.root}" if bound.into is not None else ""
    return _published("pass", name, done.run, f"{done.computed:,} rows{whose} computed{resumed}{wrong}",
                      computed=done.computed, errors=done.errors)  # fmt: skip


def _is_new(registry: Registry, checkpoint: Checkpoint) -> bool:
    known = newest(registry, checkpoint.name)
    return known is None or known.digest != checkpoint.digest


def _select(work: Work, name: str) -> StepResult:
    registry = work.registry
    into = registry.spec.passes[name].into
    with registry.alone(f"select.{into}"):
        work.declaration.check("select", name)
        take_up(registry, f"{into}")
        done = run_selection(registry, bind_selection(registry, name), work.declaration.facet("select", name))
        work.declaration.see("select", name)
    if done.run is None or not done.run.outputs:
        return StepResult("select", name, "unchanged", done.said)
    return _published("select", name, done.run, done.said)


def _training(work: Work, name: str) -> Iterator[StepResult]:
    """What it reads, checked, and the training, unless something of that failed."""
    registry = work.registry
    spec = registry.spec.trainings[name]
    with registry.alone(f"training.{name}"):
        read = audit.read_by(registry, spec)
        yield from work.audits.of(read)
        verdicts = [work.audits.verdict(dataset) for dataset in read]
        if (failed := next((verdict for verdict in verdicts if not verdict.ok), None)) is not None:
            yield StepResult("training", name, "blocked", f"its data failed: {failed.said}", hint=audit.hint(failed))
            return
        on = {verdict.row.dataset: verdict.row for verdict in verdicts}
        runs = run_training(registry, name, training_state(registry, name).due or spec.seeds, work.progress, on)
    digests = ", ".join(str(run.checkpoints[0]["digest"])[:12] for run in runs)
    yield StepResult(
        "training", name, "trained", f"{spec.model} {digests}", ref=f"model:{spec.model}", computed=len(runs)
    )


_STEPS: dict[str, Callable[[Work, str], StepResult]] = {"model": _model, "select": _select}


def _published(kind: str, name: str, run: Run, said: str, **counts: int) -> StepResult:
    made = run.facets.get("pass", {}).get("into")
    shown = [output for output in run.outputs if output.dataset == made] or list(run.outputs)
    output = shown[-1] if shown else None
    outcome = "published" if output else "unchanged"
    ref = output.ref if output else None
    message = f"{ref}  {said}" if ref else said
    return StepResult(kind, name, outcome, message, ref=ref, rows=output.rows if output else 0, **counts)  # type: ignore[arg-type]

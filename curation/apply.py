"""Doing what the declaration says: every step that is pending, upstream first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mmreg.curation.bind import bind
from mmreg.curation.change import take_note
from mmreg.curation.graph import Step, steps
from mmreg.curation.plan import open_ingest, plan_step
from mmreg.curation.runner import run_pass
from mmreg.curation.select import bind_selection, run_selection
from mmreg.curation.train import run_training, training_state
from mmreg.registry.models import add_declared, newest
from mmreg.registry.weights import weights_path
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.plan import ApplyReport, PlanStep, StepResult
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run, RunInput

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def apply(registry: Registry, select: Sequence[str] = (), progress: Progress | None = None) -> ApplyReport:
    """Bring what is declared, or ``select``, up to date. Run again, it does only what is pending by then.

    A step that waits for something is reported as blocked, and so is what comes after it; a failing step raises,
    and what was published before it stays.
    """
    registry.catch_up()
    progress = progress or Quiet()
    named = {selector.strip("+").removeprefix("dataset:") for selector in select}
    results = []
    for step in steps(registry.project, select):
        started = time.monotonic()
        result = _apply(registry, step, step.name in named, progress)
        results.append(_timed(result, time.monotonic() - started))
        if result.outcome not in ("unchanged",):
            progress.message(f"{step.kind} {step.name}: {result.message}")
    return ApplyReport(tuple(results))


def _apply(registry: Registry, step: Step, named: bool, progress: Progress) -> StepResult:
    if step.kind == "ingest":
        return _ingest(registry, step.name, progress)  # looks for itself, so that a source is listed once
    planned = plan_step(registry, step)
    if planned.action == "stale" and not named:
        return StepResult(step.kind, step.name, "stale", planned.reason)
    if planned.action == "blocked":
        return StepResult(step.kind, step.name, "blocked", planned.reason)
    if planned.action == "nothing" and step.kind != "pass":
        return StepResult(step.kind, step.name, "unchanged", planned.reason)
    if step.kind == "pass":
        return _pass(registry, step.name, planned, named, progress)
    return _STEPS[step.kind](registry, step.name, progress)


def _model(registry: Registry, name: str, progress: Progress) -> StepResult:
    checkpoint = add_declared(registry, name)
    return StepResult("model", name, "registered", f"{checkpoint.digest[:12]}", ref=f"{name}@{checkpoint.digest[:12]}")


def _ingest(registry: Registry, name: str, progress: Progress) -> StepResult:
    with registry.alone(name):
        done = open_ingest(registry, name).execute(progress)
        registry.catalog.touch_all(name, done.touched.items())
        if done.run is None:
            return StepResult("ingest", name, "unchanged", "the source is as it was")
        registry.record(done.run)
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
    if done.run.outputs:
        counts["rejected"] = done.rejected
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "no row changed"
    return _published("ingest", name, done.run, said, rejected=done.rejected, computed=done.added + done.changed)


def _pass(registry: Registry, name: str, planned: PlanStep, named: bool, progress: Progress) -> StepResult:
    bound = bind(registry, name)
    inputs: tuple[RunInput, ...] = ()
    if bound.model is not None:
        checkpoint = bound.model.checkpoint
        if bound.spec.model in registry.spec.models and _is_new(registry, checkpoint):
            add_declared(registry, checkpoint.name)  # where the pass was selected without its model
        weights_path(registry.project.folder, checkpoint, verify=True)
        inputs = (RunInput("checkpoint", checkpoint.digest, f"{bound.spec.model}", role="curated_by"),)
    done = run_pass(registry, bound, inputs, progress)
    if done.run is None and planned.action == "stale":
        return StepResult("pass", name, "stale", planned.reason)
    if done.run is None and planned.drifted and named:
        take_note(registry, bound)
        return StepResult("pass", name, "unchanged", "taken note that the changed code answers as before")
    if done.run is None:
        return StepResult("pass", name, "unchanged", "every row is done")
    resumed = f", {done.staged:,} found staged" if done.staged else ""
    resumed += f", {done.taken:,} taken over" if done.taken else ""
    wrong = f", {done.errors:,} with an error" if done.errors else ""
    return _published("pass", name, done.run, f"{done.computed:,} rows computed{resumed}{wrong}",
                      computed=done.computed, errors=done.errors)  # fmt: skip


def _is_new(registry: Registry, checkpoint: Checkpoint) -> bool:
    known = newest(registry, checkpoint.name)
    return known is None or known.digest != checkpoint.digest


def _select(registry: Registry, name: str, progress: Progress) -> StepResult:
    into = registry.spec.passes[name].into
    with registry.alone(f"select.{into}"):
        done = run_selection(registry, bind_selection(registry, name))
    if done.run is None or not done.run.outputs:
        return StepResult("select", name, "unchanged", done.said)
    return _published("select", name, done.run, done.said)


def _training(registry: Registry, name: str, progress: Progress) -> StepResult:
    spec = registry.spec.trainings[name]
    with registry.alone(f"training.{name}"):
        state = training_state(registry, name)
        runs = run_training(registry, name, state.due or spec.seeds, progress)
    digests = ", ".join(str(run.checkpoints[0]["digest"])[:12] for run in runs)
    return StepResult(
        "training", name, "trained", f"{spec.model} {digests}", ref=f"model:{spec.model}", computed=len(runs)
    )


_STEPS: dict[str, Callable[[Registry, str, Progress], StepResult]] = {
    "model": _model, "ingest": _ingest, "select": _select, "training": _training,
}  # fmt: skip


def _published(kind: str, name: str, run: Run, said: str, **counts: int) -> StepResult:
    output = run.outputs[-1] if run.outputs else None
    outcome = "published" if output else "unchanged"
    ref = str(VersionRef.at(output.dataset, output.ordinal)) if output else None
    message = f"{ref}  {said}" if ref else said
    return StepResult(kind, name, outcome, message, ref=ref, rows=output.rows if output else 0, **counts)  # type: ignore[arg-type]


def _timed(result: StepResult, seconds: float) -> StepResult:
    from dataclasses import replace

    return replace(result, seconds=round(seconds, 3))

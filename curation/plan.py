"""What ``mmreg apply`` would do, and why: the declaration compared with the lake. Computes nothing, reads no media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import xxhash

from mmreg.curation.approval import over_budget
from mmreg.curation.audit import plan_check, read_by, touched
from mmreg.curation.bind import BoundPass
from mmreg.curation.change import drift, kept_back
from mmreg.curation.cost import estimate
from mmreg.curation.declared import PARTS, Declaration
from mmreg.curation.evolution import Evolutions, as_it_stands, evolution_steps
from mmreg.curation.freshness import Freshness, RowSet
from mmreg.curation.graph import Step, steps, upstream
from mmreg.curation.measuring import best_measure
from mmreg.curation.sample import count_staged, take_sample
from mmreg.curation.scopes import examine, gone
from mmreg.curation.select import bind_selection, is_current
from mmreg.curation.train import training_state, waits_for
from mmreg.curation.undeclared import undeclared
from mmreg.errors import Blocked, NotFound
from mmreg.registry.hub import is_hub
from mmreg.registry.ingest import Ingest
from mmreg.registry.models import declared_checkpoint, newest, told_anew
from mmreg.schemas.plan import Plan, PlanStep
from mmreg.sources import open_source

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def plan(registry: Registry, select: Sequence[str] = (), *, sample: int = 0) -> Plan:
    """The declared steps in their order, each with what would be done, why, and what it would cost.

    What a step builds on may move when the steps before it run: then its rows are not known yet, and a step that
    only waits for data that this very plan makes is planned to run. ``sample`` rows of each pass are computed to
    measure its cost; they are published nowhere.
    """
    registry.catch_up()
    behind = upstream(registry.project)
    declaration, evolutions = Declaration(registry), Evolutions(registry)
    moving: list[Step] = []
    planned: list[PlanStep] = []
    wanted = steps(registry.project, select)
    checks: dict[str, PlanStep | None] = {}
    for step in wanted:
        with declaration.blaming(step.kind, step.name):
            found = evolutions.of(step)
        if found is not None:
            planned += evolution_steps(registry, found)
        made = plan_step(registry, step, sample=sample, evolutions=evolutions)
        before = next((other for other in moving if other in behind[step]), None)
        if made.waits_for_data and before is not None:
            made = replace(made, action="run", reason=f"after {before.kind} {before.name}")
        if step.kind == "training":
            read = [name for name in read_by(registry, registry.spec.trainings[step.name]) if name not in checks]
            checks |= {name: plan_check(registry, name, moving) for name in read}
            planned += [checked for name in read if (checked := checks[name]) is not None]
            made = _held_back(registry, made, checks)
        if made.action == "run" or found is not None:
            moving.append(step)
            made = _noted(made, declaration.newer(step.kind, step.name) if step.kind in PARTS else None)
        planned.append(made)
    rest = [name for name in touched(registry, wanted) if name not in checks]
    planned += [checked for name in rest if (checked := plan_check(registry, name, moving)) is not None]
    if not select:
        planned += undeclared(evolutions)
    return Plan(tuple(planned), over_budget(registry.spec, tuple(planned)))


def _held_back(registry: Registry, step: PlanStep, checks: Mapping[str, PlanStep | None]) -> PlanStep:
    """A training that would run, on data that failed its checks."""
    for name in read_by(registry, registry.spec.trainings[step.name]):
        if step.action == "run" and (checked := checks[name]) is not None and checked.action == "failed":
            return replace(step, action="blocked", reason=f"its data failed: {checked.reason}")
    return step


def _noted(step: PlanStep, note: str | None) -> PlanStep:
    return step if note is None else replace(step, notes=(*step.notes, note))


def plan_step(registry: Registry, step: Step, *, sample: int = 0, evolutions: Evolutions | None = None) -> PlanStep:
    """What is to do for one step on the newest versions."""
    match step.kind:
        case "model":
            return _model(registry, step.name)
        case "ingest":
            return _ingest(registry, step.name)
        case "pass":
            return _pass(registry, step.name, sample, evolutions or Evolutions(registry))
        case "select":
            return _select(registry, step.name)
        case "training":
            return _training(registry, step.name)
        case "schema":
            raise AssertionError("changes of columns belong to the step that needs them")


def open_ingest(registry: Registry, name: str) -> Ingest:
    spec = registry.spec.datasets[name]
    source = open_source(name, spec, registry.project.folder)
    last = registry.catalog.last_run("ingest", name)
    return Ingest(registry.lake, name, spec, source, last, registry.catalog.touched(name))


def pass_freshness(registry: Registry, bound: BoundPass) -> Freshness:
    """How the rows of a pass stand on the newest version of its root. Raises `NotFound` where an input is not there."""
    newest = registry.newest(bound.root)
    names = newest.table.schema.names
    for column in bound.read():
        if column not in names:
            raise NotFound(f"pass {bound.name}: {bound.root} has no column {column!r} yet")
    rows = RowSet(newest.table, bound, registry.base_selection(bound.spec.from_, bound.spec.split))
    return examine(newest, bound, rows, registry.pass_summary(bound.name))


def _model(registry: Registry, name: str) -> PlanStep:
    try:
        declared, known = declared_checkpoint(registry, name), newest(registry, name)
    except NotFound:
        if not is_hub(registry.spec.models[name].uri):
            raise
        return PlanStep("model", name, "run", f"to be fetched from {registry.spec.models[name].uri}")
    if known is None:
        return PlanStep("model", name, "run", "not registered yet")
    if known.digest != declared.digest:
        return PlanStep("model", name, "run", f"now {declared.digest[:12]}, was {known.digest[:12]}")
    if told_anew(registry, name):
        return PlanStep("model", name, "run", "its licence, its base or its parts are declared otherwise")
    return PlanStep("model", name, "nothing", f"registered as {known.digest[:12]}")


def _ingest(registry: Registry, name: str) -> PlanStep:
    ingest = open_ingest(registry, name)
    changes = ingest.plan()
    counts = {
        "added": len(changes.added),
        "changed": len(changes.changed),
        "removed": len(changes.removed_rows) + changes.forgotten,
    }
    if not changes.pending and registry.catalog.last_run("ingest", name) is not None:
        return PlanStep("ingest", name, "nothing", "the source is as it was", dataset=name, rows=0)
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "an empty source"
    if ingest.redeclared:
        said = f"the declaration changed: {said.replace('changed', 'to read again')}"
    rows = counts["added"] + counts["changed"]
    return PlanStep("ingest", name, "run", said, dataset=name, rows=rows, changes=counts)


def _pass(registry: Registry, name: str, sample: int, evolutions: Evolutions) -> PlanStep:
    spec = registry.spec.passes[name]
    try:
        bound = evolutions.bound(name)
    except Blocked as error:
        return PlanStep("pass", name, "blocked", error.message, dataset=spec.from_)
    there = as_it_stands(bound, evolutions)
    if there is None:
        return PlanStep("pass", name, "run", f"after schema {bound.root}", dataset=bound.root)
    try:
        fresh = pass_freshness(registry, there)
    except NotFound as error:
        return PlanStep("pass", name, "blocked", error.message, dataset=spec.from_, waits_for_data=True)
    step = replace(_computing(registry, there, fresh, sample), name=name)
    note = drift(registry, there)
    return step if note is None else replace(step, drifted=True, notes=(*step.notes, note))


def _computing(registry: Registry, bound: BoundPass, fresh: Freshness, sample: int) -> PlanStep:
    name, kept = bound.name, kept_back(bound, fresh)
    if kept is not None:
        action: Literal["run", "stale"] = "stale" if bound.spec.on_change == "freeze" else "run"
        return PlanStep("pass", name, action, kept, dataset=bound.root, rows=0)
    if not fresh.rows and (children := gone(registry, bound)):
        said = f"{children:,} rows of {bound.into} were made from samples that are gone"
        return PlanStep("pass", name, "run", said, dataset=bound.root, rows=0)
    if not fresh.rows:
        failed = f", {fresh.failed:,} with an error" if fresh.failed else ""
        return PlanStep("pass", name, "nothing", f"{fresh.done:,} rows done{failed}", dataset=bound.root, rows=0)
    return _pending(registry, bound, fresh, sample)


def _pending(registry: Registry, bound: BoundPass, fresh: Freshness, sample: int) -> PlanStep:
    """A pass with rows to compute: why, and what that would cost."""
    counts = _why(bound, fresh)
    staged = count_staged(registry, bound, fresh.pending)
    # A group is answered as a whole, so it cannot be sampled; rows that are made are staged with their sample.
    sampled = bound.operator.scope == "row"
    taken = take_sample(registry, bound, fresh, sample) if sample and sampled else None
    measure = taken.measure if taken is not None else best_measure(registry, bound)
    return PlanStep(
        "pass",
        bound.name,
        "run",
        ", ".join(f"{count:,} {what}" for what, count in counts.items())
        + (f"; {staged:,} found staged" * bool(staged)),
        dataset=bound.root,
        rows=fresh.rows,
        changes=counts,
        staged=staged,
        estimate=estimate(bound, fresh.rows - staged, measure),
        sample=taken.sample if taken is not None else None,
        fingerprint=_fingerprint(bound, fresh),
    )


def _why(bound: BoundPass, fresh: Freshness) -> dict[str, int]:
    """Pending rows by why they are; stale ones by what moved."""
    counts = fresh.reasons()
    stale = counts.pop("stale", 0)
    others = sum(rows for made, rows in fresh.outdated.items() if made != f"{bound.generation:016x}")
    recipe = min(stale, others)
    why = {"missing": counts.pop("missing", 0), "recipe changed": recipe, "inputs changed": stale - recipe, **counts}
    return {reason: rows for reason, rows in why.items() if rows}


def _fingerprint(bound: BoundPass, fresh: Freshness) -> str:
    """Which recipe is to compute exactly which rows."""
    digest = xxhash.xxh3_64(f"{bound.generation:016x}".encode())
    for number, row_ids in sorted(fresh.pending.items()):
        digest.update(f"/{number}/".encode())
        digest.update(b"all" if row_ids is None else row_ids.tobytes())
    return digest.hexdigest()


def _select(registry: Registry, name: str) -> PlanStep:
    spec = registry.spec.passes[name]
    try:
        bound = bind_selection(registry, name)
    except NotFound as error:
        return PlanStep("select", name, "blocked", error.message, dataset=spec.into, waits_for_data=True)
    if is_current(registry, bound):
        return PlanStep("select", name, "nothing", "its inputs are as they were", dataset=spec.into)
    first = not registry.exists(bound.into)
    return PlanStep("select", name, "run", "never made" if first else "its inputs changed", dataset=spec.into)


def _training(registry: Registry, name: str) -> PlanStep:
    spec = registry.spec.trainings[name]
    dataset = spec.reads[0]
    waits = waits_for(registry, spec)
    if waits is not None:
        return PlanStep("training", name, "blocked", f"waits for {waits}", dataset=dataset, waits_for_data=True)
    state = training_state(registry, name)
    if state.due:
        seeds = ", ".join(map(str, state.due))
        return PlanStep("training", name, "run", f"no model of this recipe yet (seed {seeds})", dataset=dataset)
    if state.moved is None:
        return PlanStep(
            "training",
            name,
            "nothing",
            f"trained on {', '.join(d.from_ for d in spec.trained_on)} as it is",
            dataset=dataset,
        )
    if spec.on_change == "retrain":
        return PlanStep("training", name, "run", state.moved, dataset=dataset)
    return PlanStep("training", name, "stale", f"{state.moved}; kept (mmreg apply {name} trains anew)", dataset=dataset)

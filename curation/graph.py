"""What ``mmreg.yaml`` declares as steps in the order that they can run in, and selectors over them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from mmreg.config import Project
from mmreg.curation.kinds import made_roots
from mmreg.curation.outputs import declared_outputs
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import NotFound, UsageError
from mmreg.schemas.declaration import PassSpec, ProjectSpec
from mmreg.schemas.document import all_roots, roots_of
from mmreg.schemas.plan import StepKind
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.suggest import did_you_mean


@dataclass(frozen=True)
class Step:
    """One declared thing to bring up to date."""

    kind: StepKind
    name: str


def steps(project: Project, select: Sequence[str] = ()) -> list[Step]:
    """The declared steps, upstream first, in the order of the file where nothing else decides.

    ``select``: names; ``+name`` with all upstream, ``name+`` with all downstream, ``dataset:name`` what makes a
    dataset. Raises `NotFound` for a name that is not declared.
    """
    needs = _needs(project)
    ordered = _ordered(needs)
    if not select:
        return ordered
    wanted: set[Step] = set()
    for selector in select:
        wanted |= _selected(project.spec, needs, selector)
    return [step for step in ordered if step in wanted]


def upstream(project: Project) -> dict[Step, set[Step]]:
    """For every step all the steps that it builds on, directly or not."""
    needs = _needs(project)
    return {step: _closure([step], needs) for step in needs}


def _needs(project: Project) -> dict[Step, set[Step]]:
    needs = _data_needs(project)
    for step, training in _curated_by_trained(project):
        # A model that learns from what this pass made cannot come before it: then the pass takes the model that is
        # there, and the loop between data and model turns once with every training.
        if step not in _closure([training], needs):
            needs[step].add(training)
    return needs


def _data_needs(project: Project) -> dict[Step, set[Step]]:
    """Needs, but for those of passes whose model is trained here."""
    spec = project.spec
    makers = {f"dataset {name}": Step("ingest", name) for name in spec.datasets}
    made = made_roots(project)
    makers |= {
        f"dataset {p.into}": Step("pass" if p.into in made else "select", name)
        for name, p in spec.passes.items()
        if p.into
    }
    columns = _column_makers(project, made)
    needs: dict[Step, set[Step]] = {Step("model", name): _before_model(spec, name) for name in spec.models}
    needs |= {Step("ingest", name): set() for name in spec.datasets}
    for name, declared in spec.passes.items():
        before = {makers[f"dataset {dataset}"] for dataset in declared.reads}
        for root in all_roots(spec, declared.from_, made) if declared.from_ else ():
            before |= {columns[root, c] for c in _reads(declared) if (root, c) in columns}
        if (model := _model_name(declared.model)) in spec.models:
            before.add(Step("model", model))
        step = _pass_step(name, declared)
        needs[step] = before - {step}
        if step.kind == "pass" and declared.into is not None and declared.into not in made:
            # A filter of one's own makes columns, and then the selection of the rows that it keeps.
            needs[Step("select", name)] = {step, makers[f"dataset {declared.from_}"]}
    for name, training in spec.trainings.items():
        before = {makers[f"dataset {dataset}"] for dataset in training.reads}
        for model in map(_model_name, training.models):
            if model in spec.models:
                before.add(Step("model", model))
            elif (maker := _trainer(spec, model)) is not None:
                before.add(maker)
        needs[Step("training", name)] = before - {Step("training", name)}
    return needs


def _before_model(spec: ProjectSpec, name: str) -> set[Step]:
    """The declared models that one was made from: they are registered first."""
    return {Step("model", _model_name(ref)) for ref in spec.models[name].models} & {
        Step("model", other) for other in spec.models if other != name
    }


def _curated_by_trained(project: Project) -> Iterator[tuple[Step, Step]]:
    """Passes that use a model which is trained here, with the training."""
    for name, declared in project.spec.passes.items():
        if (maker := _trainer(project.spec, _model_name(declared.model))) is not None:
            yield _pass_step(name, declared), maker


def _trainer(spec: ProjectSpec, model: str) -> Step | None:
    if model in spec.models:
        return None
    return next((Step("training", name) for name, t in spec.trainings.items() if t.model == model), None)


def _model_name(ref: str | None) -> str:
    return ModelRef.parse(ref).name if ref is not None else ""


def _column_makers(project: Project, made: Collection[str]) -> dict[tuple[str, str], Step]:
    """Which pass makes which column of which root, as far as can be told without running one.

    ``made`` are the roots that passes make.
    """
    makers = {}
    for name, declared in project.spec.passes.items():
        if declared.use not in SELECTIONS:
            own = declared.into if declared.into in made else None
            root = own or roots_of(project.spec, declared.from_, made)
            for column in declared_outputs(name, declared, project.folder):
                makers[root, column] = Step("pass", name)
    return makers


def _reads(declared: PassSpec) -> set[str]:
    columns = set(declared.inputs.values())
    for predicate in (declared.where, declared.rows):
        if predicate is not None:
            columns |= {column.partition(".")[0] for column in Predicate.parse(predicate).columns}
    columns |= {ranked.column.partition(".")[0] for ranked in (declared.top, declared.band) if ranked is not None}
    if declared.use == "split" and isinstance(group := declared.params.get("group"), str):
        columns.add(group)
    return columns


def _pass_step(name: str, declared: PassSpec) -> Step:
    return Step("select" if declared.use in SELECTIONS else "pass", name)


def _ordered(needs: dict[Step, set[Step]]) -> list[Step]:
    place = {step: number for number, step in enumerate(needs)}
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(step.name for step in error.args[1])
        message = f"mmreg.yaml goes in a circle: {circle}"
        raise UsageError(message, hint="let one of them read something else") from error
    ordered: list[Step] = []
    ready: list[Step] = []
    while sorter.is_active():
        ready += sorter.get_ready()
        ready.sort(key=place.__getitem__)
        step = ready.pop(0)
        ordered.append(step)
        sorter.done(step)
    return ordered


def _selected(spec: ProjectSpec, needs: dict[Step, set[Step]], selector: str) -> set[Step]:
    up, down = selector.startswith("+"), selector.endswith("+")
    name = selector.strip("+")
    if name.startswith("dataset:"):
        dataset = name.removeprefix("dataset:")
        made_by = {p.into: n for n, p in spec.passes.items() if p.into}
        chosen = {step for step in needs if step.name == made_by.get(dataset, dataset)}
    else:
        chosen = {step for step in needs if step.name == name}
    if not chosen:
        known = sorted({step.name for step in needs})
        raise NotFound(
            f"nothing declared is called {name!r}{did_you_mean(name, known)}",
            hint=f"one of: {', '.join(known)}",
        )
    wanted = set(chosen)
    if up:
        wanted |= _closure(chosen, needs)
    if down:
        users: dict[Step, set[Step]] = {step: set() for step in needs}
        for step, before in needs.items():
            for other in before:
                users[other].add(step)
        wanted |= _closure(chosen, users)
    return wanted


def _closure(start: Iterable[Step], edges: dict[Step, set[Step]]) -> set[Step]:
    found: set[Step] = set()
    queue = list(start)
    while queue:
        for step in edges[queue.pop()]:
            if step not in found:
                found.add(step)
                queue.append(step)
    return found
